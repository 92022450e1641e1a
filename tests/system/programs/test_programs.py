"""Each program of this folder runs as its developer would run it, and what it did is compared with the sandbox.

The sandbox does not answer the request that finishes the files of an upload to "held" until the program has printed
that it cancelled it. The service acts on that request then, so the next run must find out that it has the files.
"""

import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from pixel_core import Headers, Origin, Response
from pixel_transports import PixelApiSettings, PixelClient
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer, sample_photos
from pixel_transports.sandbox.incoming import Content
from tests.support.environments import DEPENDENCIES, clean_environment, installed_library, process, venv_with
from tests.support.paths import ROOT
from tests.support.peers import PATIENCE, eventually, unused_port

HERE = Path(__file__).parent
FASTAPI = ("fastapi==0.165.0", "uvicorn==0.54.0", "python-multipart==0.0.34")
CELERY = ("celery==5.7.0",)
QT = ("PySide6-Essentials==6.12.0",)


OFFSCREEN = "This plugin does not support propagateSizeHints()\n"
"""What Qt prints without a screen."""


class Holding(Sandbox):
    """Holds the requests that finish files of data collections of the name "held", until `free` is set."""

    def __init__(self) -> None:
        super().__init__(job_seconds=0.02)
        self.free = threading.Event()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        found = re.search(r"/data_collections/(\d+)/\w+/multiple_uploadFinished", target)
        if found and self.state.collections[int(found[1])].name == "held":
            self.free.wait(PATIENCE)
        return super().handle(method, origin, target, headers, content)

    def images(self) -> dict[str, Counter[tuple[str, bytes]]]:
        """Name and bytes of each image, by the name of its data collection. Waits until no server job is running."""

        def ended() -> bool:
            # Any request makes the sandbox process the jobs that are due.
            self.handle("GET", Origin("http", "sandbox.invalid", 80), "/", Headers(), b"")
            return all(job.ended for job in list(self.state.jobs.values()))

        eventually(ended, lambda: "the jobs of the sandbox to end")
        return {
            collection.name: Counter(
                (image.file_name, bytes(self.objects[image.key]))
                for image in self.state.resources_by_collection[number].values()
            )
            for number, collection in self.state.collections.items()
        }

    def logins(self) -> int:
        return sum(request.path.endswith("/token") for request in self.received)


class Site:
    """A served sandbox, a folder of flights, and the environment of a program."""

    def __init__(self, server: SandboxServer, sandbox: Holding, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.environment = {
            **clean_environment(),
            **sandbox.environment(server.url),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "PIXEL_JOURNAL": str(folder / "journal.sqlite"),
        }
        self.settings = PixelApiSettings(**sandbox.environment(server.url))

    def flights(self, *names: str) -> dict[str, Counter[tuple[str, bytes]]]:
        """Make a folder of photos for each name; returns what is to be stored."""
        for name in names:
            (self.folder / "flights" / name).mkdir(parents=True)
            for photo in sample_photos():
                (self.folder / "flights" / name / f"{name}_{photo.name}").write_bytes(photo.read_bytes())
        return {
            name: Counter((path.name, path.read_bytes()) for path in (self.folder / "flights" / name).iterdir())
            for name in names
        }

    def collection(self, name: str) -> tuple[int, int]:
        with PixelClient.from_settings(self.settings) as client:
            project = client.create_project("Flights", "", SAMPLE_AREA)
            return project["id"], client.create_data_collection(project["id"], name, "", "image")["id"]

    def run(self, command: list[Any], environment: Mapping[str, str] = {}, cwd: Path = ROOT) -> list[str]:
        """The lines that a program prints. What it holds is free as soon as it has cancelled an upload."""
        program = subprocess.Popen(
            [str(each) for each in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**self.environment, **environment},
        )
        timer = threading.Timer(2 * PATIENCE, program.kill)
        timer.start()
        lines = []
        with program, ThreadPoolExecutor(1) as pool:
            assert program.stdout is not None
            assert program.stderr is not None
            errors = pool.submit(program.stderr.read)
            for line in program.stdout:
                lines.append(line.strip())
                if "cancelled" in line:
                    self.sandbox.free.set()
            timer.cancel()
        assert (program.returncode, errors.result().replace(OFFSCREEN, "")) == (0, ""), lines
        assert list(self.sandbox.failures) == []
        return lines


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    sandbox = Holding()
    with SandboxServer(sandbox) as server:
        try:
            yield Site(server, sandbox, tmp_path)
        finally:
            sandbox.free.set()


@pytest.mark.parametrize(
    ("program", "cancelled"),
    [("thread_pool", "held: cancelled after 0 of 6"), ("trio_nursery", "held: cancelled")],
)
def test_uploads_share_a_client_and_one_is_cancelled_while_the_others_go_on(
    site: Site, program: str, cancelled: str
) -> None:
    expected = site.flights("first", "held", "second")
    lines = site.run([sys.executable, "-m", f"tests.system.programs.{program}", site.folder / "flights"])
    assert {"first: 6 photos, 0 errors", "second: 6 photos, 0 errors", cancelled} < set(lines)
    assert lines.index(cancelled) < next(at for at, line in enumerate(lines) if line.startswith("held: 6 photos"))
    assert lines[-1].endswith("0 sent again")
    assert site.sandbox.images() == expected
    assert site.sandbox.logins() == 1


@pytest.mark.slow
def test_a_fastapi_app_uploads_what_it_receives_with_one_client(site: Site) -> None:
    python, port = venv_with(*FASTAPI, *DEPENDENCIES), unused_port()
    project_id, collection_id = site.collection("received")
    spool = site.folder / "spool"
    spool.mkdir()
    log = site.folder / "log"
    library = {**site.environment, "PYTHONPATH": str(installed_library(site.folder)), "SPOOL": str(spool)}
    command: list[str | Path] = [
        python,
        "-m",
        "uvicorn",
        "--app-dir",
        str(HERE),
        "--port",
        str(port),
        "fastapi_app:app",
    ]
    url = f"http://127.0.0.1:{port}/projects"
    before = site.sandbox.logins()
    with process(command, log, library) as app, httpx.Client(timeout=PATIENCE) as http, ThreadPoolExecutor(6) as pool:
        eventually(lambda: "Uvicorn running" in log.read_text() or app.poll() is not None, log.read_text)
        place = f"{url}/{project_id}/collections/{collection_id}/photos"

        def post(name: str, content: bytes) -> httpx.Response:
            return http.post(place, files={"photo": (name, content)})

        photos = {each.name: each.read_bytes() for each in sample_photos()}
        answers = list(pool.map(post, photos, photos.values()))
        assert [(each.status_code, each.json()["name"]) for each in answers] == [(200, name) for name in photos]
        assert len({each.json()["uploads"][0] for each in answers}) == 6
        assert {len(each.json()["uploads"]) for each in answers} == {1}
        refused = post("notes.jpg", b"rain")
        assert (refused.status_code, "notes.jpg" in refused.text) == (422, True)
        assert http.get(f"{url}/{project_id}").json()["name"] == "Flights"
        assert http.get(f"{url}/0").status_code == 404
    assert "Traceback" not in log.read_text()
    assert "Finished server process" in log.read_text()
    assert site.sandbox.images() == {"received": Counter(photos.items())}
    assert site.sandbox.logins() == before + 1
    assert list(spool.rglob("*.jpg")) == []


@pytest.mark.slow
def test_a_window_of_pyside6_shows_the_progress_of_its_worker_and_cancels_it_by_a_button(site: Site) -> None:
    python = venv_with(*QT, *DEPENDENCIES)
    expected = site.flights("held")
    ids = site.collection("held")
    library = {"PYTHONPATH": str(installed_library(site.folder)), "QT_QPA_PLATFORM": "offscreen"}
    lines = site.run([python, HERE / "qt_window.py", site.folder / "flights" / "held", *ids], library)
    assert lines == ["cancelled after 0 of 6", "uploaded 6 photos, 0 errors"]
    assert site.sandbox.images() == expected
    assert sum(request.path.startswith("/storage/") for request in site.sandbox.received) == 6


@pytest.mark.slow
def test_a_worker_of_celery_uploads_with_pickled_clients_and_its_errors_are_those_of_the_library(site: Site) -> None:
    python = venv_with(*CELERY, *DEPENDENCIES)
    expected = site.flights("queued")
    ids = site.collection("queued")
    folder = site.folder / "flights" / "queued"
    (folder / "queued_notes.jpg").write_bytes(b"rain")
    queue, log = site.folder / "queue", site.folder / "log"
    queue.mkdir()
    library = {"PYTHONPATH": str(installed_library(site.folder)), "QUEUE": str(queue)}
    library["C_FORCE_ROOT"] = "1"  # the tests may run as root, where a worker refuses pickles otherwise
    command: list[str | Path] = [python, "-m", "celery", "--app", "celery_tasks", "--workdir", str(HERE), "worker"]
    command += ["--concurrency", "2", "--loglevel", "INFO"]
    with process(command, log, {**site.environment, **library}) as worker:
        eventually(lambda: "ready." in log.read_text() or worker.poll() is not None, log.read_text)
        assert worker.poll() is None, log.read_text()
        lines = site.run([python, HERE / "celery_tasks.py", folder, *ids], library)
    assert lines == [
        "6 photos in 2 processes",
        "PixelUploadJobError: queued_notes.jpg is failed",
        "project: Flights Flights",
        "PixelNotFoundError: 404 for GET, True",
    ]
    assert site.sandbox.images() == expected
