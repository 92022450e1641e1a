"""Harvest services, which fetch records from other services into a data collection, and their tasks.

Rules kept here:

* Secrets are stored and never returned. A new `auth` replaces the old one as a whole.
* A field map is identified by model and field name: adding an existing one is a 409, changing or removing a missing one
  a 404. A change is made as a whole or not at all.
* Starting creates a task, unless one is running; stopping ends the running one as failed. Nothing is fetched.
* `get_new` selects the task of the latest start, `status` tasks with that status.
"""

from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.schemas import ListQuery, parse_body, parse_query
from pixel_transports.sandbox.schemas_services import FieldMappingChange, HarvestBody, HarvestChange, HarvestTaskQuery
from pixel_transports.sandbox.service_records import HarvestService, HarvestTask
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tables import select


class HarvestServiceHandlers:
    """Request handlers of harvest services."""

    def __init__(self, state: State, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs

    def _find(self, project_id: int, data_collection_id: int, service_id: int) -> HarvestService:
        self._state.collection(project_id, data_collection_id)
        service = self._state.harvest_services.get(service_id)
        if service is None or service.data_collection_id != data_collection_id:
            raise http_error(404, "Harvest service not found")
        return service

    def create(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, HarvestBody)
        self._state.collection(project_id, data_collection_id)
        maps = body.field_mappings.maps or []
        service = HarvestService(
            id=self._state.next_id(),
            name=body.name,
            data_collection_id=data_collection_id,
            description=body.description,
            url=body.url,
            auth=body.auth.dump(),
            where_clause=body.where_clause,
            maps={(each.model, each.field_name): each.external_field for each in maps},
            extra_fields=list(dict.fromkeys(body.field_mappings.extra_fields or ())),
            tags=[],
            created_at=request.now,
            updated_at=request.now,
        )
        self._state.harvest_services[service.id] = service
        return service.view()

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, ListQuery)
        self._state.collection(project_id, data_collection_id)

        def matches(service: HarvestService) -> bool:
            return service.data_collection_id == data_collection_id

        return [service.view() for service in select(self._state.harvest_services, query, matches)]

    def read(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, service_id: int
    ) -> dict[str, Any]:
        return self._find(project_id, data_collection_id, service_id).view()

    def tasks(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, service_id: int
    ) -> list[dict[str, Any]]:
        query = parse_query(request, HarvestTaskQuery)
        service = self._find(project_id, data_collection_id, service_id)
        newest = max(service.tasks, default=0)

        def matches(task: HarvestTask) -> bool:
            return query.status in (None, task.status(request.now)) and (not query.get_new or task.id == newest)

        return [task.view(request.now) for task in select(service.tasks, query, matches)]

    def update(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, service_id: int
    ) -> dict[str, Any]:
        body = parse_body(request, HarvestChange)
        service = self._find(project_id, data_collection_id, service_id)
        if body.field_mappings is not None:
            service.maps, service.extra_fields = _apply_mapping_change(service, body.field_mappings)
        if body.auth is not None:
            service.auth = body.auth.dump()
        for name in ("name", "description", "url", "where_clause"):
            if (value := getattr(body, name)) is not None:
                setattr(service, name, value)
        service.updated_at = request.now
        return service.view()

    def delete(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, service_id: int
    ) -> dict[str, Any]:
        service = self._find(project_id, data_collection_id, service_id)
        self._end_running(service, "the service was deleted")
        del self._state.harvest_services[service.id]
        return service.view()

    def start(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, service_id: int
    ) -> dict[str, Any]:
        service = self._find(project_id, data_collection_id, service_id)
        task = _running(service)
        if task is None:
            task = HarvestTask(
                id=self._state.next_id(),
                name=service.name,
                service_id=service.id,
                job=self._jobs.start(f"harvest {service.name}", request.now),
                tags=[],
                created_at=request.now,
                updated_at=request.now,
            )
            service.tasks[task.id] = task
        service.state = "started"
        return {"harvest_service": service.view(), "task": task.view(request.now)}

    def stop(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, service_id: int
    ) -> dict[str, Any]:
        service = self._find(project_id, data_collection_id, service_id)
        task = self._end_running(service, "the service was stopped")
        service.state = "stopped"
        return {"harvest_service": service.view(), "task": None if task is None else task.view(request.now)}

    def _end_running(self, service: HarvestService, reason: str) -> HarvestTask | None:
        task = _running(service)
        if task is not None:
            self._jobs.cancel(task.job, reason)
        return task


def _running(service: HarvestService) -> HarvestTask | None:
    return next((task for task in service.tasks.values() if not task.job.ended), None)


def _apply_mapping_change(
    service: HarvestService, change: FieldMappingChange
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Return the field maps and extra fields after a change. Raises HttpError (404, 409)."""
    maps = dict(service.maps)
    for each in change.maps:
        key, name = (each.model, each.field_name), f"{each.model}.{each.field_name}"
        if each.operation == "add" and key in maps:
            raise http_error(409, f"A field map of {name} exists")
        if each.operation != "add" and key not in maps:
            raise http_error(404, f"Field map of {name} not found")
        if each.external_field is not None and each.operation != "remove":
            maps[key] = each.external_field
        else:
            del maps[key]
    extra = dict.fromkeys([*service.extra_fields, *change.add_extra_fields])
    return maps, [field for field in extra if field not in change.remove_extra_fields]
