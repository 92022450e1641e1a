"""Metadata of files: from --metadata, and from JSON lines. A name that Pixel does not know is an error, since the
server would ignore it silently.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pixel_core.models import MetadataObject
from pixel_transports.cli.file_types import FileType
from pixel_transports.cli.options import usage_errors

_PARTS = ("fields", "json_metadata")


def read_metadata_option(text: str | None, file_type: FileType) -> dict[str, Any]:
    """Return the metadata of `--metadata`: JSON, or a file with JSON. Raises click.UsageError."""
    if text is None:
        return {}
    if text.lstrip().startswith("{"):
        source, content = "--metadata", text
    else:
        source = f"--metadata {text}"
        try:
            content = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{source}: cannot be read: {error}") from error
    try:
        value = parse_json(content)
    except ValueError as error:
        raise click.UsageError(f"{source}: is no JSON: {error}") from error
    return validate_metadata(value, file_type, source)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError, also for NaN and Infinity, which Python would accept and no
    request can hold.
    """

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no number of JSON")

    return json.loads(text, parse_constant=refuse)


def validate_metadata(value: Any, file_type: FileType, source: str) -> dict[str, Any]:
    """Return the metadata with `fields_type` filled in. Raises click.UsageError, which names `source`."""
    if not isinstance(value, dict):
        raise click.UsageError(f"{source}: metadata is a JSON object with {' and '.join(_PARTS)}")
    _check_names(value, _PARTS, source, 'an object like {"fields": {...}, "json_metadata": {...}}')
    fields = value.get("fields")
    if isinstance(fields, dict):
        names = [name for name in file_type.fields.model_fields if name != "fields_type"]
        expected = f"the fields of {_a(file_type)}: {', '.join(names)}"
        _check_names(fields, ["fields_type", *names], f"{source}: fields", expected)
        if fields.setdefault("fields_type", file_type.kind.name) != file_type.kind.name:
            raise click.UsageError(f"{source}: fields_type is {fields['fields_type']!r}, and this is {_a(file_type)}")
    with usage_errors(source, value):
        MetadataObject.model_validate(value)
    return value


def _a(file_type: FileType) -> str:
    return f"{'an' if file_type.name == 'image' else 'a'} {file_type.name.replace('-', ' ')}"


def _check_names(value: Mapping[str, Any], names: tuple[str, ...] | list[str], source: str, expected: str) -> None:
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise click.UsageError(f"{source}: {', '.join(unknown)} is not known; expected is {expected}")
