"""Harvest services: what is fetched into a data collection from other services.

Rules kept here:

* What holds credentials is sensitive: neither the payload nor what the server repeats of it stands in an error.
"""

from typing import Any

from pixel_core.api.addresses import collection_path, segment
from pixel_core.api.lists import Lists, validated
from pixel_core.effects import Flow
from pixel_core.models import (
    HarvestService,
    HarvestServiceCreateInput,
    HarvestServiceUpdateInput,
    HarvestTask,
    HarvestTaskListParams,
    ListParams,
)
from pixel_core.operations import operation


def _services(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/harvest_services/"


class Harvest(Lists):
    """Harvest services."""

    @operation
    def create_harvest_service(
        self, project_id: int, data_collection_id: int, create_input: HarvestServiceCreateInput
    ) -> Flow[HarvestService]:
        """Create a harvest service; `start_harvest_service` starts it."""
        body = HarvestServiceCreateInput.model_validate(create_input).body()
        path = _services(project_id, data_collection_id)
        return (yield from self.session.call("POST", path, json=body, sensitive=True)).json(HarvestService)

    @operation
    def list_harvest_services(
        self, /, project_id: int, data_collection_id: int, params: ListParams | None = None, **kwargs: Any
    ) -> Flow[list[HarvestService]]:
        """The harvest services of a data collection, by `params` or by keywords of the same names."""
        values = yield from validated(ListParams, params, kwargs)
        return (yield from self._list(_services(project_id, data_collection_id), values, list[HarvestService]))

    @operation
    def get_harvest_service(self, project_id: int, data_collection_id: int, service_id: int) -> Flow[HarvestService]:
        """One harvest service. Raises PixelNotFoundError."""
        path = _services(project_id, data_collection_id) + segment(service_id)
        return (yield from self.session.call("GET", path)).json(HarvestService)

    @operation
    def update_harvest_service(
        self, project_id: int, data_collection_id: int, service_id: int, update_input: HarvestServiceUpdateInput
    ) -> Flow[HarvestService]:
        """Change what is given, leave the rest. Raises PixelNotFoundError."""
        body = HarvestServiceUpdateInput.model_validate(update_input).body()
        path = _services(project_id, data_collection_id) + segment(service_id)
        return (yield from self.session.call("PUT", path, json=body, sensitive=True)).json(HarvestService)

    @operation
    def delete_harvest_service(self, project_id: int, data_collection_id: int, service_id: int) -> Flow[HarvestService]:
        """Delete a harvest service. Raises PixelNotFoundError."""
        path = _services(project_id, data_collection_id) + segment(service_id)
        return (yield from self.session.call("DELETE", path)).json(HarvestService)

    @operation
    def get_harvest_service_tasks(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        service_id: int,
        params: HarvestTaskListParams | None = None,
        **kwargs: Any,
    ) -> Flow[list[HarvestTask]]:
        """The runs of a harvest service, by `params` or by keywords of the same names (`status` and `get_new` too)."""
        path = f"{_services(project_id, data_collection_id)}{segment(service_id)}/"
        values = yield from validated(HarvestTaskListParams, params, kwargs)
        return (yield from self._list(path, values, list[HarvestTask]))

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
