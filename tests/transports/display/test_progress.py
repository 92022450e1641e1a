"""Progress as people see it: lines now and then, a bar at a terminal, exact numbers at the end."""

import io
import logging
from dataclasses import replace

import pytest

from pixel_core.events import FileFinished, JobProgress, UploadProgress
from pixel_transports.display.progress import Bar, LogLines, duration, sentence, speed, watcher_for

BEGIN = UploadProgress("images", 4_000_000, 0, 0, 0, {"waiting": 4}, 0, 0.0, 0.0, None)
LATER = replace(
    BEGIN, sent=1_000_000, files={"waiting": 2, "done": 1, "failed": 1}, retries=1, rate=250_000.0, seconds=4.0,
    seconds_left=12.0,
)  # fmt: skip
END = replace(LATER, sent=4_000_000, files={"done": 3, "failed": 1}, seconds=16.0, seconds_left=0.0, last=True)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Hand:
    """A clock that is turned by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_comes_at_the_beginning_after_each_half_minute_and_at_the_end() -> None:
    stream, clock = io.StringIO(), Hand()
    lines = LogLines(stream, clock=clock)
    for second in range(70):
        clock.now = 100.0 + second
        lines(replace(LATER, seconds=float(second)))
    clock.now += 0.1
    lines(END)
    assert len(stream.getvalue().splitlines()) == 4


def test_a_line_says_all_that_is_known() -> None:
    assert sentence(LATER) == (
        "images: 1 of 4 files done, 1 failed, 1,000,000 of 4,000,000 bytes sent, 1 retry, 250.0 kB/s, 12 s left"
    )


def test_the_last_line_has_the_rate_of_the_whole_without_what_was_there_before() -> None:
    assert sentence(END, sent_before=800_000) == (
        "images: 3 of 4 files done, 1 failed, 4,000,000 of 4,000,000 bytes sent, 1 retry, 200.0 kB/s, in 16 s"
    )


def test_lines_take_what_was_there_before_from_the_first_event() -> None:
    stream = io.StringIO()
    lines = LogLines(stream, clock=Hand())
    lines(replace(BEGIN, sent=800_000))
    lines(END)
    assert stream.getvalue().splitlines()[-1] == sentence(END, 800_000)


def test_when_all_is_sent_the_line_says_that_the_server_is_waited_for() -> None:
    assert sentence(replace(END, last=False)).endswith("waiting for the server")


def test_looks_at_a_job_keep_the_lines_coming_while_nothing_is_sent() -> None:
    stream, clock = io.StringIO(), Hand()
    lines = LogLines(stream, clock=clock)
    lines(JobProgress("job 1", False, ""))
    lines(LATER)
    clock.now += 31
    lines(JobProgress("job 1", False, ""))
    lines(JobProgress("job 1", False, ""))
    assert len(stream.getvalue().splitlines()) == 2


def test_each_upload_has_a_beginning_of_its_own() -> None:
    stream = io.StringIO()
    lines = LogLines(stream, clock=Hand())
    for event in (BEGIN, END, BEGIN, END):
        lines(event)
    assert len(stream.getvalue().splitlines()) == 4


def test_without_a_stream_lines_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="pixel_client.uploads"):
        lines = LogLines(clock=Hand())
        for event in (BEGIN, END):
            lines(event)
    assert [each.name for each in caplog.records] == ["pixel_client.uploads"] * 2
    assert [each.getMessage() for each in caplog.records] == [sentence(BEGIN), sentence(END)]
    assert [each.__dict__["request_id"] for each in caplog.records] == ["", ""]


def test_other_events_are_no_progress() -> None:
    stream = Terminal()
    for watcher in (LogLines(stream), Bar(stream)):
        with watcher:
            watcher(FileFinished("a.jpg", "validated_and_moved"))
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_and_anything_else_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(watcher_for(Terminal()), Bar)
    assert isinstance(watcher_for(io.StringIO()), LogLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(watcher_for(Terminal()), LogLines)


def test_a_bar_ends_with_the_exact_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Bar(stream) as bar:
        for event in (BEGIN, LATER, END):
            bar(event)
    assert stream.getvalue().rstrip().endswith(sentence(END))


def test_a_bar_lets_go_of_the_terminal_when_an_upload_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Bar(stream) as bar:
        bar(LATER)
    shown = stream.getvalue()
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is hidden, and shown again


def test_an_upload_of_nothing_but_empty_files_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Bar(stream) as bar:
        bar(replace(END, total=0, sent=0))
    assert "100%" in stream.getvalue()


@pytest.mark.parametrize(
    ("rate", "told"),
    [(0.0, "0 B/s"), (999.0, "999 B/s"), (1000.0, "1.0 kB/s"), (12_345_678.0, "12.3 MB/s"), (2e9, "2.0 GB/s")],
)
def test_rates_are_told_in_powers_of_a_thousand(rate: float, told: str) -> None:
    assert speed(rate) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.26, "0.3 s"), (9.97, "10 s"), (59.4, "59 s"), (61.0, "1 min 01 s"), (3_725.0, "1 h 02 min")],
)
def test_durations_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert duration(seconds) == told
