"""Prints rows as a table, as plain text, as JSON, GeoJSON or CSV.

Rules kept here:

* A terminal gets a table; a pipe gets columns of plain text, without colours or lines. `--json` is one JSON document:
  a list for lists, an object for one row.
* Secrets are shown in no format: the values of fields with such a name are ***, and so are the forms of uploads.
* In JSON a value is as the server sent it. In tables and text it is one line without control characters; points are
  longitude and latitude. In text an empty value is `-`, so that each line has all its columns.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from pixel_transports.cli.errors import print_message, printable
from pixel_transports.cli.options import Command

JSON, GEOJSON, CSV = "json", "geojson", "csv"

GEOMETRIES = ("location", "area_of_interest")
"""The fields with a geometry: of an image, and of a project."""

_SECRET = re.compile(r".*(password|secret|api_?key|credentials?|token|upload_file_params|upload_fields)", re.IGNORECASE)

Row = Mapping[str, Any]


_csv_option = click.option(
    "--csv", "output_format", flag_value=CSV, help="CSV with a header; objects and lists as JSON."
)
_geojson_option = click.option("--geojson", "output_format", flag_value=GEOJSON, help="A GeoJSON FeatureCollection.")
_json_option = click.option("--json", "output_format", flag_value=JSON, default=None, help="One JSON document.")


def format_options(geometry: bool = False) -> Callable[[Command], Command]:
    """Add --json, --csv and, with `geometry`, --geojson. The last one given counts."""

    def add(command: Command) -> Command:
        command = _csv_option(command)
        return _json_option(_geojson_option(command) if geometry else command)

    return add


def show_rows(rows: Iterable[Row], columns: Sequence[str], output_format: str | None) -> None:
    """Print a list. `columns` are those of tables and text; the other formats have all fields."""
    shown = [redact(each) for each in rows]
    if output_format == JSON:
        click.echo(_dumps(shown))
    elif output_format == GEOJSON:
        click.echo(_dumps({"type": "FeatureCollection", "features": [_feature(each) for each in shown]}))
    elif output_format == CSV:
        click.echo(_csv(shown, columns), nl=False)
    elif not shown:
        print_message("There is nothing to list.")
    else:
        _table([[_cell(each.get(name)) for name in columns] for each in shown], [printable(name) for name in columns])


def show_one(row: Row, output_format: str | None) -> None:
    """Print one row with all its fields, one a line."""
    shown = redact(row)
    if output_format == JSON:
        click.echo(_dumps(shown))
    elif output_format is not None:
        show_rows([row], list(row), output_format)
    else:
        _table([[printable(name), _cell(value)] for name, value in shown.items()], None)


def redact(value: Any) -> Any:
    """Return the value with *** in place of secrets, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: "***" if inner is not None and _SECRET.fullmatch(str(name)) else redact(inner)
            for name, inner in value.items()
        }
    return [redact(each) for each in value] if isinstance(value, list) else value


def _dumps(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _feature(row: Row) -> dict[str, Any]:
    geometry = next((name for name in GEOMETRIES if name in row), None)
    properties = {name: value for name, value in row.items() if name != geometry}
    feature = {"type": "Feature", "geometry": row[geometry] if geometry else None, "properties": properties}
    return {"id": row["id"], **feature} if "id" in row else feature


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    header = list(dict.fromkeys(name for row in rows for name in row)) or list(columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_cell(value) for name, value in row.items()})
    return text.getvalue()


def _csv_cell(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else _cell(value)


def _cell(value: Any) -> str:
    """Return a value as one line of text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return printable(" ".join(value.split()))
    if isinstance(value, Mapping) and value.get("type") == "Point" and isinstance(value.get("coordinates"), list):
        return " ".join(_number(each) for each in value["coordinates"])
    if isinstance(value, Mapping) or (isinstance(value, list) and not all(isinstance(each, str) for each in value)):
        return printable(json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        return printable(", ".join(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> str:
    return f"{value:.7f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _table(rows: Sequence[Sequence[str]], header: Sequence[str] | None) -> None:
    if sys.stdout.isatty():
        _rich(rows, header)
        return
    from rich.cells import cell_len

    lines = [*([header] if header else []), *([text or "-" for text in row] for row in rows)]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        padded = (text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _rich(rows: Sequence[Sequence[str]], header: Sequence[str] | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if header else None, show_header=header is not None, header_style="bold")
    for name in header or ("", ""):
        short = name == "id" or name.endswith(("_id", "_at", "_date"))
        table.add_column(name, overflow="fold", no_wrap=short, style=None if header or table.columns else "bold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(file=sys.stdout).print(table)
