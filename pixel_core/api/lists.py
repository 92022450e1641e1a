"""Lists: reads their parameters, and fetches them whole or in pages.

Rules kept here:

* Rule V (validated): a `params` model, or keywords that are validated as one. Unknown keywords raise TypeError, invalid
  values ValidationError. Keywords beside a model are ignored and reported (KeywordsIgnored).
* Rule P (passed through): keywords override the model's values unchecked, since a newer server may have more of them.
* With an empty list of ids the result is empty, and no request is sent.
* A page with fewer items than the page size is the last one. The page size is at least 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, TypeVar

from pixel_core import models
from pixel_core.api.operation import Resource
from pixel_core.api.paging import Page, Pages
from pixel_core.api.paths import has_no_ids, query_of
from pixel_core.effects import Flow, Report
from pixel_core.events import KeywordsIgnored

T = TypeVar("T")
M = TypeVar("M", bound="models.PixelModel")


def validated(model: type[M], params: M | None, keywords: Mapping[str, Any]) -> Flow[dict[str, Any]]:
    """Return query values by rule V. Raises ValidationError, and TypeError if `params` is not a model, or for unknown
    keywords.
    """
    if params is None:
        params = _from_keywords(model, keywords)
    elif keywords:
        yield from Report(KeywordsIgnored(model.__name__, tuple(keywords)))
    return _dumped(model, params)


def read_input(model: type[M], value: M | Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> Flow[M]:
    """Return an input by rule V: from a model, a mapping of its fields, or keywords. Raises ValidationError, and
    TypeError for unknown keywords.
    """
    if value is not None and keywords:
        yield from Report(KeywordsIgnored(model.__name__, tuple(keywords)))
    return _from_keywords(model, keywords) if value is None else model.model_validate(value)


def _from_keywords(model: type[M], keywords: Mapping[str, Any]) -> M:
    unknown = keywords.keys() - model.model_fields.keys()
    if unknown:
        known = ", ".join(model.model_fields)
        raise TypeError(f"unknown keyword: {', '.join(sorted(unknown))}; those of a {model.__name__} are {known}")
    return model.model_validate(dict(keywords))


def passed_through(
    model: type[models.PixelModel], params: models.PixelModel | None, keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Return query values by rule P. Raises TypeError if `params` is not a model."""
    values = {} if params is None else _dumped(model, params)
    overrides = {name: list(value) if isinstance(value, Iterator) else value for name, value in keywords.items()}
    return {**values, **overrides}


def paged(
    model: type[models.PixelModel], params: models.PixelModel | None, keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Return query values by rule P for a listing in pages, without the offset and limit of `params`."""
    values = passed_through(model, params, {})
    kept = {name: value for name, value in values.items() if name not in ("offset", "limit")}
    return {**kept, **passed_through(model, None, keywords)}


def _dumped(model: type[models.PixelModel], params: object) -> dict[str, Any]:
    if not isinstance(params, models.PixelModel):
        raise TypeError(f"params must be a {model.__name__}, not {type(params).__name__}")
    return params.body()


def check_page_size(page_size: int) -> None:
    """Raise ValueError unless it is a whole number of at least 1."""
    if isinstance(page_size, bool) or not isinstance(page_size, int) or page_size < 1:
        raise ValueError(f"page_size must be a whole number of at least 1, got {page_size!r}")


class Lists(Resource):
    """Base of the resources with lists."""

    def _list(self, path: str, values: Mapping[str, Any], shape: type[list[T]]) -> Flow[list[T]]:
        if has_no_ids(values):
            return []
        answer = yield from self.session.call("GET", path, query_of(values))
        return answer.json(shape)

    def _pages(
        self, path: str, values: Mapping[str, Any], page_size: int, ahead: int, shape: type[list[T]]
    ) -> Pages[T]:
        """Return a listing in pages of `page_size` items, from the keyword `offset` (default 0) on."""
        check_page_size(page_size)
        starts = () if has_no_ids(values) else count(int(values.get("offset") or 0), page_size)
        queries = ({**values, "offset": start, "limit": page_size} for start in starts)
        return Pages((self._page(path, each, page_size, shape) for each in queries), ahead)

    def _page(self, path: str, values: Mapping[str, Any], size: int, shape: type[list[T]]) -> Flow[Page[T]]:
        answer = yield from self.session.call("GET", path, query_of(values))
        items = answer.json(shape)
        if not isinstance(items, list):
            raise answer.root.wrong("a list")
        return Page(items, last=len(items) < size)
