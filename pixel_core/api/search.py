"""Search over images, rasters, point clouds, projects and data collections."""

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
        """What can be searched for on this kind of thing: its fields."""
        return (yield from self.session.call("GET", "/search/info", query_of(on=on))).json(object)

    @operation
    def search(self, search_query: Mapping[str, Any] | models.SearchQuery) -> Flow[models.SearchResults]:
        """One page of results. Raises ValidationError for a query that is none, before anything is sent."""
        body = models.SearchQuery.model_validate(search_query).body()
        return (yield from self.session.call("POST", "/search/", json=body)).json(models.SearchResults)

    @listing
    def paginate_search(
        self, search_query: Mapping[str, Any] | models.SearchQuery, page_size: int, *, ahead: int = AHEAD
    ) -> Pages[dict[str, Any]]:
        """All results, one by one, fetched `page_size` at a time from the first on; the query's own offset and limit
        do not count. Nothing is sent before the first is asked for; then pages are fetched side by side, up to `ahead`
        at a time, as by `paginate_images`. Raises ValueError for a page_size or `ahead` below 1.
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
