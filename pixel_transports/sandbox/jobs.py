"""The server's jobs: how they begin and end, how they are told, and the room in which they are asked for.

Rules kept here:

* Time moves them, nothing else: a job runs for `job_seconds`, its first third "submitted", the rest "in_progress".
* What ends a job is decided once, when its time has come and anyone asks for anything.
* A job that failed says why in `detail`. A job that is completed did not necessarily go well.
* Digests of what was stored in parts are computed between `due` and `end`, when nobody has to hold the lock.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.job_records import Job
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tokens import TokenIssuer


class Jobs:
    """The server's jobs, and their room."""

    def __init__(self, state: State, issuer: TokenIssuer, *, job_seconds: float) -> None:
        self._state = state
        self._issuer = issuer
        self._job_seconds = job_seconds
        self._unsettled: list[tuple[float, int, Job]] = []
        self._begun = 0
        self._groups: dict[tuple[str, ...], str] = {}

    def start(
        self,
        name: str,
        now: float,
        work: Callable[[float], str | None] = lambda now: None,
        prepare: Callable[[], Iterable[StoredObject]] = tuple,
    ) -> Job:
        """Begin a job (see `Job` for its arguments)."""
        job = Job(self._issuer.new_id("job"), name, now, now + self._job_seconds, work, prepare)
        self._state.jobs[job.id] = job
        self._begun += 1
        # The number keeps the order of jobs that end at the same time, and keeps jobs from being compared.
        heappush(self._unsettled, (job.ends_at, self._begun, job))
        return job

    @staticmethod
    def cancel(job: Job, reason: str) -> None:
        """End a job before its time, as failed, its work undone."""
        if not job.ended:
            job.ended, job.failure = True, reason

    def due(self, now: float) -> list[tuple[Job, list[StoredObject]]]:
        """The jobs whose time has come, each once, with what has to be digested for them."""
        found: list[tuple[Job, list[StoredObject]]] = []
        while self._unsettled and self._unsettled[0][0] <= now:
            job = heappop(self._unsettled)[2]
            if not job.ended:
                found.append((job, list(job.prepare())))
        return found

    @staticmethod
    def end(jobs: Iterable[Job], now: float) -> None:
        """Do the work of jobs whose time has come."""
        for job in jobs:
            if not job.ended:
                job.failure = job.work(now)
                job.ended = True

    def view(self, job: Job, now: float) -> dict[str, Any]:
        """A job as the API tells it."""
        return {
            "job_id": job.id,
            "name": job.name,
            "completed": job.ended,
            "status": job.stage(now),
            "detail": job.failure,
        }

    def group_id(self, jobs: Iterable[Job]) -> str:
        """The group of these jobs, made when there is none yet."""
        members = list(jobs)
        key = tuple(sorted(job.id for job in members))
        group_id = self._groups.get(key) if key else None
        if group_id is None:
            group_id = self._groups[key] = self._issuer.new_id("group")
            self._state.groups[group_id] = members
        return group_id

    def group_view(self, group_id: str) -> dict[str, Any]:
        """A group of jobs as the API tells it. One without any job is completed from the start."""
        jobs = self._state.groups[group_id]
        failed = sum(job.failure is not None for job in jobs)
        ended = sum(job.ended for job in jobs)
        return {
            "group_id": group_id,
            "completed": ended == len(jobs),
            "total_jobs": len(jobs),
            "success_count": ended - failed,
            "failed_count": failed,
        }

    # The room

    def job(self, request: IncomingRequest, job_id: str) -> dict[str, Any]:
        found = self._state.jobs.get(job_id)
        if found is None:
            raise http_error(404, "Job not found")
        return self.view(found, request.now)

    def group(self, request: IncomingRequest, group_id: str) -> dict[str, Any]:
        if group_id not in self._state.groups:
            raise http_error(404, "Job group not found")
        return self.group_view(group_id)
