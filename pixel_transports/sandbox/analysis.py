"""Analysis: modules, services, and the tasks of services.

Rules kept here:

* The modules compute nothing. Tasks of `always_fails` end as FAILED, all others as SUCCESS.
* PATCH merges `config` deeply: objects name by name, any other value replaces the old one. `module_name` stays.
* DELETE responds with 204 and no body.
* A task that is SCHEDULED or RUNNING cannot be run again (409). Tasks of a disabled service cannot be run (409).

States::

    PENDING ──run──▶ SCHEDULED ──▶ RUNNING ──▶ SUCCESS | FAILED
       └─────────────────┴── revoke ──┴──▶ REVOKED
"""

from typing import Any

from pixel_core.messages import Response
from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.schemas import parse_body, parse_query
from pixel_transports.sandbox.schemas_services import (
    AnalysisServiceBody,
    AnalysisServiceChange,
    AnalysisServiceQuery,
    AnalysisTaskBody,
    AnalysisTaskQuery,
)
from pixel_transports.sandbox.service_records import AnalysisService, AnalysisTask
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tables import select

MODULES = (
    {"name": "count_objects", "description": "Counts objects in images (the sandbox counts nothing)."},
    {"name": "change_detection", "description": "Compares rasters (the sandbox compares nothing)."},
    {"name": "always_fails", "description": "Fails, to show what a failed task looks like."},
)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return `old` with the values of `new`; objects in both are merged. Neither is changed."""
    merged = dict(old)
    for name, value in new.items():
        before = old.get(name)
        merged[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


class AnalysisHandlers:
    """Request handlers of analysis services."""

    def __init__(self, state: State, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        jobs.register("analyse", lambda failure, now: failure)

    def modules(self, request: IncomingRequest) -> list[dict[str, Any]]:
        return [dict(module) for module in MODULES]

    def _service(self, service_id: int) -> AnalysisService:
        service = self._state.analysis_services.get(service_id)
        if service is None:
            raise http_error(404, "Analysis service not found")
        return service

    def _task(self, service_id: int, task_id: int) -> tuple[AnalysisService, AnalysisTask]:
        service = self._service(service_id)
        task = service.tasks.get(task_id)
        if task is None:
            raise http_error(404, "Analysis task not found")
        return service, task

    # Services

    def list_all(self, request: IncomingRequest) -> list[dict[str, Any]]:
        query = parse_query(request, AnalysisServiceQuery)

        def matches(service: AnalysisService) -> bool:
            return query.enabled in (None, service.enabled)

        return [service.view() for service in select(self._state.analysis_services, query, matches)]

    def create(self, request: IncomingRequest) -> dict[str, Any]:
        body = parse_body(request, AnalysisServiceBody)
        if all(module["name"] != body.module_name for module in MODULES):
            raise http_error(404, f"Analysis module {body.module_name} not found")
        service = AnalysisService(
            id=self._state.next_id(),
            name=body.name,
            module_name=body.module_name,
            enabled=body.enabled,
            config=body.config,
            tags=[],
            created_at=request.now,
            updated_at=request.now,
        )
        self._state.analysis_services[service.id] = service
        return service.view()

    def update(self, request: IncomingRequest, service_id: int) -> dict[str, Any]:
        body = parse_body(request, AnalysisServiceChange)
        service = self._service(service_id)
        for name in body.model_fields_set & {"name", "enabled"}:
            setattr(service, name, getattr(body, name))
        service.config = _merged(service.config, body.config)
        service.updated_at = request.now
        return service.view()

    def delete(self, request: IncomingRequest, service_id: int) -> Response:
        service = self._service(service_id)
        for task in service.tasks.values():
            self._cancel(task, "the service was deleted")
        del self._state.analysis_services[service.id]
        return Response(204)

    # Tasks

    def tasks(self, request: IncomingRequest, service_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, AnalysisTaskQuery)
        service = self._service(service_id)

        def matches(task: AnalysisTask) -> bool:
            return query.status in (None, task.status(request.now))

        return [task.view(request.now) for task in select(service.tasks, query, matches)]

    def create_task(self, request: IncomingRequest, service_id: int) -> dict[str, Any]:
        body = parse_body(request, AnalysisTaskBody)
        service = self._service(service_id)
        task = AnalysisTask(
            id=self._state.next_id(),
            service_id=service.id,
            name=body.name,
            params=body.params,
            created_at=request.now,
        )
        service.tasks[task.id] = task
        return task.view(request.now)

    def delete_task(self, request: IncomingRequest, service_id: int, task_id: int) -> Response:
        service, task = self._task(service_id, task_id)
        self._cancel(task, "the task was deleted")
        del service.tasks[task.id]
        return Response(204)

    def run(self, request: IncomingRequest, service_id: int, task_id: int) -> dict[str, Any]:
        service, task = self._task(service_id, task_id)
        if not service.enabled:
            raise http_error(409, "The analysis service is not enabled")
        if task.job is not None and not task.job.ended:
            raise http_error(409, f"The analysis task is {task.status(request.now)}")
        failure = "this module always fails" if service.module_name == "always_fails" else None
        task.revoked = False
        task.job = self._jobs.start(f"analyse {task.name or task.id}", request.now, "analyse", failure)
        return task.view(request.now)

    def revoke(self, request: IncomingRequest, service_id: int, task_id: int) -> dict[str, Any]:
        _, task = self._task(service_id, task_id)
        status = task.status(request.now)
        if status in ("SUCCESS", "FAILED"):
            raise http_error(409, f"The analysis task is {status}")
        self._cancel(task, "the task was revoked")
        task.revoked = True
        return task.view(request.now)

    def _cancel(self, task: AnalysisTask, reason: str) -> None:
        if task.job is not None:
            self._jobs.cancel(task.job, reason)
