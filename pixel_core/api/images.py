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
        """The images of a data collection, by `params`, by keywords (passed on as they are), or by both, where the
        keywords win. `offset` and `limit` count images; the server has a limit of its own.
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
        """All images, one by one, fetched `page_size` at a time; nothing is sent before the first is asked for.

        Starts at the keyword `offset` (not at that of `params`), or at 0. While more is asked for, pages are fetched
        side by side where they take long: one at first, then two, four and so on, up to `ahead`; with `ahead=1` one
        after another. Errors come up at the page where they happen, after the images before it. Raises ValueError for
        a page_size or `ahead` below 1.
        """
        values = paged(models.ListParams, params, kwargs)
        return self._pages(_images_path(project_id, data_collection_id), values, page_size, ahead, list[models.Image])

    @operation
    def get_image(self, project_id: int, data_collection_id: int, image_id: int) -> Flow[models.Image]:
        """One image. Raises PixelNotFoundError when the data collection has none with this id."""
        path = _image_path(project_id, data_collection_id, image_id)
        answer = yield from self.session.call("GET", path)
        return answer.json(models.Image)

    @operation
    def get_image_metadata(self, project_id: int, data_collection_id: int, image_id: int) -> Flow[dict[str, Any]]:
        """The metadata of one image. Raises PixelNotFoundError."""
        path = f"{_image_path(project_id, data_collection_id, image_id)}/metadata"
        answer = yield from self.session.call("GET", path)
        return answer.json(dict[str, Any])

    @operation
    def update_image(
        self, project_id: int, data_collection_id: int, image_id: int, update_input: models.ImageUpdateInput
    ) -> Flow[models.Image]:
        """Change an image's tags, fields or free metadata. Raises PixelNotFoundError."""
        body = models.ImageUpdateInput.model_validate(update_input).body()
        path = _image_path(project_id, data_collection_id, image_id)
        answer = yield from self.session.call("PUT", path, json=body)
        return answer.json(models.Image)

    @operation
    def move_image(
        self,
        project_id: int,
        data_collection_id: int,
        image_id: int,
        new_project_id: int,
        new_data_collection_id: int,
    ) -> Flow[models.Image]:
        """Move an image to another data collection, which may be in another project."""
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
