"""Progress of uploads: lines at intervals, a bar in a terminal, and an exact last line."""

import io
import logging
from dataclasses import replace

import pytest

from pixel_core.events import FileFinished, JobProgress, UploadProgress
from pixel_transports.display.progress import Bar, LogLines, duration, progress_line, progress_listener, speed
from pixel_transports.sandbox import ManualClock

BEGIN = UploadProgress("images", 4_000_000, 0, 0, 0, {"waiting": 4}, 0, 0.0, 0.0, None)
LATER = replace(
    BEGIN, sent=1_000_000, files={"waiting": 2, "done": 1, "failed": 1}, retries=1, rate=250_000.0, seconds=4.0,
    seconds_left=12.0,
)  # fmt: skip
END = replace(LATER, sent=4_000_000, files={"done": 3, "failed": 1}, seconds=16.0, seconds_left=0.0, last=True)


class Terminal(io.StringIO):
    """A stream whose `isatty` is true."""

    def isatty(self) -> bool:
        return True


def written(*steps: tuple[float, object]) -> list[str]:
    """The lines for events after so many seconds each."""
    stream, clock = io.StringIO(), ManualClock()
    lines = LogLines(stream, clock=clock)
    for seconds, event in steps:
        clock.advance(seconds)
        lines(event)
    return stream.getvalue().splitlines()


JOB = JobProgress("job 1", False, "")


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([*((1.0, replace(LATER, seconds=float(second))) for second in range(70)), (0.1, END)], 4),
        ([(0.0, JOB), (0.0, LATER), (31.0, JOB), (0.0, JOB)], 2),
        ([(0.0, BEGIN), (0.0, END), (0.0, BEGIN), (0.0, END)], 4),
    ],
    ids=["every 30 s", "job events continue the lines", "two uploads"],
)
def test_lines_come_at_the_start_every_half_minute_and_at_the_end(
    steps: list[tuple[float, object]], count: int
) -> None:
    assert len(written(*steps)) == count


def test_a_line_is_the_complete_progress_and_the_last_rate_is_without_the_bytes_of_earlier_runs() -> None:
    of = "of 4,000,000 bytes sent, 1 retry"
    assert progress_line(LATER) == f"images: 1 of 4 files done, 1 failed, 1,000,000 {of}, 250.0 kB/s, 12 s left"
    line = f"images: 3 of 4 files done, 1 failed, 4,000,000 {of}, 200.0 kB/s, in 16 s"
    assert progress_line(END, sent_before=800_000) == line
    assert written((0.0, replace(BEGIN, sent=800_000)), (0.0, END))[-1] == line
    assert progress_line(replace(END, last=False)).endswith("waiting for the server")


def test_without_a_stream_lines_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="pixel_client.uploads"):
        LogLines(clock=ManualClock())(BEGIN)
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("pixel_client.uploads", progress_line(BEGIN))
    assert record.__dict__["request_id"] == ""


def test_other_events_write_nothing() -> None:
    stream = Terminal()
    for listener in (LogLines(stream), Bar(stream)):
        with listener:
            listener(FileFinished("a.jpg", "validated_and_moved"))
    assert stream.getvalue() == ""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_a_terminal_gets_a_bar_and_anything_else_gets_lines(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(progress_listener(terminal), Bar)
    assert isinstance(progress_listener(io.StringIO()), LogLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_listener(terminal), LogLines)


def test_a_bar_ends_with_the_exact_line(terminal: Terminal) -> None:
    with Bar(terminal) as bar:
        for event in (BEGIN, LATER, END):
            bar(event)
    assert terminal.getvalue().rstrip().endswith(progress_line(END))


def test_an_upload_of_empty_files_is_complete(terminal: Terminal) -> None:
    with Bar(terminal) as bar:
        bar(replace(END, total=0, sent=0))
    assert "100%" in terminal.getvalue()


def test_a_bar_releases_the_terminal_when_an_upload_is_interrupted(terminal: Terminal) -> None:
    with Bar(terminal) as bar:
        bar(LATER)
    output = terminal.getvalue()
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1  # The cursor is hidden, and shown again.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((speed(rate), text) for rate, text in ((0.0, "0 B/s"), (999.0, "999 B/s"), (1000.0, "1.0 kB/s"))),
        *((speed(rate), text) for rate, text in ((12_345_678.0, "12.3 MB/s"), (2e9, "2.0 GB/s"))),
        *((duration(seconds), text) for seconds, text in ((0.26, "0.3 s"), (9.97, "10 s"), (59.4, "59 s"))),
        *((duration(seconds), text) for seconds, text in ((61.0, "1 min 01 s"), (3_725.0, "1 h 02 min"))),
    ],
)
def test_rates_and_durations_are_rounded_texts(text: str, expected: str) -> None:
    assert text == expected
