"""Each program of this folder runs as a reader would run it: by itself, against a sandbox.

The calls that it makes at once really are: the sandbox answers none of them before all are there. The first login fails
for a moment, so that something has to be waited for and tried again.
"""

import os
import re
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pixel_core import Flow, Headers, NextDone, OpenTaskGroup, Origin, Response, Sleep, Spawn
from pixel_transports.sandbox import Sandbox, SandboxServer, sample_photos
from pixel_transports.sandbox.incoming import Content
from tests.support.environments import clean_environment
from tests.support.paths import ROOT
from tests.support.peers import unused_port
from tests.system.embedding.selectors_loop import Loop

HERE = Path(__file__).parent
LOOPS = {
    "selectors_loop": "selectors",
    "callback_loop": "select",
    "tk_loop": "tkinter",
    "twisted_client": "twisted",
    "gevent_client": "gevent",
    "curio_client": "curio",
}
"""The programs that bring a loop, and the module that it is made of."""

AT_ONCE = {"gevent_client": 50}
UPLOADING = {"selectors_loop", "gevent_client"}
PATIENCE = 60.0


class Gathering(Sandbox):
    """Answers who asks `me` only when so many ask at a time; is away for the first request of all."""

    def __init__(self, number: int) -> None:
        super().__init__(job_seconds=0.02)
        self._gate = threading.Barrier(number)
        self.away = True

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        if self.away:
            self.away = False
            return Response(503, Headers({"Retry-After": "0"}))
        if target.startswith(f"{self.api_path}/users/me"):
            self._gate.wait(PATIENCE)
        return super().handle(method, origin, target, headers, content)


def run(name: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    command = [sys.executable, "-W", "default::ResourceWarning", "-m", f"tests.system.embedding.{name}", url]
    environment = {**clean_environment(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=PATIENCE
    )


def marked(name: str) -> Any:
    """A program as a parameter; those of curio and Tk are slow."""
    return pytest.param(name, marks=[pytest.mark.slow] if name in ("curio_client", "tk_loop") else [])


@pytest.fixture(params=[marked(name) for name in LOOPS])
def name(request: pytest.FixtureRequest) -> str:
    """A program whose loop is installed."""
    name: str = request.param
    if name == "curio_client" and sys.version_info >= (3, 12):
        pytest.skip("curio 1.6, the last on the package index, cannot be imported on Python 3.12 and newer")
    if find_spec(LOOPS[name]) is None:
        pytest.skip(f"{LOOPS[name]} is not installed (extra `embedding`)")
    return name


def test_a_program_in_a_loop_of_others_logs_in_once_makes_calls_at_once_and_uploads(name: str) -> None:
    number = AT_ONCE.get(name, 8)
    sandbox = Gathering(number)
    with SandboxServer(sandbox) as server:
        done = run(name, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{number} calls at once, as {sandbox.username}"
    (project,) = sandbox.state.projects.values()
    assert lines[-1] == f"projects: {project.name}"
    assert sum(request.path.endswith("/token") for request in sandbox.received) == 1  # the one before was not received
    assert list(sandbox.failures) == []
    stored = sorted(bytes(each) for each in sandbox.objects.values())
    assert stored == sorted(photo.read_bytes() for photo in sample_photos() if name in UPLOADING)


@pytest.mark.parametrize(
    "name", [marked(name) for name in LOOPS if name not in ("gevent_client", "tk_loop")], indirect=True
)
def test_a_driver_raises_a_refused_connection_in_its_flow(name: str) -> None:
    done = run(name, f"http://127.0.0.1:{unused_port()}")
    assert done.returncode == 1
    assert re.search(r"PixelConnectionError\W+POST", done.stderr)
    assert "(after 3 tries)" in done.stderr


def test_a_librarys_own_operation_gives_the_same_on_three_faces(server: SandboxServer) -> None:
    done = run("wrapper", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    newest = " ".join(photo.name for photo in reversed(sample_photos()[1:4]))
    assert {f"{face}: {newest}" for face in ("blocking", "async", "pure")} < set(done.stdout.splitlines())


def test_remaining_tasks_are_cancelled_in_the_loop_over_selectors() -> None:
    results: list[str] = []

    def sleeper() -> Flow[None]:
        try:
            yield from Sleep(3600.0)
        finally:
            results.append("broken off")

    def lead(group: Any) -> Flow[None]:
        yield from Spawn(group, "sleeper", sleeper())
        assert (yield from NextDone(group, 0.01)) == []
        raise ValueError("enough")

    loop = Loop()
    with pytest.raises(ValueError, match="enough"):
        loop.run(iter(OpenTaskGroup(lead)))
    assert (results, loop.waiting) == (["broken off"], {})
    loop.close()


def test_every_program_is_run() -> None:
    programs = {path.stem for path in HERE.glob("*.py") if not path.name.startswith(("__", "test_"))}
    assert programs == {*LOOPS, "wrapper"}
