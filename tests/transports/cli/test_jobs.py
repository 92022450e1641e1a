"""`pixel jobs` shows jobs and waits for them, with progress on stderr."""

import io
from typing import Any

import pytest

from pixel_core.events import JobProgress
from pixel_transports.cli.errors import DONE, FAILED
from pixel_transports.cli.job_progress import JobProgressPrinter
from tests.transports.cli.support import World

EVENTS = [
    JobProgress("job 7", False, "1 done, 0 failed of 2"),
    JobProgress("job 7", False, "1 done, 0 failed of 2"),
    JobProgress("job 7", True, "2 done, 0 failed of 2"),
]


def test_a_job_is_shown_and_waited_for_and_progress_goes_to_stderr(world: World) -> None:
    job = next(iter(world.server.sandbox.state.jobs))
    assert world.json("jobs", "show", job)["completed"] is True
    done = world.run("jobs", "wait", job)
    assert (done.exit_code, f"pixel: job {job}" in done.stderr) == (DONE, True)
    optimised = world.client.optimize_rasters(world.project, world.rasters, None)
    assert len(optimised) == 1
    (group,) = world.server.sandbox.state.groups
    assert world.json("jobs", "wait", group, "--group")["completed"] is True


@pytest.mark.parametrize(
    ("changes", "out", "err"),
    [
        ({"ended": False, "ends_at": float("inf")}, "", "not completed within 0 seconds"),
        ({"failure": "the disk is full"}, "the disk is full", "The job failed"),
    ],
)
def test_a_failed_or_late_job_exits_with_1_and_shows_the_servers_detail(
    world: World, changes: dict[str, Any], out: str, err: str
) -> None:
    job = next(iter(world.server.sandbox.state.jobs.values()))
    for name, value in changes.items():
        setattr(job, name, value)
    done = world.run("jobs", "wait", job.id, "--timeout", "0")
    assert (done.exit_code, bool(done.stdout)) == (FAILED, bool(out))
    assert out in done.stdout
    assert err in done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def print_events(stream: io.StringIO) -> None:
    with JobProgressPrinter(stream) as printer:
        for event in ("another event", *EVENTS):
            printer(event)


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["pipe", "dumb terminal"])
def test_progress_in_a_pipe_is_a_line_for_each_change(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    monkeypatch.setenv("TERM", "dumb")
    print_events(stream)
    assert stream.getvalue() == "pixel: job 7: 1 done, 0 failed of 2\npixel: job 7: 2 done, 0 failed of 2\n"


def test_progress_at_a_terminal_is_one_line_that_is_removed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    print_events(stream := Terminal())
    assert "job 7: 1 done, 0 failed of 2" in stream.getvalue()
    assert "2 done" not in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")
