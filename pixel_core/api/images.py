"""Images of a data collection."""

from __future__ import annotations

from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, paged, passed_through
from pixel_core.api.operation import listing, operation
from pixel_core.api.paging import AHEAD, Pages
from pixel_core.api.paths import collection_path, query_of, segment
from pixel_core.effects import Flow


def _images_path(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/images/"


def _image_path(project_id: int, data_collection_id: int, image_id: int) -> str:
    return _images_path(project_id, data_collection_id) + segment(image_id)


class Images(Lists):
    """Images."""

    @operation
    def get_images(
        self, /, project_id: int, data_collection_id: int, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.Image]]:
        """Return the images of a data collection that match `params` and keywords.

        Keywords are sent as they are, and override `params`. `offset` and `limit` count images; without `limit` the
        server uses its default. With an empty list of `ids` the result is empty.
        """
        values = passed_through(models.ListParams, params, kwargs)
        return (yield from self._list(_images_path(project_id, data_collection_id), values, list[models.Image]))

    @listing
    def paginate_images(
        self,
        /,
        project_id: int,
        data_collection_id: int,
        page_size: int,
        params: models.ListParams | None = None,
        *,
        ahead: int = AHEAD,
        **kwargs: Any,
    ) -> Pages[models.Image]:
        """Iterate over all images, in pages of `page_size`. No request is sent before the first image is needed.

        Starts at the keyword `offset` (default 0; the offset and limit of `params` are ignored). Pages are fetched
        when they are needed. If they are slow, several are fetched concurrently: one at first, then two, four and so
        on, up to `ahead`. An error is raised after the images of the pages before it. Raises ValueError for a
        page_size or `ahead` below 1.
        """
        values = paged(models.ListParams, params, kwargs)
        return self._pages(_images_path(project_id, data_collection_id), values, page_size, ahead, list[models.Image])

    @operation
    def get_image(self, project_id: int, data_collection_id: int, image_id: int) -> Flow[models.Image]:
        """Return one image. Raises PixelNotFoundError if the data collection has no image with this id."""
        path = _image_path(project_id, data_collection_id, image_id)
        answer = yield from self.session.call("GET", path)
        return answer.json(models.Image)

    @operation
    def get_image_metadata(self, project_id: int, data_collection_id: int, image_id: int) -> Flow[dict[str, Any]]:
        """Return the metadata of one image. Raises PixelNotFoundError."""
        path = f"{_image_path(project_id, data_collection_id, image_id)}/metadata"
        answer = yield from self.session.call("GET", path)
        return answer.json(dict[str, Any])

    @operation
    def update_image(
        self, project_id: int, data_collection_id: int, image_id: int, update_input: models.ImageUpdateInput
    ) -> Flow[models.Image]:
        """Change the tags, fields or free metadata of an image. Raises PixelNotFoundError."""
        body = models.ImageUpdateInput.model_validate(update_input).body()
        path = _image_path(project_id, data_collection_id, image_id)
        answer = yield from self.session.call("PUT", path, json=body)
        return answer.json(models.Image)

    @operation
    def move_image(
        self, project_id: int, data_collection_id: int, image_id: int, new_project_id: int, new_data_collection_id: int
    ) -> Flow[models.Image]:
        """Move an image to another data collection, also of another project. Raises PixelNotFoundError."""
        path = f"{_image_path(project_id, data_collection_id, image_id)}/move"
        query = query_of(new_project_id=new_project_id, new_data_collection_id=new_data_collection_id)
        answer = yield from self.session.call("PUT", path, query)
        return answer.json(models.Image)

    @operation
    def delete_image(self, project_id: int, data_collection_id: int, image_id: int) -> Flow[models.Image]:
        """Delete an image. Raises PixelNotFoundError."""
        path = _image_path(project_id, data_collection_id, image_id)
        answer = yield from self.session.call("DELETE", path)
        return answer.json(models.Image)
