"""ArcGIS services, which publish data collections as feature and image services.

`service_type` is "Feature" or "Image".
"""

from __future__ import annotations

from typing import Any

from pixel_core import models
from pixel_core.api.jobs import Jobs
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import query_of, segment
from pixel_core.effects import Flow

CHANGE_SECONDS = 1000.0
"""The time limit for the job of a start, stop or refresh, in seconds."""


def _services(service_type: str) -> str:
    return f"/arcgis_services/{segment(service_type)}/"


class Arcgis(Jobs, Lists):
    """ArcGIS services."""

    @operation
    def list_gdo_users(self) -> Flow[list[str]]:
        """Return the names of the users that can be given access to a service."""
        return (yield from self.session.call("GET", "/arcgis_services/gdo-users")).json(list[str])

    @operation
    def create_arcgis_service(
        self, service_type: models.ArcgisServiceType, create_input: models.ArcgisServiceCreateInput
    ) -> Flow[models.ArcgisService]:
        """Create a service. Raises ValueError if the options of its type are missing, before a request is sent."""
        service = models.ArcgisServiceCreateInput.model_validate(create_input)
        name = "feature_service_options" if service_type == "Feature" else "image_service_options"
        if getattr(service.options, name) is None:
            raise ValueError(f"a service of type {service_type!r} needs options.{name}")
        answer = yield from self.session.call("POST", _services(service_type), json=service.body())
        return answer.json(models.ArcgisService)

    @operation
    def list_arcgis_services(
        self, /, service_type: models.ArcgisServiceType, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.ArcgisService]]:
        """Return the services of one type. Parameters are those of `list_projects`."""
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list(_services(service_type), values, list[models.ArcgisService]))

    @operation
    def get_arcgis_service(self, service_type: models.ArcgisServiceType, service_id: int) -> Flow[models.ArcgisService]:
        """Return one service. Raises PixelNotFoundError."""
        path = _services(service_type) + segment(service_id)
        return (yield from self.session.call("GET", path)).json(models.ArcgisService)

    @operation
    def update_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, update_input: models.ArcgisServiceUpdateInput
    ) -> Flow[models.ArcgisService]:
        """Change the given fields of a service. Raises PixelNotFoundError."""
        body = models.ArcgisServiceUpdateInput.model_validate(update_input).body()
        path = _services(service_type) + segment(service_id)
        return (yield from self.session.call("PUT", path, json=body)).json(models.ArcgisService)

    @operation
    def delete_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int
    ) -> Flow[models.ArcgisService]:
        """Delete a service. Raises PixelNotFoundError."""
        path = _services(service_type) + segment(service_id)
        return (yield from self.session.call("DELETE", path)).json(models.ArcgisService)

    @operation
    def start_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, wait: bool = True
    ) -> Flow[models.ArcgisServiceChange]:
        """Start a service. With `wait`, wait for its job, and return the final state of the job and the service.

        Raises PixelNotFoundError, and PixelJobTimeoutError after 1,000 seconds.
        """
        return (yield from self._change(service_type, service_id, "start", "", wait))

    @operation
    def stop_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, wait: bool = True
    ) -> Flow[models.ArcgisServiceChange]:
        """Stop a service. Waits and raises as `start_arcgis_service` does."""
        return (yield from self._change(service_type, service_id, "stop", "", wait))

    @operation
    def refresh_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, refresh_data: bool = False, wait: bool = True
    ) -> Flow[models.ArcgisServiceChange]:
        """Refresh a service, with `refresh_data` also its data. Waits and raises as `start_arcgis_service` does."""
        query = query_of(refresh_data=refresh_data)
        return (yield from self._change(service_type, service_id, "refresh", query, wait))

    def _change(
        self, service_type: models.ArcgisServiceType, service_id: int, what: str, query: str, wait: bool
    ) -> Flow[models.ArcgisServiceChange]:
        path = f"{_services(service_type)}{segment(service_id)}/{what}"
        answer = yield from self.session.call("PUT", path, query)
        change = answer.json(models.ArcgisServiceChange)
        if not wait or answer.field("job").value is None:
            return change
        job_id = answer.field("job").field("job_id").identifier()
        job = yield from self.wait_for_job(job_id, timeout=CHANGE_SECONDS)
        service = yield from self.get_arcgis_service(service_type, service_id)
        return {**change, "job": job, "arcgis_service": service}
