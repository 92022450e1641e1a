"""Harvest services, which copy data from other services into a data collection.

Requests with credentials are sensitive: errors contain neither their body nor the body of the answer.
"""

from __future__ import annotations

from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import collection_path, segment
from pixel_core.effects import Flow


def _services(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/harvest_services/"


class Harvest(Lists):
    """Harvest services."""

    @operation
    def create_harvest_service(
        self, project_id: int, data_collection_id: int, create_input: models.HarvestServiceCreateInput
    ) -> Flow[models.HarvestService]:
        """Create a harvest service. `start_harvest_service` starts it."""
        checked = models.HarvestServiceCreateInput.model_validate(create_input)
        path = _services(project_id, data_collection_id)
        answer = yield from self.session.call("POST", path, json=checked.body(), sensitive=True)
        return answer.json(models.HarvestService)

    @operation
    def list_harvest_services(
        self, /, project_id: int, data_collection_id: int, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.HarvestService]]:
        """Return the harvest services of a data collection. Parameters are those of `list_projects`."""
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list(_services(project_id, data_collection_id), values, list[models.HarvestService]))

    @operation
    def get_harvest_service(
        self, project_id: int, data_collection_id: int, service_id: int
    ) -> Flow[models.HarvestService]:
        """Return one harvest service. Raises PixelNotFoundError."""
        path = _services(project_id, data_collection_id) + segment(service_id)
        return (yield from self.session.call("GET", path)).json(models.HarvestService)

    @operation
    def update_harvest_service(
        self, project_id: int, data_collection_id: int, service_id: int, update_input: models.HarvestServiceUpdateInput
    ) -> Flow[models.HarvestService]:
        """Change the given fields of a harvest service. Raises PixelNotFoundError."""
        checked = models.HarvestServiceUpdateInput.model_validate(update_input)
        path = _services(project_id, data_collection_id) + segment(service_id)
        answer = yield from self.session.call("PUT", path, json=checked.body(), sensitive=True)
        return answer.json(models.HarvestService)

    @operation
    def delete_harvest_service(
        self, project_id: int, data_collection_id: int, service_id: int
    ) -> Flow[models.HarvestService]:
        """Delete a harvest service. Raises PixelNotFoundError."""
        path = _services(project_id, data_collection_id) + segment(service_id)
        return (yield from self.session.call("DELETE", path)).json(models.HarvestService)

    @operation
    def get_harvest_service_tasks(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        service_id: int,
        params: models.HarvestTaskListParams | None = None,
        **kwargs: Any,
    ) -> Flow[list[models.HarvestTask]]:
        """Return the runs of a harvest service. Parameters are those of `list_projects`, `status` and `get_new`."""
        path = f"{_services(project_id, data_collection_id)}{segment(service_id)}/"
        values = yield from validated(models.HarvestTaskListParams, params, kwargs)
        return (yield from self._list(path, values, list[models.HarvestTask]))

    @operation
    def start_harvest_service(self, project_id: int, data_collection_id: int, service_id: int) -> Flow[dict[str, Any]]:
        """Start a harvest service. Raises PixelNotFoundError."""
        path = f"{_services(project_id, data_collection_id)}{segment(service_id)}/start"
        return (yield from self.session.call("POST", path)).json(dict[str, Any])

    @operation
    def stop_harvest_service(self, project_id: int, data_collection_id: int, service_id: int) -> Flow[dict[str, Any]]:
        """Stop a harvest service. Raises PixelNotFoundError."""
        path = f"{_services(project_id, data_collection_id)}{segment(service_id)}/stop"
        return (yield from self.session.call("POST", path)).json(dict[str, Any])
