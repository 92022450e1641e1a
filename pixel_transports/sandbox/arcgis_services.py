"""ArcGIS services: feature and image services of data collections, which jobs start, stop and refresh.

Rules kept here:

* Feature and image services have separate lists; another type in a path is a 422. A service needs the options of its
  type.
* Starting a started service, stopping a stopped one and refreshing a stopped one need no job: `job` is null.
* While a job runs, the same request again returns that job; another request is a 409.
* `gdo_users` and `include_fields` are stored unchecked: the server's own checks are not known.

States::

    stopped ──start──▶ starting ──▶ started ──stop──▶ stopping ──▶ stopped
                                    │     ▲
                                    └──refresh (stays "started")
"""

from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.schemas import ListQuery, parse_body, parse_query, validation_error
from pixel_transports.sandbox.schemas_services import RefreshQuery, ServiceBody, ServiceChange, ServiceOptions
from pixel_transports.sandbox.service_records import ArcgisService
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tables import select

GDO_USERS = ("gdo_publisher", "gdo_reader")
"""The users of the fictitious ArcGIS portal."""

_OPTIONS = {"Feature": "feature_service_options", "Image": "image_service_options"}


class ArcgisServiceHandlers:
    """Request handlers of ArcGIS services."""

    def __init__(self, state: State, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        jobs.register("arcgis", self._end)

    def gdo_users(self, request: IncomingRequest) -> list[str]:
        return list(GDO_USERS)

    def _of_type(self, service_type: str) -> dict[int, ArcgisService]:
        if service_type not in self._state.arcgis_services:
            raise validation_error(
                "enum", ["path", "service_type"], "Input should be 'Feature' or 'Image'", service_type
            )
        return self._state.arcgis_services[service_type]

    def _find(self, service_type: str, service_id: int) -> ArcgisService:
        service = self._of_type(service_type).get(service_id)
        if service is None:
            raise http_error(404, "ArcGIS service not found")
        return service

    @staticmethod
    def _options(service_type: str, options: ServiceOptions) -> dict[str, Any]:
        name = _OPTIONS[service_type]
        if getattr(options, name) is None:
            loc: list[str | int] = ["body", "options", name]
            raise validation_error(
                "missing", loc, f"Field required by a service of type {service_type}", options.dump()
            )
        return options.dump()

    def _collections(self, ids: list[int]) -> list[int]:
        return [self._state.collection_by_id(key).id for key in dict.fromkeys(ids)]

    def create(self, request: IncomingRequest, service_type: str) -> dict[str, Any]:
        services = self._of_type(service_type)
        body = parse_body(request, ServiceBody)
        options = self._options(service_type, body.options)
        service = ArcgisService(
            data_collection_ids=self._collections(body.data_collection_ids),
            id=self._state.next_id(),
            name=body.name,
            service_type=service_type,
            description=body.description,
            options=options,
            tags=[],
            created_at=request.now,
            updated_at=request.now,
        )
        services[service.id] = service
        return service.view()

    def list_all(self, request: IncomingRequest, service_type: str) -> list[dict[str, Any]]:
        services = self._of_type(service_type)
        return [service.view() for service in select(services, parse_query(request, ListQuery))]

    def read(self, request: IncomingRequest, service_type: str, service_id: int) -> dict[str, Any]:
        return self._find(service_type, service_id).view()

    def update(self, request: IncomingRequest, service_type: str, service_id: int) -> dict[str, Any]:
        body = parse_body(request, ServiceChange)
        service = self._find(service_type, service_id)
        options = service.options if body.options is None else self._options(service_type, body.options)
        if body.data_collection_ids is not None:
            service.data_collection_ids = self._collections(body.data_collection_ids)
        service.options = options
        service.name = service.name if body.name is None else body.name
        service.description = service.description if body.description is None else body.description
        service.updated_at = request.now
        return service.view()

    def delete(self, request: IncomingRequest, service_type: str, service_id: int) -> dict[str, Any]:
        service = self._find(service_type, service_id)
        if service.job is not None:
            self._jobs.cancel(service.job, "the service was deleted")
        del self._state.arcgis_services[service_type][service.id]
        return service.view()

    def start(self, request: IncomingRequest, service_type: str, service_id: int) -> dict[str, Any]:
        service = self._find(service_type, service_id)
        return self._change_state(
            request, service, "start", "starting", "started", needed=service.settled_state != "started"
        )

    def stop(self, request: IncomingRequest, service_type: str, service_id: int) -> dict[str, Any]:
        service = self._find(service_type, service_id)
        return self._change_state(
            request, service, "stop", "stopping", "stopped", needed=service.settled_state != "stopped"
        )

    def refresh(self, request: IncomingRequest, service_type: str, service_id: int) -> dict[str, Any]:
        parse_query(request, RefreshQuery)
        service = self._find(service_type, service_id)
        return self._change_state(
            request, service, "refresh", "started", "started", needed=service.settled_state == "started"
        )

    def _change_state(
        self,
        request: IncomingRequest,
        service: ArcgisService,
        action: str,
        transition: str,
        end_state: str,
        *,
        needed: bool,
    ) -> dict[str, Any]:
        if service.busy and service.transition != transition:
            raise http_error(
                409, f"The service is {'being refreshed' if service.transition == 'started' else service.state}"
            )
        if needed and not service.busy:
            service.transition = transition
            work = ("arcgis", service.service_type, service.id, end_state)
            service.job = self._jobs.start(f"{action} {service.name}", request.now, *work)
        job = self._jobs.view(service.job, request.now) if service.busy and service.job is not None else None
        return {"job": job, "arcgis_service": service.view()}

    def _end(self, service_type: str, service_id: int, end_state: str, now: float) -> None:
        service = self._state.arcgis_services[service_type][service_id]
        service.settled_state, service.updated_at = end_state, now
