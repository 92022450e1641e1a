"""Search for images, rasters, point clouds, projects and data collections."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from pixel_core import models
from pixel_core.api.lists import check_page_size
from pixel_core.api.operation import Resource, listing, operation
from pixel_core.api.paging import AHEAD, Page, Pages
from pixel_core.api.paths import query_of
from pixel_core.effects import Flow


class Search(Resource):
    """Search."""

    @operation
    def search_info(self, on: models.SearchOn) -> Flow[Any]:
        """Return the fields by which this kind of resource can be searched."""
        return (yield from self.session.call("GET", "/search/info", query_of(on=on))).json(object)

    @operation
    def search(self, search_query: Mapping[str, Any] | models.SearchQuery) -> Flow[models.SearchResults]:
        """Return one page of results. Raises ValidationError for an invalid query, before a request is sent."""
        body = models.SearchQuery.model_validate(search_query).body()
        return (yield from self.session.call("POST", "/search/", json=body)).json(models.SearchResults)

    @listing
    def paginate_search(
        self, search_query: Mapping[str, Any] | models.SearchQuery, page_size: int, *, ahead: int = AHEAD
    ) -> Pages[dict[str, Any]]:
        """Iterate over all results, in pages of `page_size`. The query's own offset and limit are ignored.

        Pages are fetched as by `paginate_images`. Raises ValidationError for an invalid query, ValueError for a
        page_size or `ahead` below 1.
        """
        body = models.SearchQuery.model_validate(search_query).body()
        check_page_size(page_size)
        flows = (self._results({**body, "offset": at, "limit": page_size}, page_size) for at in count(0, page_size))
        return Pages(flows, ahead)

    def _results(self, body: Mapping[str, Any], size: int) -> Flow[Page[dict[str, Any]]]:
        answer = yield from self.session.call("POST", "/search/", json=body)
        root = answer.root
        results = root if isinstance(root.value, list) else root.field("results")
        items = [] if results.value is None else [each.value for each in results.items()]
        return Page(items, last=len(items) < size)
