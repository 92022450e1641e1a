"""Data collections: a project's images, rasters or point clouds, each of one type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import collection_path, project_path, query_of
from pixel_core.api.projects import changes
from pixel_core.effects import Flow


class DataCollections(Lists):
    """Data collections."""

    @operation
    def create_data_collection(
        self,
        project_id: int,
        name: str,
        description: str,
        data_collection_type: models.DataCollectionType,
        tags: Sequence[str] | None = None,
        raster_info: models.RasterInfo | None = None,
    ) -> Flow[models.DataCollection]:
        """Create a data collection in a project. `raster_info` has the properties that all its rasters share."""
        body: dict[str, Any] = {"name": name, "description": description, "data_collection_type": data_collection_type}
        if tags:
            body["tags"] = list(tags)
        if raster_info is not None:
            body["raster_info"] = models.RasterInfo.model_validate(raster_info).body()
        answer = yield from self.session.call("POST", f"{project_path(project_id)}/data_collections/", json=body)
        return answer.json(models.DataCollection)

    @operation
    def list_data_collections(
        self, /, project_id: int, params: models.DataCollectionListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.DataCollection]]:
        """Return the data collections of a project.

        Parameters are those of `list_projects`, and `data_collection_type`.
        """
        values = yield from validated(models.DataCollectionListParams, params, kwargs)
        path = f"{project_path(project_id)}/data_collections/"
        return (yield from self._list(path, values, list[models.DataCollection]))

    @operation
    def list_deleted_data_collections(
        self, /, project_id: int, params: models.DataCollectionListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.DataCollection]]:
        """Return the deleted data collections of a project. Parameters are those of `list_data_collections`."""
        values = yield from validated(models.DataCollectionListParams, params, kwargs)
        path = f"{project_path(project_id)}/data_collections/deleted"
        return (yield from self._list(path, values, list[models.DataCollection]))

    @operation
    def get_data_collection(self, project_id: int, data_collection_id: int) -> Flow[models.DataCollection]:
        """Return one data collection. Raises PixelNotFoundError if the project has none with this id."""
        answer = yield from self.session.call("GET", collection_path(project_id, data_collection_id))
        return answer.json(models.DataCollection)

    @operation
    def update_data_collection(
        self,
        project_id: int,
        data_collection_id: int,
        name: str | None = None,
        description: str | None = None,
        add_tags: Sequence[str] | None = None,
        remove_tags: Sequence[str] | None = None,
    ) -> Flow[models.DataCollection]:
        """Change the given fields of a data collection. Raises ValueError if all are None, and PixelNotFoundError."""
        body = changes(name=name, description=description, add_tags=add_tags, remove_tags=remove_tags)
        answer = yield from self.session.call("PUT", collection_path(project_id, data_collection_id), json=body)
        return answer.json(models.DataCollection)

    @operation
    def move_data_collection(
        self, project_id: int, data_collection_id: int, new_project_id: int
    ) -> Flow[models.DataCollection]:
        """Move a data collection to another project. Raises PixelNotFoundError."""
        path = f"{collection_path(project_id, data_collection_id)}/move"
        answer = yield from self.session.call("PUT", path, query_of(new_project_id=new_project_id))
        return answer.json(models.DataCollection)

    @operation
    def delete_data_collection(self, project_id: int, data_collection_id: int) -> Flow[models.DataCollection]:
        """Delete a data collection. `restore_data_collection` restores it. Raises PixelNotFoundError."""
        answer = yield from self.session.call("DELETE", collection_path(project_id, data_collection_id))
        return answer.json(models.DataCollection)

    @operation
    def restore_data_collection(self, project_id: int, data_collection_id: int) -> Flow[models.DataCollection]:
        """Restore a deleted data collection. Raises PixelNotFoundError if no deleted one has this id."""
        path = f"{collection_path(project_id, data_collection_id)}/restore"
        answer = yield from self.session.call("POST", path)
        return answer.json(models.DataCollection)
