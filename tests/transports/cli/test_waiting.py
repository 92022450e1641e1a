"""Progress of jobs: a line that is written anew at a terminal, and a line for each change elsewhere."""

import io

import pytest

from pixel_core.events import JobProgress
from pixel_transports.cli.waiting import JobWatch

EVENTS = [
    JobProgress("job 7", False, "1 done, 0 failed of 2"),
    JobProgress("job 7", False, "1 done, 0 failed of 2"),
    JobProgress("job 7", True, "2 done, 0 failed of 2"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO) -> str:
    with JobWatch(stream) as watch:
        watch("an event of something else")
        for event in EVENTS:
            watch(event)
    return stream.getvalue()


def test_in_a_pipe_each_change_is_a_line() -> None:
    assert shown(io.StringIO()) == "pixel: job 7: 1 done, 0 failed of 2\npixel: job 7: 2 done, 0 failed of 2\n"


def test_at_a_terminal_the_line_is_written_anew_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    text = shown(Terminal())
    assert "job 7: 1 done, 0 failed of 2" in text
    assert "2 done" not in text
    assert text.endswith("\x1b[2K")


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in shown(Terminal())
