"""Lists: how their parameters are read, and how they are paged.

Rules kept here:

* V, validated: a `params` model, or keywords read into it. Unknown keywords are dropped, wrong values are a
  ValidationError; with both given, the keywords are ignored, which is reported (KeywordsIgnored).
* P, passed through: keywords are laid over the model's values unchecked, since a newer server may know more.
* An empty list of ids asks for nothing: the result is empty and no request is sent.
* A page shorter than asked for is the last one; the size of a page is at least 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, TypeVar

from pixel_core import models
from pixel_core.api.operation import Resource
from pixel_core.api.paging import Page, Pages
from pixel_core.api.paths import asks_for_none, query_of
from pixel_core.effects import Flow, Report
from pixel_core.events import KeywordsIgnored

T = TypeVar("T")
M = TypeVar("M", bound="models.PixelModel")


def validated(model: type[M], params: M | None, keywords: Mapping[str, Any]) -> Flow[dict[str, Any]]:
    """Query values by rule V. Raises ValidationError, TypeError for `params` that are no such model."""
    if params is None:
        params = model.model_validate(dict(keywords))
    elif keywords:
        yield from Report(KeywordsIgnored(model.__name__, tuple(keywords)))
    return _dumped(model, params)


def given(model: type[M], value: M | Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> Flow[M]:
    """An input by rule V: the model, a mapping of its fields, or keywords. Raises ValidationError."""
    if value is not None and keywords:
        yield from Report(KeywordsIgnored(model.__name__, tuple(keywords)))
    return model.model_validate(dict(keywords) if value is None else value)


def passed_through(
    model: type[models.PixelModel], params: models.PixelModel | None, keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Query values by rule P. Raises TypeError for `params` that are no such model."""
    values = {} if params is None else _dumped(model, params)
    kept = {name: list(value) if isinstance(value, Iterator) else value for name, value in keywords.items()}
    return {**values, **kept}


def paged(
    model: type[models.PixelModel], params: models.PixelModel | None, keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Query values by rule P for a listing, whose pages do not start at the offset of `params`, nor have its limit."""
    values = passed_through(model, params, {})
    kept = {name: value for name, value in values.items() if name not in ("offset", "limit")}
    return {**kept, **passed_through(model, None, keywords)}


def _dumped(model: type[models.PixelModel], params: object) -> dict[str, Any]:
    if not isinstance(params, models.PixelModel):
        raise TypeError(f"params is a {model.__name__}, not {type(params).__name__}")
    return params.body()


def check_page_size(page_size: int) -> None:
    """Raises ValueError for what is no whole number from 1."""
    if isinstance(page_size, bool) or not isinstance(page_size, int) or page_size < 1:
        raise ValueError(f"page_size is a whole number from 1, got {page_size!r}")


class Lists(Resource):
    """What all groups with lists share."""

    def _list(self, path: str, values: Mapping[str, Any], shape: type[list[T]]) -> Flow[list[T]]:
        if asks_for_none(values):
            return []
        answer = yield from self.session.call("GET", path, query_of(values))
        return answer.json(shape)

    def _pages(
        self, path: str, values: Mapping[str, Any], page_size: int, ahead: int, shape: type[list[T]]
    ) -> Pages[T]:
        """A listing from the keyword `offset` (or 0) on, `page_size` items a page."""
        check_page_size(page_size)
        starts = () if asks_for_none(values) else count(int(values.get("offset") or 0), page_size)
        wanted = ({**values, "offset": start, "limit": page_size} for start in starts)
        return Pages((self._page(path, each, page_size, shape) for each in wanted), ahead)

    def _page(self, path: str, values: Mapping[str, Any], size: int, shape: type[list[T]]) -> Flow[Page[T]]:
        answer = yield from self.session.call("GET", path, query_of(values))
        items = answer.json(shape)
        if not isinstance(items, list):
            raise answer.root.wrong("a list")
        return Page(items, last=len(items) < size)
