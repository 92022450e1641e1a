"""ArcGIS services: data collections published as feature and image services.

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
"""How long a start, stop or refresh is waited for."""


def _services(service_type: str) -> str:
    return f"/arcgis_services/{segment(service_type)}/"


class Arcgis(Jobs, Lists):
    """ArcGIS services."""

    @operation
    def list_gdo_users(self) -> Flow[list[str]]:
        """The users that a service can be opened to."""
        return (yield from self.session.call("GET", "/arcgis_services/gdo-users")).json(list[str])

    @operation
    def create_arcgis_service(
        self, service_type: models.ArcgisServiceType, create_input: models.ArcgisServiceCreateInput
    ) -> Flow[models.ArcgisService]:
        """Create a service. Raises ValueError unless the options are those of its type, before anything is sent."""
        given = models.ArcgisServiceCreateInput.model_validate(create_input)
        name = "feature_service_options" if service_type == "Feature" else "image_service_options"
        if getattr(given.options, name) is None:
            raise ValueError(f"a service of type {service_type!r} needs options.{name}")
        answer = yield from self.session.call("POST", _services(service_type), json=given.body())
        return answer.json(models.ArcgisService)

    @operation
    def list_arcgis_services(
        self, /, service_type: models.ArcgisServiceType, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.ArcgisService]]:
        """The services of one type, by `params` or by keywords of the same names."""
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list(_services(service_type), values, list[models.ArcgisService]))

    @operation
    def get_arcgis_service(self, service_type: models.ArcgisServiceType, service_id: int) -> Flow[models.ArcgisService]:
        """One service. Raises PixelNotFoundError."""
        path = _services(service_type) + segment(service_id)
        return (yield from self.session.call("GET", path)).json(models.ArcgisService)

    @operation
    def update_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, update_input: models.ArcgisServiceUpdateInput
    ) -> Flow[models.ArcgisService]:
        """Change what is given, leave the rest. Raises PixelNotFoundError."""
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
        """Start a service; with `wait`, wait for the job that does it, and give that and the service as they are then.

        Raises PixelJobTimeoutError after 1,000 seconds.
        """
        return (yield from self._change(service_type, service_id, "start", "", wait))

    @operation
    def stop_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, wait: bool = True
    ) -> Flow[models.ArcgisServiceChange]:
        """Stop a service; otherwise as `start_arcgis_service`."""
        return (yield from self._change(service_type, service_id, "stop", "", wait))

    @operation
    def refresh_arcgis_service(
        self, service_type: models.ArcgisServiceType, service_id: int, refresh_data: bool = False, wait: bool = True
    ) -> Flow[models.ArcgisServiceChange]:
        """Bring a service up to date, with `refresh_data` its data too; otherwise as `start_arcgis_service`."""
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
