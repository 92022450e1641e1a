"""Point clouds of a data collection."""

from __future__ import annotations

from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, paged, passed_through
from pixel_core.api.operation import listing, operation
from pixel_core.api.paging import AHEAD, Pages
from pixel_core.api.paths import collection_path, segment
from pixel_core.effects import Flow


def point_clouds_path(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/point_clouds/"


class PointClouds(Lists):
    """Point clouds."""

    @operation
    def get_point_clouds(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        params: models.PointCloudListParams | None = None,
        **kwargs: Any,
    ) -> Flow[list[models.PointCloud]]:
        """Return the point clouds of a data collection.

        Parameters are those of `get_images`, and those of LAS: `format`, `point_record_format`, `version_major`,
        `version_minor`.
        """
        values = passed_through(models.PointCloudListParams, params, kwargs)
        return (
            yield from self._list(point_clouds_path(project_id, data_collection_id), values, list[models.PointCloud])
        )

    @listing
    def paginate_point_clouds(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        page_size: int,
        params: models.PointCloudListParams | None = None,
        *,
        ahead: int = AHEAD,
        **kwargs: Any,
    ) -> Pages[models.PointCloud]:
        """Iterate over all point clouds, in pages of `page_size`, as `paginate_images` does."""
        values = paged(models.PointCloudListParams, params, kwargs)
        path = point_clouds_path(project_id, data_collection_id)
        return self._pages(path, values, page_size, ahead, list[models.PointCloud])

    @operation
    def get_point_cloud(self, project_id: int, data_collection_id: int, point_cloud_id: int) -> Flow[models.PointCloud]:
        """Return one point cloud. Raises PixelNotFoundError if the data collection has none with this id."""
        path = point_clouds_path(project_id, data_collection_id) + segment(point_cloud_id)
        return (yield from self.session.call("GET", path)).json(models.PointCloud)

    @operation
    def update_point_cloud(
        self, project_id: int, data_collection_id: int, point_cloud_id: int, update_input: models.PointCloudUpdateInput
    ) -> Flow[models.PointCloud]:
        """Change the tags, fields or free metadata of a point cloud. Raises PixelNotFoundError."""
        body = models.PointCloudUpdateInput.model_validate(update_input).body()
        path = point_clouds_path(project_id, data_collection_id) + segment(point_cloud_id)
        return (yield from self.session.call("PUT", path, json=body)).json(models.PointCloud)

    @operation
    def move_point_cloud(
        self, project_id: int, data_collection_id: int, point_cloud_id: int, new_data_collection_id: int
    ) -> Flow[models.PointCloud]:
        """Move a point cloud to another data collection of the same project. Raises PixelNotFoundError."""
        path = f"{point_clouds_path(project_id, data_collection_id)}{segment(point_cloud_id)}/move"
        body = {"new_data_collection_id": new_data_collection_id}
        return (yield from self.session.call("POST", path, json=body)).json(models.PointCloud)

    @operation
    def delete_point_cloud(
        self, project_id: int, data_collection_id: int, point_cloud_id: int
    ) -> Flow[models.PointCloud]:
        """Delete a point cloud. Raises PixelNotFoundError."""
        path = point_clouds_path(project_id, data_collection_id) + segment(point_cloud_id)
        return (yield from self.session.call("DELETE", path)).json(models.PointCloud)
