"""A sandbox with a folder starts again with everything that it acknowledged; one without shares nothing with others."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixel_core.errors import PixelError
from pixel_core.messages import Headers
from pixel_transports import PixelApiSettings, PixelClient
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, sample_photos
from pixel_transports.sandbox.packing import pack
from tests.support.paths import ROOT
from tests.transports.sandbox.support import JPEG, ORIGIN, Caller, md5
from tests.transports.sandbox.test_fuzz import PATHS, REQUESTS, filled


def everything(sandbox: Sandbox) -> dict[str, str]:
    """Return all records of a sandbox, packed, its indexes and its objects."""
    state = sandbox.state
    services: list[Any] = [*state.harvest_services.values(), *state.analysis_services.values()]
    jobs = [job for jobs in state.upload_jobs.values() for job in jobs.values()]
    tables: list[Any] = [state.projects, state.collections, state.optimized, state.jobs, state.groups]
    tables += [*state.resources.values(), *state.arcgis_services.values(), *state.attachments.values()]
    tables += [sandbox._keycloak.sessions, sandbox._keycloak._accounts.by_id, *(each.tasks for each in services)]
    records = [*(record for table in tables for record in table.values()), *services, *jobs]
    records += [part for job in jobs for part in job.main.parts.values()]
    packed = {
        f"{type(each).__name__} {getattr(each, 'id', '')} {getattr(each, 'key', '')}": pack(each) for each in records
    }
    indexes = {
        "resources": {key: list(table) for key, table in state.resources_by_collection.items() if table},
        "optimized": {key: [form.id for form in forms] for key, forms in state.optimized_by_resource.items() if forms},
        "uploads": sorted(state.uploads),
        "objects": sorted((key, stored.etag) for key, stored in state.objects.items()),
    }
    return {**packed, "indexes": str(indexes)}


def restarted(caller: Caller, folder: Path, **options: Any) -> Caller:
    """Return the same user of the sandbox that starts next."""
    caller.sandbox.close()
    again = Caller(Sandbox(clock=caller.clock, data=folder, **options), job_seconds=caller.job_seconds)
    again.clock, again.token = caller.clock, caller.token
    return again


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(REQUESTS, min_size=1, max_size=10))
def test_any_requests_in_any_order_are_there_again_after_a_restart(requests: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        caller, ids = filled(data=Path(folder))
        for each in requests:
            path = each["path"]
            if path in PATHS:
                path = caller.sandbox.api_path + path.format(**ids[each["number"]])
            headers = Headers({"Authorization": f"Bearer {caller.token}", **each["fields"]})
            caller.sandbox.handle(each["method"], ORIGIN, f"{path}?{each['query']}", headers, each["body"])
            caller.clock.advance(0.4)
        before = everything(caller.sandbox)
        again = restarted(caller, Path(folder), job_seconds=1)
        assert not caller.sandbox.failures
        assert everything(again.sandbox) == before
        again.sandbox.close()


def test_tokens_forms_parts_and_jobs_go_on_after_a_restart(tmp_path: Path) -> None:
    options: dict[str, Any] = {"job_seconds": 3, "min_part_bytes": 0, "data": tmp_path}
    caller = Caller(**options)
    place = caller.place()
    job = caller.upload_job(place, JPEG)
    parts = [
        {"part_number": n, "md5": md5(content), "content_length": 2} for n, content in ((1, b"\xff\xd8"), (2, b"\xff."))
    ]
    multipart = caller.ok("POST", f"{place}/upload_jobs/multipart", {"files": [{"name": "b.jpg", "parts": parts}]})[0]
    first, second = multipart["upload_parts"]
    assert caller.put(first["url"], first["headers"], b"\xff\xd8").status == 200
    options.pop("data")
    caller = restarted(caller, tmp_path, **options)
    assert caller.post_form(job["url"], job["upload_fields"], JPEG).status == 204
    assert caller.put(second["url"], second["headers"], b"\xff.").status == 200
    for each in (job, multipart):
        caller.ok("PUT", f"{place}/upload_jobs/{each['id']}/uploadFinished")
    caller = restarted(caller, tmp_path, **options)
    caller.clock.advance(3)
    images = caller.ok("GET", f"{place}/images/")
    # Jobs that end at the same time do so in any order.
    assert {bytes(caller.sandbox.stored_by_id(image["id"])) for image in images} == {JPEG, b"\xff\xd8\xff."}
    caller = restarted(caller, tmp_path, **options)
    assert caller.ok("GET", f"{place}/images/") == images
    assert len(list((tmp_path / "objects").iterdir())) == 3
    assert caller.project() > max(image["id"] for image in images)
    caller.sandbox.close()


def test_files_of_requests_that_got_no_response_are_removed_at_the_start(tmp_path: Path) -> None:
    caller = Caller(data=tmp_path)
    caller.resource(caller.place())
    (tmp_path / "objects" / "ff").write_bytes(b"half of a photo")
    caller = restarted(caller, tmp_path)
    assert len(list((tmp_path / "objects").iterdir())) == 1
    caller.sandbox.close()


def test_a_folder_has_one_sandbox_at_a_time(tmp_path: Path) -> None:
    first = Sandbox(data=tmp_path)
    with pytest.raises(OSError, match="another sandbox uses it"):
        Sandbox(data=tmp_path)
    first.close()
    Sandbox(data=tmp_path).close()


def test_the_folder_of_another_version_is_refused_each_time_and_not_changed(tmp_path: Path) -> None:
    Sandbox(data=tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as sql:
        sql.execute("PRAGMA user_version = 1000")
    for _ in range(2):
        with pytest.raises(OSError, match="another version"):
            Sandbox(data=tmp_path)


def test_a_change_that_cannot_be_stored_is_a_503_and_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caller = Caller(data=tmp_path)
    caller.login()
    caller.sandbox.close()
    body = {"name": "n", "description": "d", "area_of_interest": SAMPLE_AREA}
    assert caller.status("POST", "/projects/", body) == 503
    assert "cannot keep its state" in caplog.text


def test_tokens_forms_and_ids_of_another_run_are_refused() -> None:
    one, other = (Caller(Sandbox.for_one_run()) for _ in range(2))
    one.clock = other.clock = one.sandbox._clock  # type: ignore[assignment] # the real time
    place = one.place()
    job = one.upload_job(place, JPEG)
    other.login()
    assert other.post_form(job["url"], job["upload_fields"], JPEG).status == 403
    assert other.status("GET", place) == 404
    other.token = one.token
    assert other.status("GET", place) == 401


class Process:
    """`pixel sandbox` in a process of its own, which can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0

    def start(self) -> dict[str, str]:
        """Return the environment of its clients."""
        command = [
            sys.executable,
            "-m",
            "pixel_transports.sandbox",
            "--data",
            str(self.folder),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, cwd=ROOT)
        assert self.process.stdout is not None
        found = dict(line.strip().split("=", 1) for line in iter(self.process.stdout.readline, "\n"))
        self.port = int(found["PIXEL_API_URL"].split(":")[2].split("/")[0])
        return found

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path / "state")
    yield made
    made.kill()


@pytest.mark.slow
def test_a_sandbox_that_is_killed_at_any_instant_has_all_that_it_acknowledged(process: Process, tmp_path: Path) -> None:
    source, photos = random.Random(5), sample_photos()
    environment = process.start()
    settings = PixelApiSettings(**environment)
    with PixelClient.from_settings(settings) as client:
        project = client.create_project("Coast", "", SAMPLE_AREA)["id"]
        collection = client.create_data_collection(project, "Photos", "", "image")["id"]
        token_of_first_run = client.me()
        acknowledged: dict[int, bytes] = {}
        for _ in range(6):

            def upload() -> None:
                with PixelClient.from_settings(settings, upload_num_retries=1) as here:
                    while True:
                        photo = source.choice(photos)
                        try:
                            image = here.upload_image(project, collection, photo)
                        except PixelError:
                            return
                        acknowledged[image["id"]] = photo.read_bytes()

            threads = [threading.Thread(target=upload) for _ in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(source.uniform(0.3, 0.8))
            process.kill()
            for thread in threads:
                thread.join()
            process.start()
            assert client.me() == token_of_first_run
            listed = {image["id"] for image in client.get_images(project, collection, limit=10_000)}
            assert acknowledged.keys() <= listed
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(10) == 0
    assert len(acknowledged) > 6
    sandbox = Sandbox(data=process.folder)
    assert all(bytes(sandbox.stored_by_id(key)) == content for key, content in acknowledged.items())
    assert len(os.listdir(process.folder / "objects")) >= len(acknowledged)
    sandbox.close()
