"""Paths and queries of the Pixel API.

Rules kept here:

* What is put into a path is escaped, so that an id can never reach another endpoint.
* Queries are form style: space as `+`, comma as `%2C`, `true` and `false`; a list (or anything else
  that is iterated) becomes one value with commas; what is None and what is an empty list is left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus


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


def upload_jobs_path(project_id: int, data_collection_id: int) -> str:
    return f"{collection_path(project_id, data_collection_id)}/upload_jobs/"


def query_of(values: Mapping[str, Any] | None = None, **named: Any) -> str:
    """A query string, in the order given."""
    parts = []
    for name, value in {**values, **named}.items() if values else named.items():
        if value is True or value is False:  # most are one of these, or a number
            parts.append(f"{_quoted(name)}={'true' if value else 'false'}")
        elif type(value) is int:
            parts.append(f"{_quoted(name)}={value}")
        elif value is not None and (items := _listed(value)):
            parts.append(f"{_quoted(name)}={quote_plus(','.join(map(_text, items)))}")
    return "&".join(parts)


def _quoted(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else quote_plus(name)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def has_no_ids(values: Mapping[str, Any]) -> bool:
    """Whether an empty list of ids stands among the values: the answer is nothing, and the server would give all."""
    ids = values.get("ids")
    return ids is not None and not _listed(ids)
