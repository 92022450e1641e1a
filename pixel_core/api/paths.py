"""Builds paths and queries of the Pixel API.

Values in a path are percent-encoded, so an id cannot reach another endpoint. Queries are form-encoded: space as `+`,
comma as `%2C`, booleans as `true` and `false`. A list (or another iterable) becomes one comma-separated value. None and
empty lists are left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus


def segment(value: object) -> str:
    """Encode one segment of a path. Raises TypeError for None, and ValueError for "", "." and "..", which encoding does
    not make safe.
    """
    if type(value) is int:
        return str(value)
    if value is None:
        raise TypeError("None cannot be an id")
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} cannot be an id: it would change the path of the request")
    return quote(text, safe="")


def project_path(project_id: int) -> str:
    """Return the path of a project, without a slash at the end."""
    return f"/projects/{segment(project_id)}"


def collection_path(project_id: int, data_collection_id: int) -> str:
    """Return the path of a data collection, without a slash at the end."""
    return f"/projects/{segment(project_id)}/data_collections/{segment(data_collection_id)}"


def upload_jobs_path(project_id: int, data_collection_id: int) -> str:
    """Return the path of the upload jobs of a data collection, with a slash at the end."""
    return f"{collection_path(project_id, data_collection_id)}/upload_jobs/"


def query_of(values: Mapping[str, Any] | None = None, **named: Any) -> str:
    """Return a query string, in the order of the arguments."""
    parts = []
    for name, value in {**values, **named}.items() if values else named.items():
        if value is True or value is False:  # the most frequent types first
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
    """Return whether `ids` is an empty list. The server would ignore it and return all items."""
    ids = values.get("ids")
    return ids is not None and not _listed(ids)
