"""Records as JSON, for the database.

Rules kept here:

* A record refers to others by id; everything else in it is written out.
* What JSON has no form for is an object with one name that begins with `$`. An ordinary object with such a name, or
  with keys that are no text, is written as pairs.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from pixel_transports.sandbox.job_records import Job, Outcome, Upload
from pixel_transports.sandbox.objects import Piece, StoredObject
from pixel_transports.sandbox.records import Resource
from pixel_transports.sandbox.users import Account

_NESTED = {"$outcome": Outcome, "$upload": Upload}
_LEFT_OUT = frozenset({"tasks", "parts"})
"""Fields whose values are records of their own, which refer to the one that has them."""

Find = Callable[[str, Any], Any]
"""Returns the record of a kind ("job", "resource", "account") by id. Raises KeyError."""


def pack(record: Any) -> str:
    """Return a record as text."""
    return json.dumps(_pack_fields(record), separators=(",", ":"))


def unpack(text: str, find: Find) -> dict[str, Any]:
    """Return the fields of a record. Raises KeyError if a record that it refers to is gone."""
    return {name: _unpack(value, find) for name, value in json.loads(text).items()}


def _pack_fields(record: Any) -> dict[str, Any]:
    return {each.name: _pack(getattr(record, each.name)) for each in fields(record) if each.name not in _LEFT_OUT}


def _pack(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _pack(each) for key, each in value.items()}
        return {"$pairs": [[_pack(key), _pack(each)] for key, each in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_pack(each) for each in value]
    return _pack_object(value)


def _pack_object(value: Any) -> dict[str, Any]:
    if isinstance(value, Job | Account):
        return {"$job" if isinstance(value, Job) else "$account": value.id}
    if isinstance(value, Resource):
        return {"$resource": value.id}
    if isinstance(value, Piece):
        return {"$piece": [value.size, value.number]}
    name = next(name for name, kind in _NESTED.items() if isinstance(value, kind))
    return {name: _pack_fields(value)}


def _unpack(value: Any, find: Find) -> Any:
    if isinstance(value, list):
        return [_unpack(each, find) for each in value]
    if not isinstance(value, dict):
        return value
    name = next(iter(value), "")
    if not name.startswith("$"):
        return {key: _unpack(each, find) for key, each in value.items()}
    packed = value[name]
    if name == "$pairs":
        return {_key(key): _unpack(each, find) for key, each in packed}
    if name in _NESTED:
        return _NESTED[name](**{field: _unpack(each, find) for field, each in packed.items()})
    return find(name[1:], packed)


def _key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def pack_object(stored: StoredObject) -> str:
    """Return a stored object as text; all its pieces have to be files."""
    return json.dumps({"etag": stored.etag, "pieces": [[piece.size, piece.number] for piece in stored.pieces]})


def unpack_object(text: str, piece: Callable[[int, int], Piece]) -> StoredObject:
    """Return a stored object; `piece` returns the file with a size and a number."""
    found: Mapping[str, Any] = json.loads(text)
    return StoredObject([piece(*each) for each in found["pieces"]], found["etag"])
