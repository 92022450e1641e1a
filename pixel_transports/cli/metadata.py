"""Metadata from the command line: of all files, of one, and what the camera wrote.

Rules kept here:

* A name that Pixel does not know is an error, since it would be dropped without a word.
* What is said of one file wins over what is said of all, and that over what the camera wrote.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from pixel_core.models import MetadataObject
from pixel_transports.cli.exits import in_words
from pixel_transports.cli.kinds import Kind

_PARTS = ("fields", "json_metadata")


def read_option(text: str | None, kind: Kind) -> dict[str, Any]:
    """The metadata of `--metadata`: JSON, or a file of JSON. Raises click.UsageError."""
    if text is None:
        return {}
    if text.lstrip().startswith("{"):
        where, content = "--metadata", text
    else:
        where = f"--metadata {text}"
        try:
            content = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{where}: cannot be read: {error}") from error
    try:
        value = json.loads(content)
    except ValueError as error:
        raise click.UsageError(f"{where}: is no JSON: {error}") from error
    return checked(value, kind, where)


def checked(value: Any, kind: Kind, where: str) -> dict[str, Any]:
    """Metadata as Pixel takes it, with the kind filled in. Raises click.UsageError."""
    if not isinstance(value, dict):
        raise click.UsageError(f"{where}: metadata is a JSON object with {' and '.join(_PARTS)}")
    _known(value, _PARTS, where, 'an object like {"fields": {...}, "json_metadata": {...}}')
    fields = value.get("fields")
    if isinstance(fields, dict):
        names = [name for name in kind.fields.model_fields if name != "fields_type"]
        _known(fields, ["fields_type", *names], f"{where}: fields", f"the fields of {_a(kind)}: {', '.join(names)}")
        if fields.setdefault("fields_type", kind.fields_type) != kind.fields_type:
            raise click.UsageError(f"{where}: fields_type is {fields['fields_type']!r}, and this is {_a(kind)}")
    try:
        MetadataObject.model_validate(value)
    except ValidationError as error:
        raise click.UsageError(f"{where}: {in_words(error)}") from error
    return value


def _a(kind: Kind) -> str:
    return f"{'an' if kind.name == 'image' else 'a'} {kind.name.replace('-', ' ')}"


def _known(value: Mapping[str, Any], names: tuple[str, ...] | list[str], where: str, wanted: str) -> None:
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise click.UsageError(f"{where}: {', '.join(unknown)} is not known; wanted is {wanted}")


def merged(*layers: Mapping[str, Any] | None) -> MetadataObject | None:
    """One of several, of which the later win name by name; None where nothing is said."""
    parts: dict[str, dict[str, Any]] = {name: {} for name in _PARTS}
    for layer in layers:
        for name in _PARTS:
            parts[name].update((layer or {}).get(name) or {})
    told = {name: values for name, values in parts.items() if values}
    return MetadataObject.model_validate(told) if told else None
