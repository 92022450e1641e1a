"""Jobs: work that the server does in the background.

A timeout is measured by the clock, not in requests. A job that the last request finds completed is completed. The pause
between requests grows to three seconds, since most jobs are short.
"""

from __future__ import annotations

from collections.abc import Callable

from pixel_core import models
from pixel_core.api.operation import Resource, operation
from pixel_core.api.paths import segment
from pixel_core.effects import Clock, Flow, Report, Sleep
from pixel_core.errors import PixelJobTimeoutError
from pixel_core.events import JobProgress
from pixel_core.session.answers import Answer
from pixel_core.session.retries import RetryPolicy
from pixel_core.session.session import Session

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0


def _seconds(timeout: float) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise ValueError(f"timeout is a number of seconds, got {timeout!r}")
    return float(timeout)


class Jobs(Resource):
    """Jobs and groups of jobs."""

    @operation
    def get_job(self, job_id: int | str) -> Flow[models.Job]:
        """Read a job. Raises PixelNotFoundError."""
        return (yield from self.session.call("GET", f"/jobs/{segment(job_id)}")).json(models.Job)

    @operation
    def get_job_group(self, job_id: int | str) -> Flow[models.JobGroup]:
        """Read a group of jobs. Raises PixelNotFoundError."""
        return (yield from self.session.call("GET", f"/jobs/groups/{segment(job_id)}")).json(models.JobGroup)

    @operation
    def wait_for_job(self, job_id: int | str, timeout: float = 600) -> Flow[models.Job]:
        """Wait until a job is completed, with success or not, and return it.

        `timeout` is in seconds; with 0 the job is read once. Raises PixelJobTimeoutError (a TimeoutError).
        """
        seconds = _seconds(timeout)
        answer = yield from wait_for(self.session, f"/jobs/{segment(job_id)}", f"job {job_id}", seconds)
        return answer.json(models.Job)

    @operation
    def wait_for_group_job(self, group_job_id: int | str, timeout: float = 1200) -> Flow[models.JobGroup]:
        """Wait until a group of jobs is completed, and return it.

        `timeout` is in seconds; with 0 the group is read once. Raises PixelJobTimeoutError (a TimeoutError).
        """
        path = f"/jobs/groups/{segment(group_job_id)}"
        answer = yield from wait_for(self.session, path, f"group job {group_job_id}", _seconds(timeout))
        return answer.json(models.JobGroup)


def wait_for(
    session: Session, path: str, what: str, timeout: float, retries: RetryPolicy | None = None
) -> Flow[Answer]:
    """Wait for the job or group at `path`, up to `timeout` seconds, and return the last response. `retries` replaces
    the policy of the client. Raises PixelJobTimeoutError.
    """

    def completed(answer: Answer) -> bool:
        return answer.field("completed").boolean()

    def describe(answer: Answer) -> str:
        counts = [answer.field(name).value for name in ("success_count", "failed_count", "total_jobs")]
        return "" if None in counts else "{} done, {} failed of {}".format(*counts)

    def look() -> Flow[Answer]:
        return session.call("GET", path, retries=retries)

    return (yield from poll(look, completed, what, timeout, describe, session.upload_id))


def poll(
    look: Callable[[], Flow[Answer]],
    completed: Callable[[Answer], bool],
    what: str,
    timeout: float,
    describe: Callable[[Answer], str] = lambda answer: "",
    upload_id: str = "",
) -> Flow[Answer]:
    """Call `look` until `completed`; return its last answer. Raises PixelJobTimeoutError after `timeout` seconds."""
    started = yield from Clock()
    pause = FIRST_PAUSE
    while True:
        answer = yield from look()
        detail = describe(answer)
        done = completed(answer)
        yield from Report(JobProgress(what, done, detail, upload_id))
        if done:
            return answer
        elapsed = (yield from Clock()) - started
        if elapsed >= timeout:
            raise PixelJobTimeoutError(
                f"The {what} was not completed within {timeout:g} seconds{f' ({detail})' if detail else ''}; "
                "it may still complete: look again, or wait with a longer timeout"
            )
        yield from Sleep(min(pause, timeout - elapsed))
        pause = min(2 * pause, LONGEST_PAUSE)
