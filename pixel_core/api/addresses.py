"""Paths and queries of the Pixel API.

Rules kept here:

* What is put into a path is escaped, so that an id can never reach another endpoint.
* Queries are form style: space as `+`, comma as `%2C`, `true` and `false`; what is None is left out, a list becomes one
  value with commas.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pixel_core.models import ListParams


def segment(value: object) -> str:
    """One segment of a path. Raises ValueError for what no escaping makes safe: nothing, a dot, two dots."""
    if type(value) is int:
        return str(value)
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} cannot be an id: it would change the path of the request")
    return quote(text, safe="")


def project_path(project_id: int) -> str:
    return f"/projects/{segment(project_id)}"


def collection_path(project_id: int, data_collection_id: int) -> str:
    return f"/projects/{segment(project_id)}/data_collections/{segment(data_collection_id)}"


def query_of(values: Mapping[str, Any] | None = None, **named: Any) -> str:
    """A query string, in the order given."""
    pairs = {**(values or {}), **named}
    return urlencode([(name, _text(value)) for name, value in pairs.items() if value is not None])


def _text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(_text(item) for item in value)
    return str(value)


def dumped(params: ListParams) -> dict[str, Any]:
    """List parameters as query values: without what is None, and without tags where there are none."""
    values = params.model_dump(mode="json", exclude_none=True)
    if values.get("tags") == []:
        del values["tags"]
    return values


def asks_for_none(values: Mapping[str, Any]) -> bool:
    """Whether an empty list of ids stands among the values: the answer is nothing, and the server would give all."""
    ids = values.get("ids")
    return ids is not None and not isinstance(ids, (str, int)) and isinstance(ids, Iterable) and not list(ids)
