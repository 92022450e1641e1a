"""The command `search`.

Rules kept here:

* Values of filters are read as JSON where they are a number, null or text in quotation marks; anything else is text.
  For `in` and `!in` they are a list with commas.
* What is no geometry is told before anything is sent.
"""

import json
from typing import TYPE_CHECKING, Any

import click

from pixel_transports.cli.common import names, paged, paging, refusing, with_client
from pixel_transports.cli.exits import tell
from pixel_transports.cli.output import GEOJSON, formats, show_rows

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
    help=f"Only those where it is so; may be given several times. OP is one of {' '.join(_OPERATORS)}.",
)
@click.option("--any", "any_filter", is_flag=True, help="One of the filters is enough; by default all have to hold.")
@click.option("--intersects", metavar="FILE|WKT", help="Only those that this geometry touches.")
@click.option("--out-fields", metavar="A,B", help="Only these fields, in this order.")
@click.option("--sort", multiple=True, metavar="FIELD[:desc]", help="Sort by a field; may be given several times.")
@click.option("--distinct", is_flag=True, help="Leave out equal results.")
@click.option("--fields", is_flag=True, help="Do not search; list what can be searched by.")
@paging
@formats(geometry=True)
@with_client
def search(
    client: "PixelClient",
    on: Any,
    search: str | None,
    filters: tuple[tuple[str, str, str], ...],
    any_filter: bool,
    intersects: str | None,
    out_fields: str | None,
    sort: tuple[str, ...],
    distinct: bool,
    fields: bool,
    form: str | None,
    **pages: Any,
) -> None:
    """Search for data, projects and data collections.

    Without --json, --csv and --geojson the columns are those of --out-fields, or the main ones.
    """
    if fields:
        known = client.search_info(on)
        show_rows(known.get("fields", []) if isinstance(known, dict) else known, ("name", "type"), form)
        return
    wanted = names(out_fields)
    columns = wanted or _COLUMNS[on]
    if form == GEOJSON:
        if on not in _GEOMETRY:
            raise click.UsageError(f"--geojson: {on} have no geometry; {' and '.join(_GEOMETRY)} have one")
        if wanted and _GEOMETRY[on] not in wanted:
            wanted = [*wanted, _GEOMETRY[on]]
    query: dict[str, Any] = {"on": on, "search": search, "out_fields": wanted, "distinct": distinct}
    if filters:
        each = [_filter(*one) for one in filters]
        query["filter"] = each[0] if len(each) == 1 else {"or" if any_filter else "and": each}
    if intersects is not None:
        from pixel_transports.cli.shapes import as_wkt

        query["intersects"] = as_wkt("--intersects", intersects)
    if sort:
        query["sort"] = [_sort(one) for one in sort]
    _checked(query)
    total: list[int] = []

    def fetch(**page: int) -> list[dict[str, Any]]:
        found = client.search({**query, **page})
        total.append(found.get("total_count") or 0)
        return found.get("results") or []

    rows = list(paged(fetch, **pages))
    show_rows(rows, columns, form)
    if total and total[0] > len(rows) + pages["offset"]:
        tell(f"There are {total[0]:,} in all; --offset {pages['offset'] + len(rows)} goes on from here.")


def _checked(query: dict[str, Any]) -> None:
    from pixel_core.models import SearchQuery

    with refusing("The query"):
        SearchQuery.model_validate(query)


def _filter(field: str, operator: str, value: str) -> dict[str, Any]:
    if operator not in _OPERATORS:
        raise click.UsageError(f"--filter {field} {operator}: the operator is one of {' '.join(_OPERATORS)}")
    if operator in ("in", "!in"):
        return {operator: [{"var": field}, [_value(each.strip()) for each in value.split(",")]]}
    return {operator: [{"var": field}, value if operator in ("~", "!~") else _value(value)]}


def _value(text: str) -> Any:
    try:
        found = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return text if isinstance(found, (bool, dict, list)) else found


def _sort(text: str) -> dict[str, str]:
    field, _, direction = text.partition(":")
    if direction not in ("", "asc", "desc"):
        raise click.UsageError(f"--sort {text}: after the colon stands asc or desc")
    return {"field": field, "direction": direction or "asc"}
