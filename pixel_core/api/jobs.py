"""Jobs: work that the server does in its own time.

Rules kept here:

* Waiting is measured on the clock, not counted in polls; a job that is found completed at the last look is completed.
* The first looks follow quickly, the later ones every three seconds: most jobs are short.
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
        """One job, as it is now. Raises PixelNotFoundError."""
        return (yield from self.session.call("GET", f"/jobs/{segment(job_id)}")).json(models.Job)

    @operation
    def get_job_group(self, job_id: int | str) -> Flow[models.JobGroup]:
        """One group of jobs, as it is now. Raises PixelNotFoundError."""
        return (yield from self.session.call("GET", f"/jobs/groups/{segment(job_id)}")).json(models.JobGroup)

    @operation
    def wait_for_job(self, job_id: int | str, timeout: float = 600) -> Flow[models.Job]:
        """Wait until a job is completed, well or not, and give it as it is then.

        `timeout` is in seconds; with 0 the job is looked at once. Raises PixelJobTimeoutError (a TimeoutError).
        """
        wanted = _seconds(timeout)
        answer = yield from wait_for(self.session, f"/jobs/{segment(job_id)}", f"job {job_id}", wanted)
        return answer.json(models.Job)

    @operation
    def wait_for_group_job(self, group_job_id: int | str, timeout: float = 1200) -> Flow[models.JobGroup]:
        """Wait until a group of jobs is completed, and give it as it is then.

        `timeout` is in seconds; with 0 the group is looked at once. Raises PixelJobTimeoutError (a TimeoutError).
        """
        wanted = _seconds(timeout)
        answer = yield from wait_for(
            self.session, f"/jobs/groups/{segment(group_job_id)}", f"group job {group_job_id}", wanted
        )
        return answer.json(models.JobGroup)


def wait_for(
    session: Session, path: str, what: str, timeout: float, retries: RetryPolicy | None = None
) -> Flow[Answer]:
    """Wait for the job or group at `path`, up to `timeout` seconds, and give the last look at it. `retries` takes the
    place of the client's own policy. Raises PixelJobTimeoutError.
    """

    def completed(answer: Answer) -> bool:
        return answer.field("completed").boolean()

    def told(answer: Answer) -> str:
        counts = [answer.field(name).value for name in ("success_count", "failed_count", "total_jobs")]
        return "" if None in counts else "{} done, {} failed of {}".format(*counts)

    return (yield from poll(lambda: session.call("GET", path, retries=retries), completed, what, timeout, told))


def poll(
    look: Callable[[], Flow[Answer]],
    completed: Callable[[Answer], bool],
    what: str,
    timeout: float,
    told: Callable[[Answer], str] = lambda answer: "",
) -> Flow[Answer]:
    """Look until it is completed, and give that look. Raises PixelJobTimeoutError after `timeout` seconds."""
    started = yield from Clock()
    pause = FIRST_PAUSE
    while True:
        answer = yield from look()
        detail = told(answer)
        done = completed(answer)
        yield from Report(JobProgress(what, done, detail))
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
