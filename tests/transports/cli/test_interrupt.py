"""`pixel upload` under Ctrl-C and at a terminal: in its own process, with a storage that waits until it is released."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.cli.errors import DONE, FAILED, INTERRUPTED, TERMINATED
from pixel_transports.sandbox import Sandbox, SandboxServer
from pixel_transports.sandbox.incoming import Content
from tests.support.cli_runs import COMMAND, Place, clean_environment, make_photos, run
from tests.transports.cli.support import at_terminal

COUNT, BEFORE = 12, 5


class Holding(Sandbox):
    """A sandbox that stores `BEFORE` files, and holds the next until it is released."""

    def __init__(self) -> None:
        super().__init__(job_seconds=0.02)
        self.free, self.reached = threading.Semaphore(BEFORE), threading.Event()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        if target.startswith("/storage/") and not self.free.acquire(blocking=False):
            self.reached.set()
            self.free.acquire(timeout=60)
        return super().handle(method, origin, target, headers, content)

    def release(self) -> None:
        self.free.release(1000)


@pytest.fixture
def holding() -> Iterator[Holding]:
    sandbox = Holding()
    yield sandbox
    sandbox.release()


@pytest.fixture
def place(holding: Holding) -> Iterator[Place]:
    with SandboxServer(holding) as server:
        made = Place.at(server)
        with made.client:
            yield made


def interrupt(
    place: Place, holding: Holding, *arguments: object, by: signal.Signals = signal.SIGINT
) -> "subprocess.CompletedProcess[str]":
    """Upload, send a signal while a file is being sent, and release the storage then."""
    with subprocess.Popen(
        [*COMMAND, *place.arguments("--json", "--workers", "1", *arguments)],
        env=clean_environment(place.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert holding.reached.wait(60)
            process.send_signal(by)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            holding.release()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize(
    ("by", "code", "word"),
    [(signal.SIGINT, INTERRUPTED, "Interrupted."), (signal.SIGTERM, TERMINATED, "Terminated.")],
    ids=["SIGINT", "SIGTERM"],
)
def test_after_a_signal_the_same_command_sends_only_the_missing_files(
    place: Place, holding: Holding, tmp_path: Path, by: signal.Signals, code: int, word: str
) -> None:
    photos = make_photos(tmp_path / "flight", COUNT)
    first = interrupt(place, holding, tmp_path / "flight", "--report", tmp_path / "report.json", by=by)
    assert first.returncode == code, first.stderr
    assert word in first.stderr
    assert "Run the same command again: it continues from here." in first.stderr
    assert "Traceback" not in first.stderr
    statuses = [json.loads(line)["status"] for line in first.stdout.splitlines()]
    assert len(statuses) == COUNT
    assert set(statuses) <= {"interrupted", "uploaded"}
    assert json.loads((tmp_path / "report.json").read_text())["interrupted"] is True
    recorded = run("journal", "list", "--json").stdout.splitlines()
    assert sum(json.loads(line)["state"] == "sent" for line in recorded) >= BEFORE - 1
    second = place.upload("--json", tmp_path / "flight")
    assert second.exit_code == DONE, second.output
    assert place.names() == [each.name for each in photos]
    # Only the requests that were in progress at the interrupt are sent again.
    assert len(place.sent()) <= COUNT + 2
    assert [each["id"] for each in place.lines(second)] == [each["id"] for each in place.listed()]


def test_an_interrupted_upload_continues_with_the_names_that_it_gave_though_there_are_more_files(
    place: Place, holding: Holding, tmp_path: Path
) -> None:
    (flight := tmp_path / "flight").mkdir()
    for day, size in (("day2", 2000), ("day3", 2004)):
        make_photos(flight / day, COUNT // 2, size)
    assert interrupt(place, holding, "--name-from", "counter", flight).returncode == INTERRUPTED
    make_photos(flight / "day1", COUNT // 2, 2008)
    second = place.upload("--json", "--name-from", "counter", flight)
    assert second.exit_code == DONE, second.output
    ends = {"day1": "-3.jpg", "day2": ".jpg", "day3": "-2.jpg"}
    for each in place.lines(second):
        path = Path(each["file"])
        assert each["name"] == path.stem + ends[path.parent.name]
    assert place.names() == sorted(each["name"] for each in place.lines(second))


def test_after_ctrl_c_without_a_journal_the_message_says_that_the_next_run_starts_over(
    place: Place, holding: Holding, tmp_path: Path
) -> None:
    make_photos(tmp_path / "flight", COUNT)
    done = interrupt(place, holding, "--no-resume", tmp_path / "flight")
    assert done.returncode == INTERRUPTED, done.stderr
    assert "another run starts from the beginning" in done.stderr


def after_a_full_output(place: Place, flight: Path, report: Path) -> "subprocess.CompletedProcess[str]":
    """Upload with stdout on a device that is full."""
    with open("/dev/full", "wb") as full:
        return subprocess.run(
            [*COMMAND, *place.arguments(flight, "--report", report)],
            env=clean_environment(place.environment),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_the_report_is_written_also_if_the_results_cannot_be_printed(
    place: Place, holding: Holding, tmp_path: Path
) -> None:
    holding.release()
    make_photos(tmp_path / "flight", 3)
    done = after_a_full_output(place, tmp_path / "flight", tmp_path / "report.json")
    assert done.returncode == FAILED
    assert "The results cannot be printed: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(json.loads((tmp_path / "report.json").read_text())["files"]) == 3


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_name_that_is_no_utf_8_stops_no_other_file_and_is_listed(
    place: Place, holding: Holding, tmp_path: Path, options: list[str]
) -> None:
    holding.release()
    photos = make_photos(tmp_path / "flight", 3)
    strange = photos[0].rename(photos[0].with_name(os.fsdecode(b"\xff.jpg")))
    done = place.upload(*options, tmp_path / "flight", "--report", tmp_path / "report.json")
    assert done.exit_code == FAILED, done.output
    assert place.names() == [each.name for each in photos[1:]]
    assert len(done.stdout.splitlines()) == 3
    assert "not_utf8: the name of it is no UTF-8. Rename it." in done.stderr
    files = json.loads((tmp_path / "report.json").read_text())["files"]
    assert [each["file"] for each in files if each["status"] == "failed"] == [str(strange)]


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_terminal_gets_a_bar_and_a_dumb_one_lines_on_stderr_and_stdout_a_row_for_each_file(
    place: Place, holding: Holding, tmp_path: Path, term: str
) -> None:
    holding.release()
    make_photos(tmp_path / "flight", 3, size=1000)
    environment = {**place.environment, "TERM": term}
    done = at_terminal(*place.arguments(tmp_path / "flight"), environment=environment, stderr=True)
    assert done.returncode == DONE, done.stderr
    assert "images: 3 of 3 files done, 0 failed, 3,012 of 3,012 bytes sent, 0 retries" in done.stderr
    bar = ["\x1b[", "━", "3/3 files"]
    assert [text for text in bar if text in done.stderr] == ([] if term == "dumb" else bar)
    assert "Of 3 files: 3 uploaded." in done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [[each["name"], str(each["id"]), "uploaded"] for each in place.listed()]
