"""Prints rows as a table, as plain text, as JSON, GeoJSON or CSV.

Rules kept here:

* A terminal gets a table that fits, and a pager if it is long; a pipe gets all columns as plain text. `--json` is one
  JSON document: a list for lists, an object for one row.
* Secrets are shown in no format: the values of fields with such a name are ***, and so are the forms of uploads.
* In JSON a value is as the server sent it. Elsewhere it is one line, with escapes for control characters; in tables and
  text points are longitude and latitude. In text an empty value is `-`, so that each line has all its columns.
"""

import csv
import functools
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from pixel_core.errors import printable
from pixel_transports.cli.errors import print_message
from pixel_transports.cli.options import Command, Option, split_names
from pixel_transports.cli.streams import encoding_of, escape, is_terminal, shown, write_lines
from pixel_transports.cli.tables import (
    fitted_record_lines,
    fitted_table_lines,
    record_lines,
    table_lines,
)

JSON, GEOJSON, CSV = "json", "geojson", "csv"

GEOMETRIES = ("location", "area_of_interest")
"""The fields with a geometry: of an image, and of a project."""

_SECRET = re.compile(r".*(password|secret|api_?key|credentials?|token|upload_file_params|upload_fields)", re.IGNORECASE)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """How a command prints its rows. `format` is None for tables and text, `columns` for those of the command."""

    format: str | None = None
    columns: Sequence[str] | None = None
    wide: bool = False
    pager: bool = True


_csv_option = click.option(
    "--csv", "output_format", flag_value=CSV, help="CSV with a header; objects and lists as JSON."
)
_geojson_option = click.option("--geojson", "output_format", flag_value=GEOJSON, help="A GeoJSON FeatureCollection.")
_json_option = click.option("--json", "output_format", flag_value=JSON, default=None, help="One JSON document.")


_listing_options = (
    click.option("--columns", metavar="A,B", help="Only these columns, in this order, of a table or of CSV."),
    click.option("--wide", is_flag=True, help="All columns, on lines that are wider than the terminal."),
)
no_pager_option: Option = click.option("--no-pager", is_flag=True, help="Do not use a pager.")


def output_options(geometry: bool = False, listing: bool = False) -> Callable[[Command], Command]:
    """Add --json, --csv and --no-pager, with `geometry` also --geojson, and with `listing` --columns and --wide. The
    last format given counts. The command gets them as `output`.
    """

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def with_output(
            *,
            output_format: str | None,
            no_pager: bool,
            columns: str | None = None,
            wide: bool = False,
            **options: Any,
        ) -> None:
            if columns is not None and (not split_names(columns) or output_format in (JSON, GEOJSON)):
                raise click.UsageError("--columns takes names such as id,name, and goes with tables and --csv only")
            pager = not no_pager and not click.get_current_context().meta.get("no_pager", False)
            command(output=Output(output_format, split_names(columns), wide, pager), **options)

        shared = (*([_geojson_option] if geometry else []), _csv_option, *(_listing_options if listing else []))
        return functools.reduce(
            lambda made, option: option(made), (no_pager_option, *shared[::-1], _json_option), with_output
        )

    return add


def show_rows(rows: Iterable[Row], columns: Sequence[str], output: Output) -> None:
    """Print a list. `columns` are those of tables and text; the other formats have all fields. Raises click.UsageError
    if --columns names one that no row has.
    """
    clean = [redact(each) for each in rows]
    names = output.columns or columns
    if output.columns is not None:
        _check_columns(output.columns, clean)
    if output.format == JSON:
        print_json(clean, output)
    elif output.format == GEOJSON:
        print_json({"type": "FeatureCollection", "features": [_feature(each) for each in clean]}, output)
    elif output.format == CSV:
        write_lines(_csv(clean, columns, output.columns).splitlines(), output.pager)
    elif not clean:
        print_message("There is nothing to list.")
    else:
        _print_table([[_cell(each.get(name)) for name in names] for each in clean], [*map(shown, names)], output)


def show_one(row: Row, output: Output) -> None:
    """Print one row with all its fields, one a line."""
    clean = redact(row)
    if output.format == JSON:
        print_json(clean, output)
    elif output.format is not None:
        show_rows([row], list(row), output)
    else:
        rows = [[shown(name), _cell(value)] for name, value in clean.items()]
        fits = is_terminal(sys.stdout)
        lines = fitted_record_lines(rows, shutil.get_terminal_size().columns) if fits else record_lines(rows)
        write_lines(_styled(lines), output.pager)


def print_json(value: Any, output: Output = Output()) -> None:
    """Print a JSON document on stdout."""
    write_lines(dump_json(value, indent=2).split("\n"), output.pager)


def dump_json(value: Any, indent: int | None = None, encoding: str | None = None) -> str:
    """Return JSON text, with escapes for control characters and for what an encoding (that of stdout) lacks."""
    encoding = encoding or encoding_of(sys.stdout)
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNUSUAL.sub(lambda each: _json_character(each[0], encoding), text)


_UNUSUAL = re.compile(r"[^ -~\n]")


def _json_character(character: str, encoding: str) -> str:
    is_plain = character.isprintable() and escape(character, encoding) == character
    return character if is_plain else json.dumps(character)[1:-1]


def _check_columns(names: Sequence[str], rows: Sequence[Row]) -> None:
    known = dict.fromkeys(name for row in rows for name in row)
    unknown = [name for name in names if name not in known]
    if rows and unknown:
        raise click.UsageError(f"--columns: there is no {', '.join(unknown)}; the columns are {', '.join(known)}")


def _print_table(rows: Sequence[Sequence[str]], header: Sequence[str], output: Output) -> None:
    if not is_terminal(sys.stdout):
        write_lines(table_lines(rows, header))
        return
    width = None if output.wide else shutil.get_terminal_size().columns
    lines, left_out = fitted_table_lines(rows, header, width, keep_all=output.columns is not None)
    write_lines(_styled(lines), output.pager)
    if left_out:
        print_message(f"Not shown at this width: {', '.join(left_out)}. --wide shows them, --columns chooses.")


def _styled(lines: list[str]) -> list[str]:
    """Return lines for a terminal, without styles if it has none."""
    return [re.sub("\x1b\\[[01]m", "", each) for each in lines] if os.environ.get("TERM") == "dumb" else lines


def redact(value: Any) -> Any:
    """Return the value with *** in place of secrets, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: "***" if inner is not None and _SECRET.fullmatch(str(name)) else redact(inner)
            for name, inner in value.items()
        }
    return [redact(each) for each in value] if isinstance(value, list) else value


def _feature(row: Row) -> dict[str, Any]:
    geometry = next((name for name in GEOMETRIES if name in row), None)
    properties = {name: value for name, value in row.items() if name != geometry}
    feature = {"type": "Feature", "geometry": row[geometry] if geometry else None, "properties": properties}
    return {"id": row["id"], **feature} if "id" in row else feature


def _csv(rows: Sequence[Row], columns: Sequence[str], only: Sequence[str] | None) -> str:
    names = only or list(dict.fromkeys(name for row in rows for name in row)) or columns
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(printable, names))
    writer.writerows([_csv_cell(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def _csv_cell(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return dump_json(value)
    return printable(value) if isinstance(value, str) else _cell(value)


def _cell(value: Any) -> str:
    """Return a value as one line of text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping) and value.get("type") == "Point" and isinstance(value.get("coordinates"), list):
        return " ".join(_number(each) for each in value["coordinates"])
    if isinstance(value, Mapping) or (isinstance(value, list) and not all(isinstance(each, str) for each in value)):
        return dump_json(value)
    if isinstance(value, list):
        return shown(", ".join(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> str:
    return f"{value:.7f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
