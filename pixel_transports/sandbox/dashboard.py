"""The dashboard: an HTML page with a map, upload jobs and requests, and the JSON that it polls.

Rules kept here:

* The page loads nothing from other servers; its security policy forbids it.
* Its data come as JSON and become text, never HTML.
* Only visible resources are on the map. Lists have their newest rows; the rest is counted.
* Requests of the page are not recorded, since they would crowd out others.
"""

import base64
import hashlib
import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from itertools import islice
from typing import Any

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.http import IncomingRequest, ReceivedRequest, json_response
from pixel_transports.sandbox.job_records import UploadJob
from pixel_transports.sandbox.records import Project, Resource, iso
from pixel_transports.sandbox.state import State

MAX_IMAGES = 2000
MAX_ROWS = 100

StatusOf = Callable[[UploadJob, float], str]


def is_dashboard_path(path: str) -> bool:
    """Return whether a request with this path comes from the page."""
    return path in ("/_sandbox", "/_sandbox/", "/_sandbox/state")


class Dashboard:
    """The page and its data. `status_of` returns the status of an upload job at a time."""

    def __init__(self, state: State, received: deque[ReceivedRequest], status_of: StatusOf) -> None:
        self._state = state
        self._received = received
        self._status_of = status_of
        self._page: Response | None = None

    def page(self) -> Response:
        """Return the HTML file."""
        if self._page is None:
            html = (files("pixel_transports.sandbox") / "page.html").read_text(encoding="utf-8")
            self._page = Response(200, Headers(_headers(html)), html.encode())
        return self._page

    def data(self, request: IncomingRequest) -> Response:
        """Return the data of the page."""
        images = [image for image in self._state.resources["image"].values() if self._is_visible(image)]
        jobs = [job for jobs in self._state.upload_jobs.values() for job in jobs.values()]
        statuses = {job.id: self._status_of(job, request.now) for job in jobs}
        received = self._received.copy()
        return json_response(
            {
                "projects": [
                    _project(each) for each in self._state.projects.values() if self._state.is_project_visible(each)
                ],
                "images": [self._position(image) for image in images[-MAX_IMAGES:]],
                "image_count": len(images),
                "jobs": [self._job(job, statuses[job.id]) for job in sorted(jobs, key=lambda job: -job.id)[:MAX_ROWS]],
                "job_counts": Counter(statuses.values()),
                "requests": [
                    {**asdict(record), "time": iso(record.time)} for record in islice(reversed(received), MAX_ROWS)
                ],
                "request_count": len(received),
            },
            headers={"Cache-Control": "no-store"},
        )

    def _is_visible(self, image: Resource) -> bool:
        return self._state.is_collection_visible(self._state.collections.get(image.data_collection_id))

    def _position(self, image: Resource) -> dict[str, Any]:
        return {
            "id": image.id,
            "name": image.name,
            "project_id": self._state.collections[image.data_collection_id].project_id,
            "location": image.fields.get("location"),
            "heading": image.fields.get("cam_heading"),
        }

    @staticmethod
    def _job(job: UploadJob, status: str) -> dict[str, Any]:
        parts = job.main.parts.values()
        return {
            "id": job.id,
            "name": job.name,
            "status": status,
            "detail": None if job.outcome is None else job.outcome.detail,
            "parts": len(parts),
            "parts_here": sum(part.content is not None for part in parts),
            "resource_id": None if job.outcome is None else job.outcome.resource_id,
        }


def _project(project: Project) -> dict[str, Any]:
    return {"id": project.id, "name": project.name, "area": project.area_of_interest}


def _headers(html: str) -> dict[str, str]:
    """Return the header fields of the page: only its own script may run."""
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
