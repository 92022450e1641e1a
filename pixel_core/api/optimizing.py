"""Optimised rasters and point clouds: formats for fast display.

None for a list of ids means the whole data collection. An empty list means no items, and no request is sent. `run_...`
waits until the server's jobs have ended. Some may have failed: see the counts of the group job, and the status of each
object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pixel_core import models
from pixel_core.api.jobs import Jobs
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import query_of, segment
from pixel_core.api.point_clouds import point_clouds_path
from pixel_core.api.rasters import rasters_path
from pixel_core.effects import Flow
from pixel_core.session.answers import Answer

T = TypeVar("T")

NOTHING: models.JobGroup = {"completed": True, "total_jobs": 0, "success_count": 0, "failed_count": 0}
"""The group job of a run without ids."""


class Optimizing(Jobs, Lists):
    """Optimised rasters and point clouds."""

    @operation
    def create_optimized_rasters(
        self,
        project_id: int,
        data_collection_id: int,
        raster_ids: Sequence[int] | None,
        profile: str | None = None,
        nearblack: models.NearblackOptions | None = None,
        overview_resampling: models.OverviewResampling = "average",
    ) -> Flow[list[models.OptimizedRaster]]:
        """Create optimised rasters, which `run_optimize_rasters` then computes. Returns the created objects.

        `raster_ids` None means all rasters of the collection. `nearblack` removes borders; it is off by default.
        """
        if raster_ids is not None and not raster_ids:
            return []
        body = _creation(raster_ids, profile, nearblack, overview_resampling)
        path = f"{rasters_path(project_id, data_collection_id)}optimized/"
        return (yield from self.session.call("POST", path, json=body)).json(list[models.OptimizedRaster])

    @operation
    def run_optimize_rasters(
        self,
        project_id: int,
        data_collection_id: int,
        optimize_raster_ids: Sequence[int] | None,
        retry_failed: bool = False,
    ) -> Flow[models.JobGroup]:
        """Compute optimised rasters (None: all of the collection) and wait for them. Returns the group job.

        `retry_failed` includes those that failed before. Raises PixelJobTimeoutError.
        """
        path = f"{rasters_path(project_id, data_collection_id)}optimized/run"
        return (yield from self._run_optimizing(path, "optimized_raster_ids", optimize_raster_ids, retry_failed))

    @operation
    def optimize_rasters(
        self,
        project_id: int,
        data_collection_id: int,
        raster_ids: Sequence[int] | None = None,
        profile: str | None = None,
        nearblack: models.NearblackOptions | None = None,
        overview_resampling: models.OverviewResampling = "average",
    ) -> Flow[list[models.OptimizedRaster]]:
        """Create optimised rasters, compute them and return them. Raises PixelJobTimeoutError."""
        if raster_ids is not None and not raster_ids:
            return []
        body = _creation(raster_ids, profile, nearblack, overview_resampling)
        path = f"{rasters_path(project_id, data_collection_id)}optimized/"
        created = yield from self.session.call("POST", path, json=body)
        return (yield from self._finish_optimizing(path, "optimized_raster_ids", created, list[models.OptimizedRaster]))

    @operation
    def get_optimized_rasters(
        self, /, project_id: int, data_collection_id: int, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.OptimizedRaster]]:
        """Return the optimised rasters of a data collection. Parameters are those of `list_projects`."""
        path = f"{rasters_path(project_id, data_collection_id)}optimized/"
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list(path, values, list[models.OptimizedRaster]))

    @operation
    def delete_optimized_rasters(
        self, project_id: int, data_collection_id: int, raster_id: int, profile: str | None = None
    ) -> Flow[list[models.OptimizedRaster]]:
        """Delete the optimised rasters of one raster, or only that of one profile. Raises PixelNotFoundError."""
        path = f"{rasters_path(project_id, data_collection_id)}{segment(raster_id)}/optimized"
        answer = yield from self.session.call("DELETE", path, query_of(profile=profile or None))
        return answer.json(list[models.OptimizedRaster])

    @operation
    def create_optimized_point_clouds(
        self, project_id: int, data_collection_id: int, point_cloud_ids: Sequence[int] | None
    ) -> Flow[list[models.OptimizedPointCloud]]:
        """Create optimised point clouds (None: of the whole collection), for `run_optimize_point_clouds` to compute."""
        if point_cloud_ids is not None and not point_cloud_ids:
            return []
        body = _ids("point_cloud_ids", point_cloud_ids)
        path = f"{point_clouds_path(project_id, data_collection_id)}optimized/"
        return (yield from self.session.call("POST", path, json=body)).json(list[models.OptimizedPointCloud])

    @operation
    def run_optimize_point_clouds(
        self,
        project_id: int,
        data_collection_id: int,
        point_cloud_ids: Sequence[int] | None,
        retry_failed: bool = False,
    ) -> Flow[models.JobGroup]:
        """Compute optimised point clouds and wait for them, as `run_optimize_rasters` does."""
        path = f"{point_clouds_path(project_id, data_collection_id)}optimized/run"
        return (yield from self._run_optimizing(path, "point_cloud_ids", point_cloud_ids, retry_failed))

    @operation
    def optimize_point_clouds(
        self, project_id: int, data_collection_id: int, point_cloud_ids: Sequence[int] | None = None
    ) -> Flow[list[models.OptimizedPointCloud]]:
        """Create optimised point clouds, compute them and return them, as `optimize_rasters` does."""
        if point_cloud_ids is not None and not point_cloud_ids:
            return []
        path = f"{point_clouds_path(project_id, data_collection_id)}optimized/"
        created = yield from self.session.call("POST", path, json=_ids("point_cloud_ids", point_cloud_ids))
        return (yield from self._finish_optimizing(path, "point_cloud_ids", created, list[models.OptimizedPointCloud]))

    @operation
    def get_optimized_point_clouds(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        params: models.OptimizedPointCloudListParams | None = None,
        **kwargs: Any,
    ) -> Flow[list[models.OptimizedPointCloud]]:
        """Return the optimised point clouds of a data collection.

        Parameters are those of `list_projects` and of LAS (see `get_point_clouds`), and `status`.
        """
        path = f"{point_clouds_path(project_id, data_collection_id)}optimized/"
        values = yield from validated(models.OptimizedPointCloudListParams, params, kwargs)
        return (yield from self._list(path, values, list[models.OptimizedPointCloud]))

    @operation
    def delete_optimized_point_cloud(
        self, project_id: int, data_collection_id: int, point_cloud_id: int
    ) -> Flow[models.OptimizedPointCloud]:
        """Delete the optimised point cloud of a point cloud. Raises PixelNotFoundError."""
        path = f"{point_clouds_path(project_id, data_collection_id)}{segment(point_cloud_id)}/optimized"
        return (yield from self.session.call("DELETE", path)).json(models.OptimizedPointCloud)

    def _run_optimizing(
        self, path: str, name: str, ids: Sequence[int | str] | None, retry_failed: bool
    ) -> Flow[models.JobGroup]:
        if ids is not None and not ids:
            return {**NOTHING}
        body = {**_ids(name, ids), "retry_failed": retry_failed}
        answer = yield from self.session.call("POST", path, json=body)
        return (yield from self.wait_for_group_job(answer.field("group_job").field("group_id").identifier()))

    def _finish_optimizing(self, path: str, name: str, created: Answer, shape: type[list[T]]) -> Flow[list[T]]:
        """Compute the created objects, and return their final state."""
        ids = [each.field("id").identifier() for each in created.root.items()]
        yield from self._run_optimizing(f"{path}run", name, ids, False)
        return (yield from self._list(path, {"ids": ids, "limit": len(ids)}, shape))


def _ids(name: str, ids: Sequence[int | str] | None) -> dict[str, Any]:
    return {} if ids is None else {name: list(ids)}


def _creation(
    raster_ids: Sequence[int] | None,
    profile: str | None,
    nearblack: models.NearblackOptions | None,
    overview_resampling: models.OverviewResampling,
) -> dict[str, Any]:
    """Return the body of the request that creates optimised rasters."""
    options = (
        models.NearblackOptions(enabled=False)
        if nearblack is None
        else models.NearblackOptions.model_validate(nearblack)
    )
    creation = {"nearblack_options": options.body(), "overview_resampling": overview_resampling}
    return {"creation_options": creation, **_ids("raster_ids", raster_ids), **({"profile": profile} if profile else {})}
