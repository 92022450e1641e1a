"""Each program of this folder runs as a reader would run it: by itself, against a sandbox.

Rules kept here:

* A program is a process of its own, in which sockets left open are told of; it ends with 0 and says nothing on stderr.
* The calls that it makes at once really are: the sandbox answers none of them before all are there.
* A program whose loop is not installed is skipped, and says so.
"""

import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.sandbox import Sandbox, SandboxServer, sample_photos
from pixel_transports.sandbox.exchange import Buffer

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
PATIENCE = 30.0


class Gathering(Sandbox):
    """Answers who asks `me` only when so many ask at a time."""

    def __init__(self, number: int) -> None:
        super().__init__(job_seconds=0.02)
        self._gate = threading.Barrier(number)

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Buffer) -> Response:
        if target.startswith(f"{self.api_path}/users/me"):
            self._gate.wait(PATIENCE)
        return super().handle(method, origin, target, headers, content)


def run(name: str, url: str) -> list[str]:
    """The lines that a program prints."""
    command = [sys.executable, "-W", "default::ResourceWarning", "-m", f"tests.embedding.{name}", url]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIXEL_")}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=HERE.parents[1], env=environment, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def logins(sandbox: Sandbox) -> int:
    return sum(request.path.endswith("/token") for request in sandbox.received)


@pytest.mark.parametrize("name", LOOPS)
def test_a_program_in_a_loop_of_others_logs_in_once_and_makes_calls_at_once(name: str) -> None:
    if find_spec(LOOPS[name]) is None:
        pytest.skip(f"{LOOPS[name]} is not installed (extra `embedding`)")
    number = AT_ONCE.get(name, 8)
    sandbox = Gathering(number)
    with SandboxServer(sandbox) as server:
        lines = run(name, server.url)
    assert lines[0] == f"{number} calls at once, as {sandbox.username}"
    (project,) = sandbox.state.projects.values()
    assert lines[-1] == f"projects: {project.name}"
    assert logins(sandbox) == 1
    assert list(sandbox.failures) == []


@pytest.mark.parametrize("name", ["gevent_client", "curio_client"])
def test_a_program_that_uploads_stores_every_photo_once(name: str) -> None:
    if find_spec(LOOPS[name]) is None:
        pytest.skip(f"{LOOPS[name]} is not installed (extra `embedding`)")
    sandbox = Gathering(AT_ONCE.get(name, 8))
    with SandboxServer(sandbox) as server:
        assert "6 photos uploaded, 0 errors" in run(name, server.url)
    stored = sorted(bytes(each) for each in sandbox.objects.values())
    assert stored == sorted(photo.read_bytes() for photo in sample_photos())


def test_a_librarys_own_operation_gives_the_same_on_three_faces(server: SandboxServer) -> None:
    lines = dict(line.split(": ") for line in run("wrapper", server.url))
    newest = [photo.name for photo in sample_photos()[1:4]][::-1]
    assert {name: lines[name].split() for name in ("blocking", "async", "pure")} == dict.fromkeys(
        ("blocking", "async", "pure"), newest
    )


def test_the_librarys_own_part_has_thirty_lines() -> None:
    source = (HERE / "wrapper.py").read_text(encoding="utf-8")
    own = source.partition("class Survey(")[2].partition("def prepared(")[0]
    assert len(own.splitlines()) <= 30


def test_every_program_is_run() -> None:
    programs = {path.stem for path in HERE.glob("*.py")} - {"__init__", "test_embedding"}
    assert programs == {*LOOPS, "wrapper"}
