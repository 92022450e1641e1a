"""The command `search`.

Rules kept here:

* Filter values that are JSON numbers, null or quoted strings are read as JSON; anything else is text. `in` and `!in`
  take a comma-separated list.
* An invalid geometry or query is reported before anything is sent.
"""

import json
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.client import with_client
from pixel_transports.cli.errors import print_message
from pixel_transports.cli.options import complete_files, fetch_pages, paging_options, split_names, usage_errors
from pixel_transports.cli.output import GEOJSON, Output, output_options, show_rows

if TYPE_CHECKING:
    from pixel_transports.client.blocking import PixelClient

_OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "~", "!~", "contains", "!contains", "in", "!in")
_GEOMETRY = {"images": "location", "projects": "area_of_interest"}
_COLUMNS = {
    "images": ("id", "name", "project_id", "data_collection_id", "capture_date", "location"),
    "rasters": ("id", "name", "project_id", "data_collection_id", "format", "capture_date"),
    "point_clouds": ("id", "name", "project_id", "data_collection_id", "format", "capture_date"),
    "projects": ("id", "name", "description", "tags"),
    "data_collections": ("id", "name", "project_id", "data_collection_type", "tags"),
}

_EXAMPLES = """\b
Examples:
  pixel search --on images --filter cam_height '>' 100 --sort capture_date:desc
  pixel search --on images --intersects field.geojson --geojson
  pixel search --on projects --filter name '~' '%flight%' --out-fields id,name
"""


@click.command(epilog=_EXAMPLES)
@click.option("--on", type=click.Choice(tuple(_COLUMNS)), required=True, help="What to search.")
@click.option("--text", "search", help="Words to search for.")
@click.option(
    "--filter",
    "filters",
    nargs=3,
    multiple=True,
    metavar="FIELD OP VALUE",
    help=f"Only results that match; repeatable. OP is one of {' '.join(_OPERATORS)}.",
)
@click.option("--any", "any_filter", is_flag=True, help="Match any of the filters; by default, all of them.")
@click.option(
    "--intersects", metavar="FILE|WKT", shell_complete=complete_files, help="Only results that intersect this geometry."
)
@click.option("--out-fields", metavar="A,B", help="Only these fields, in this order.")
@click.option("--sort", multiple=True, metavar="FIELD[:desc]", help="Sort by a field; repeatable.")
@click.option("--distinct", is_flag=True, help="Leave out equal results.")
@click.option("--fields", is_flag=True, help="List the fields that can be searched, and do not search.")
@paging_options
@output_options(geometry=True, listing=True)
@with_client
def search(
    client: "PixelClient",
    on: Any,
    out_fields: str | None,
    fields: bool,
    output: Output,
    limit: int | None,
    offset: int,
    page_size: int,
    **conditions: Any,
) -> None:
    """Search for data, projects and data collections.

    Without --json, --csv and --geojson the columns are those of --columns, those of --out-fields, or the main ones.
    """
    if fields:
        info = client.search_info(on)
        show_rows(info.get("fields", []) if isinstance(info, dict) else info, ("name", "type"), output)
        return
    names = split_names(out_fields)
    columns = names or _COLUMNS[on]
    if output.format == GEOJSON:
        if on not in _GEOMETRY:
            raise click.UsageError(f"--geojson: {on} have no geometry; {' and '.join(_GEOMETRY)} have one")
        if names and _GEOMETRY[on] not in names:
            names = [*names, _GEOMETRY[on]]
    query = _build_query(on, names, **conditions)
    totals: list[int] = []

    def fetch(**page: int) -> list[dict[str, Any]]:
        response = client.search({**query, **page})
        totals.append(response.get("total_count") or 0)
        return response.get("results") or []

    rows = list(fetch_pages(fetch, limit, offset, page_size))
    show_rows(rows, columns, output)
    if totals and totals[0] > len(rows) + offset:
        print_message(f"There are {totals[0]:,} in all; --offset {offset + len(rows)} continues from here.")


def _build_query(
    on: str,
    names: list[str] | None,
    search: str | None,
    filters: tuple[tuple[str, str, str], ...],
    any_filter: bool,
    intersects: str | None,
    sort: tuple[str, ...],
    distinct: bool,
) -> dict[str, Any]:
    """Return the query's body. Raises click.UsageError."""
    from pixel_core.models import SearchQuery

    query: dict[str, Any] = {"on": on, "search": search, "out_fields": names, "distinct": distinct}
    if filters:
        parsed = [_parse_filter(*each) for each in filters]
        query["filter"] = parsed[0] if len(parsed) == 1 else {"or" if any_filter else "and": parsed}
    if intersects is not None:
        from pixel_transports.cli.geometries import parse_wkt

        query["intersects"] = parse_wkt("--intersects", intersects)
    if sort:
        query["sort"] = [_parse_sort(each) for each in sort]
    with usage_errors("The query"):
        SearchQuery.model_validate(query)
    return query


def _parse_filter(field: str, operator: str, value: str) -> dict[str, Any]:
    if operator not in _OPERATORS:
        raise click.UsageError(f"--filter {field} {operator}: the operator is one of {' '.join(_OPERATORS)}")
    if operator in ("in", "!in"):
        return {operator: [{"var": field}, [_parse_value(each.strip()) for each in value.split(",")]]}
    return {operator: [{"var": field}, value if operator in ("~", "!~") else _parse_value(value)]}


def _parse_value(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return text if isinstance(value, (bool, dict, list)) else value


def _parse_sort(text: str) -> dict[str, str]:
    field, _, direction = text.partition(":")
    if direction not in ("", "asc", "desc"):
        raise click.UsageError(f"--sort {text}: the direction is asc or desc")
    return {"field": field, "direction": direction or "asc"}
