"""Server jobs: how they start and end, and their request handlers.

Rules kept here:

* Only time moves a job: it runs for `job_seconds`, the first third "submitted", the rest "in_progress".
* The result of a job is decided once, at the first request after its end.
* A failed job has its reason in `detail`. A completed job may have failed.
* Digests that are not known yet are computed between `due` and `end`, outside the lock.
* The work of a job is data, so that it can be stored: its kind has to be registered.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any, TypeAlias

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.job_records import Job, JobGroup
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tokens import TokenIssuer

End: TypeAlias = Callable[..., str | None]


class Jobs:
    """The server's jobs, and their request handlers."""

    def __init__(self, state: State, issuer: TokenIssuer, *, job_seconds: float) -> None:
        self._state = state
        self._issuer = issuer
        self._job_seconds = job_seconds
        self._running: list[tuple[float, int, Job]] = []
        self._started = 0
        self._groups: dict[tuple[str, ...], str] = {}
        self._kinds: dict[str, End] = {}

    def register(self, kind: str, end: End) -> None:
        """Set what is done at the end of jobs with this kind of work.

        `end` gets the arguments of the work and the time, and returns the reason if the job failed.
        """
        self._kinds[kind] = end

    def start(self, name: str, now: float, *work: Any) -> Job:
        """Start a job. `work` is the kind of its work and the arguments."""
        job = Job(self._issuer.new_id("job"), name, now, now + self._job_seconds, work)
        self.put(job)
        return job

    def put(self, job: Job) -> None:
        """Take over a job, which may have ended."""
        self._state.jobs[job.id] = job
        if job.ended:
            return
        self._started += 1
        # The number orders jobs that end at the same time; jobs themselves cannot be compared.
        heappush(self._running, (job.ends_at, self._started, job))

    def put_group(self, group: JobGroup) -> None:
        """Take over a group."""
        self._state.groups[group.id] = group
        self._groups[_members(group.jobs)] = group.id

    @staticmethod
    def cancel(job: Job, reason: str) -> None:
        """End a job early, as failed, without doing its work."""
        if not job.ended:
            job.ended, job.failure = True, reason

    def finish_due(self, now: float) -> None:
        """Do the work of the jobs that are due."""
        while self._running and self._running[0][0] <= now:
            job = heappop(self._running)[2]
            if not job.ended:
                job.failure = self._kinds[job.work[0]](*job.work[1:], now) if job.work else None
                job.ended = True

    def view(self, job: Job, now: float) -> dict[str, Any]:
        """Return a job as JSON."""
        return {
            "job_id": job.id,
            "name": job.name,
            "completed": job.ended,
            "status": job.stage(now),
            "detail": job.failure,
        }

    def group_id(self, jobs: Iterable[Job]) -> str:
        """Return the id of the group of these jobs, which is created if necessary."""
        members = list(jobs)
        group_id = self._groups.get(_members(members)) if members else None
        if group_id is None:
            group_id = self._issuer.new_id("group")
            self.put_group(JobGroup(group_id, members))
        return group_id

    def group_view(self, group_id: str) -> dict[str, Any]:
        """Return a group of jobs as JSON. A group without jobs is completed."""
        jobs = self._state.groups[group_id].jobs
        failed = sum(job.failure is not None for job in jobs)
        ended = sum(job.ended for job in jobs)
        return {
            "group_id": group_id,
            "completed": ended == len(jobs),
            "total_jobs": len(jobs),
            "success_count": ended - failed,
            "failed_count": failed,
        }

    # Request handlers

    def job(self, request: IncomingRequest, job_id: str) -> dict[str, Any]:
        found = self._state.jobs.get(job_id)
        if found is None:
            raise http_error(404, "Job not found")
        return self.view(found, request.now)

    def group(self, request: IncomingRequest, group_id: str) -> dict[str, Any]:
        if group_id not in self._state.groups:
            raise http_error(404, "Job group not found")
        return self.group_view(group_id)


def _members(jobs: Iterable[Job]) -> tuple[str, ...]:
    return tuple(sorted(job.id for job in jobs))
