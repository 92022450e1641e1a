"""Rasters of a data collection."""

from __future__ import annotations

from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, paged, passed_through
from pixel_core.api.operation import listing, operation
from pixel_core.api.paging import AHEAD, Pages
from pixel_core.api.paths import collection_path, query_of, segment
from pixel_core.effects import Flow


def rasters_path(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/rasters/"


class Rasters(Lists):
    """Rasters."""

    @operation
    def get_rasters(
        self, /, project_id: int, data_collection_id: int, params: models.RasterListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.Raster]]:
        """Return the rasters of a data collection. Parameters are those of `get_images`, and `format`."""
        values = passed_through(models.RasterListParams, params, kwargs)
        return (yield from self._list(rasters_path(project_id, data_collection_id), values, list[models.Raster]))

    @listing
    def paginate_rasters(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        page_size: int,
        params: models.ListParams | None = None,
        *,
        ahead: int = AHEAD,
        **kwargs: Any,
    ) -> Pages[models.Raster]:
        """Iterate over all rasters, in pages of `page_size`, as `paginate_images` does."""
        values = paged(models.RasterListParams, params, kwargs)
        return self._pages(rasters_path(project_id, data_collection_id), values, page_size, ahead, list[models.Raster])

    @operation
    def get_raster(self, project_id: int, data_collection_id: int, raster_id: int) -> Flow[models.Raster]:
        """Return one raster. Raises PixelNotFoundError if the data collection has none with this id."""
        path = rasters_path(project_id, data_collection_id) + segment(raster_id)
        return (yield from self.session.call("GET", path)).json(models.Raster)

    @operation
    def update_raster(
        self, project_id: int, data_collection_id: int, raster_id: int, update_input: models.RasterUpdateInput
    ) -> Flow[models.Raster]:
        """Change the tags, fields or free metadata of a raster. Raises PixelNotFoundError."""
        body = models.RasterUpdateInput.model_validate(update_input).body()
        path = rasters_path(project_id, data_collection_id) + segment(raster_id)
        return (yield from self.session.call("PUT", path, json=body)).json(models.Raster)

    @operation
    def move_raster(
        self, project_id: int, data_collection_id: int, raster_id: int, new_project_id: int, new_data_collection_id: int
    ) -> Flow[models.Raster]:
        """Move a raster to another data collection, also of another project. Raises PixelNotFoundError."""
        path = f"{rasters_path(project_id, data_collection_id)}{segment(raster_id)}/move"
        query = query_of(new_project_id=new_project_id, new_data_collection_id=new_data_collection_id)
        return (yield from self.session.call("PUT", path, query)).json(models.Raster)

    @operation
    def delete_raster(self, project_id: int, data_collection_id: int, raster_id: int) -> Flow[models.Raster]:
        """Delete a raster. Raises PixelNotFoundError."""
        path = rasters_path(project_id, data_collection_id) + segment(raster_id)
        return (yield from self.session.call("DELETE", path)).json(models.Raster)
