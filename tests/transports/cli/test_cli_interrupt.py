"""`pixel upload` at a terminal and under Ctrl-C: a process of its own, and a storage that answers when it may."""

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.cli.exits import DONE, INTERRUPTED
from pixel_transports.sandbox import Sandbox, SandboxServer
from pixel_transports.sandbox.http import Buffer
from tests.support.cli_runs import COMMAND, Place, clean_environment, make_photos, run

COUNT, BEFORE = 30, 10


class Holding(Sandbox):
    """A sandbox that stores so many files, and holds the next until it is let go."""

    def __init__(self, most: int) -> None:
        super().__init__(job_seconds=0.02)
        self._left = most
        self._guard = threading.Lock()
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Buffer) -> Response:
        if target.startswith("/storage/"):
            with self._guard:
                self._left -= 1
                held = self._left < 0
            if held:
                self.reached.set()
                self.let_go.wait(60)
        return super().handle(method, origin, target, headers, content)


@pytest.fixture
def holding() -> Iterator[Holding]:
    sandbox = Holding(BEFORE)
    yield sandbox
    sandbox.let_go.set()


@pytest.fixture
def place(holding: Holding) -> Iterator[Place]:
    with SandboxServer(holding) as server:
        made = Place.at(server)
        with made.client:
            yield made


def interrupted(place: Place, holding: Holding, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Upload, press Ctrl-C while a file is being sent, and let the storage answer then.

    A process that does not come to where it should in a minute is aborted, and shows on stderr where it is.
    """
    command = [COMMAND[0], "-X", "faulthandler", *COMMAND[1:]]
    with subprocess.Popen(
        [*command, *place.arguments("--json", "--workers", "1", *arguments)],
        env=clean_environment(place.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.send_signal(signal.SIGINT if holding.reached.wait(60) else signal.SIGABRT)
        try:
            out, told = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            out, told = process.communicate()
        finally:
            process.kill()
            holding.let_go.set()
    return subprocess.CompletedProcess(process.args, process.returncode, out, told)


def test_after_ctrl_c_a_second_run_sends_only_what_is_missing(place: Place, holding: Holding, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "flight", COUNT)
    first = interrupted(place, holding, tmp_path / "flight")
    assert first.returncode == INTERRUPTED, first.stderr
    written = run("journal", "list", "--json").stdout.splitlines()
    assert sum(json.loads(line)["state"] == "sent" for line in written) >= BEFORE - 1
    second = place.upload("--json", tmp_path / "flight")
    assert second.exit_code == DONE, second.output
    assert place.names() == [each.name for each in photos]
    # What was on its way at that moment is the only thing that is sent again.
    assert len(place.sent()) <= COUNT + 2
    assert [each["id"] for each in place.lines(second)] == [each["id"] for each in place.listed()]


def test_an_interrupt_has_its_code_and_says_how_to_go_on(place: Place, holding: Holding, tmp_path: Path) -> None:
    make_photos(tmp_path / "flight", COUNT)
    done = interrupted(place, holding, tmp_path / "flight", "--report", tmp_path / "report.json")
    assert done.returncode == INTERRUPTED, done.stderr
    assert "Run the same command again: it goes on from here." in done.stderr
    assert "Traceback" not in done.stderr
    statuses = [json.loads(line)["status"] for line in done.stdout.splitlines()]
    assert len(statuses) == COUNT
    assert set(statuses) <= {"interrupted", "uploaded"}
    assert json.loads((tmp_path / "report.json").read_text())["interrupted"] is True


def test_without_a_journal_an_interrupt_says_that_the_next_run_begins_anew(
    place: Place, holding: Holding, tmp_path: Path
) -> None:
    make_photos(tmp_path / "flight", COUNT)
    done = interrupted(place, holding, "--no-resume", tmp_path / "flight")
    assert done.returncode == INTERRUPTED, done.stderr
    assert "another run begins anew" in done.stderr


def at_a_terminal(place: Place, *arguments: object, **environment: str) -> tuple[int, str, str]:
    """Upload with stderr at a pseudo-terminal: the exit code, stdout, and what the terminal got."""
    ours, theirs = pty.openpty()
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # The other end is closed: Linux says EIO then.
                return
            if not piece:
                return
            shown.extend(piece)

    reader = threading.Thread(target=read)
    try:
        with subprocess.Popen(
            [*COMMAND, *place.arguments(*arguments)],
            env=clean_environment({**place.environment, "TERM": "xterm-256color", "COLUMNS": "140", **environment}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        ) as process:
            os.close(theirs)
            reader.start()
            out, _ = process.communicate(timeout=60)
        reader.join(60)
    finally:
        os.close(ours)
    return process.returncode, out, shown.decode()


def test_a_terminal_gets_a_bar_and_the_exact_numbers_at_the_end(place: Place, holding: Holding, tmp_path: Path) -> None:
    holding.let_go.set()
    make_photos(tmp_path / "flight", 3, size=1000)
    code, out, shown = at_a_terminal(place, tmp_path / "flight")
    assert code == DONE, shown
    assert "\x1b[" in shown
    assert "━" in shown
    assert "3/3 files" in shown
    assert "images: 3 of 3 files done, 0 failed, 3,012 of 3,012 bytes sent, 0 retries" in shown
    assert "\x1b" not in out
    assert len(out.splitlines()) == 3


def test_a_dumb_terminal_gets_lines(place: Place, holding: Holding, tmp_path: Path) -> None:
    holding.let_go.set()
    make_photos(tmp_path / "flight", 2)
    code, _, shown = at_a_terminal(place, tmp_path / "flight", TERM="dumb")
    assert code == DONE
    assert "\x1b" not in shown
    assert "images: 2 of 2 files done" in shown
