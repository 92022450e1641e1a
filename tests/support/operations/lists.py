"""The cases that all lists have in common: parameters as models and as keywords, and pages."""

from collections.abc import Iterator
from typing import Any

from tests.support.operations.answering import Answer
from tests.support.operations.case import Case, Method, model

D = "/projects/1/data_collections"
PATHS = {
    "list_projects": "/projects/",
    "list_deleted_projects": "/projects/deleted",
    "list_data_collections": f"{D}/",
    "list_deleted_data_collections": f"{D}/deleted",
    "get_images": f"{D}/2/images/",
    "get_rasters": f"{D}/3/rasters/",
    "get_point_clouds": f"{D}/4/point_clouds/",
    "get_upload_jobs": f"{D}/2/upload_jobs/",
    "get_optimized_rasters": f"{D}/3/rasters/optimized/",
    "get_optimized_point_clouds": f"{D}/4/point_clouds/optimized/",
    "list_arcgis_services": "/arcgis_services/Feature/",
    "list_harvest_services": f"{D}/2/harvest_services/",
    "list_analysis_services": "/analysis/services/",
    "list_analysis_tasks": "/analysis/services/9/tasks/",
}


class List(Method):
    """Makes the cases of a list."""

    def with_query(self, query: str, label: str, /, *args: Any, **kwargs: Any) -> Case:
        """Make a case that sends one request with this query. Paging adds to the query, so its cases list nothing."""
        case = self(label, *args, **kwargs)
        return case if self.method not in PATHS else case.sends(f"GET {PATHS[self.method]}{'?' * bool(query)}{query}")

    def empty(self, label: str, /, *args: Any, **kwargs: Any) -> Case:
        """Make a case that sends nothing, and returns an empty list."""
        return self(label, *args, **kwargs).sends().returns([])


def _query(values: dict[str, Any]) -> str | None:
    """Return the query of strings, numbers and truth values, None for enums."""
    if any(isinstance(each, dict) for each in values.values()):
        return None
    return "&".join(f"{key}={str(each).lower() if isinstance(each, bool) else each}" for key, each in values.items())


def _label(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def cases_of_lists(
    method: str,
    *leading: Any,
    params: str = "ListParams",
    name: str = "params",
    more: tuple[dict[str, Any], ...] = (),
    invalid: tuple[dict[str, Any], ...] = (),
) -> Iterator[Case]:
    """Cases of a list whose keywords are read into a model.

    `more` are values of fields that ListParams does not have, `invalid` are values that the model refuses.
    """
    call = List(method, *leading)
    analysis = params.startswith("Analysis")
    full: dict[str, Any] = {"name": "Jæren 1", "ids": [3, 1], "offset": 0, "limit": 2}
    full |= {} if analysis else {"extended": True, "tags": ["a b", "å,c"]}
    zero: dict[str, Any] = {"name": "", "offset": 0, "limit": 0} | ({} if analysis else {"extended": False})
    full_query = "name=J%C3%A6ren+1&ids=3%2C1&offset=0&limit=2"
    zero_query = "name=&offset=0&limit=0"
    if not analysis:
        full_query = f"extended=true&{full_query}".replace("&offset", "&tags=a+b%2C%C3%A5%2Cc&offset")
        zero_query = f"extended=false&{zero_query}"
    yield call.with_query("", "defaults")
    yield call.with_query(full_query, "params", **{name: model(params, **full)})
    yield call.with_query("limit=1", "params in place", model(params, limit=1))
    yield call.with_query("", "params without values", **{name: model(params)})
    yield call.with_query(zero_query, "params of false values", **{name: model(params, **zero)})
    yield call.with_query(full_query, "keywords", **full)
    yield call.with_query(zero_query, "keywords of false values", **zero)
    yield call.with_query("name=model", "params and keywords", **{name: model(params, name="model"), "limit": 7})
    yield call.with_query("limit=7", "params of None and keywords", **{name: None, "limit": 7})
    yield call.with_query("limit=7", "keyword None", name=None, limit=7)
    yield call.with_query("ids=4%2C5&limit=6", "keywords as text", ids=["4", "5"], limit="6")
    yield call("unknown keyword", nonsense=1, limit=7).raises("TypeError")
    yield call("wrong keyword", limit="many").raises("ValidationError")
    yield call("wrong params", **{name: model(params, ids="1,2")})
    yield call.empty("ids empty", **{name: model(params, ids=[])})
    yield call.empty("keyword ids empty", ids=[])
    if not analysis:
        yield call.with_query("", "tags empty", **{name: model(params, tags=[])})
    for values in more + invalid:
        label, query = _label(values), _query(values)
        for case in (call(f"params {label}", **{name: model(params, **values)}), call(f"keyword {label}", **values)):
            if values in invalid:
                yield case.raises("ValidationError")
            else:
                yield case if query is None else case.sends(f"GET {PATHS[method]}?{query}")


def cases_of_passing_lists(
    method: str,
    *leading: Any,
    params: str = "ListParams",
    more: tuple[dict[str, Any], ...] = (),
    invalid: tuple[dict[str, Any], ...] = (),
) -> Iterator[Case]:
    """Cases of a list whose keywords go to the query as they are. `more` and `invalid` are as in `cases_of_lists`."""
    call = List(method, *leading)
    full = model(params, extended=True, name="ø", ids=[3, 1], tags=["a", "b"], offset=0, limit=2)
    named, false_values = model(params, name="model"), model(params, extended=False, name="")
    keywords = {"name": "a b+c&d=é", "extended": True, "nonsense": "kept", "ratio": 0.5}
    keywords_query = "name=a+b%2Bc%26d%3D%C3%A9&extended=true&nonsense=kept&ratio=0.5"
    zero: dict[str, Any] = {"name": "", "extended": False, "number": 0}
    both = {"params": model(params, name="model", ids=[9]), "name": "keyword"}
    yield call.with_query("", "defaults")
    yield call.with_query("extended=true&name=%C3%B8&ids=3%2C1&tags=a%2Cb&offset=0&limit=2", "params", params=full)
    yield call.with_query("limit=1", "params in place", model(params, limit=1))
    yield call.with_query("extended=false&name=", "params of false values", params=false_values)
    yield call.with_query(keywords_query, "keywords", **keywords)
    yield call.with_query("name=&extended=false&number=0", "keywords of false values", **zero)
    yield call.with_query("name=model&extended=true", "params and other keywords", params=named, extended=True)
    yield call.with_query("name=keyword&ids=9", "params and the same keywords", **both)
    yield call.with_query("extended=true", "params of None and keywords", params=None, extended=True)
    yield call.with_query("ids=1%2C2", "keyword in a list", ids=[1, 2])
    yield call.with_query("tags=a%2Cb", "keyword tags in a list", tags=["a", "b"])
    yield call.with_query("ids=1%2C2", "keyword in text with commas", ids="1,2")
    yield call.with_query("extended=true", "keyword None", name=None, extended=True)
    yield call.with_query("status=completed", "keyword enum", status={"$enum": "PixelStatusEnum.completed"})
    yield call.empty("ids empty", params=model(params, ids=[]))
    yield call.with_query("", "tags empty", params=model(params, tags=[]))
    yield call("wrong params", params=model(params, limit="many"))
    for values in more + invalid:
        case, sent = (
            call(f"params {_label(values)}", params=model(params, **values)),
            f"GET {PATHS[method]}?{_query(values)}",
        )
        yield case.raises("ValidationError") if values in invalid else case.sends(sent)
        yield call(f"keyword {_label(values)}", **values).sends(sent)


def cases_of_pages(method: str, collection: int, kind: str, params: str = "ListParams") -> Iterator[Case]:
    """Cases of a listing in pages."""
    call = Method(method, 1, collection)
    place = f"/projects/1/data_collections/{collection}/{kind}/"
    yield from (case.but(take=2) for case in cases_of_passing_lists(method, 1, collection, 2, params=params))
    page = f"GET {place}?offset="
    two = (f"{page}0&limit=2", f"{page}2&limit=2", f"{page}4&limit=2")
    yield call("a short last page", 2).at(total=5).sends(*two).returns([{"id": n, "of": kind} for n in range(1, 6)])
    yield call("a full last page", 2).at(total=4).sends(*two).returns([{"id": n, "of": kind} for n in range(1, 5)])
    yield call("one page", page_size=10).sends(f"{page}0&limit=10")
    yield call("no items", 5).at(total=0).sends(f"{page}0&limit=5")
    yield call("page of one", 1)
    yield call("only the first item", 2).at(total=5).but(take=1).sends(two[0])
    yield call("from a keyword offset", 2, offset=3).at(total=6).sends(f"{page}3&limit=2", f"{page}5&limit=2")
    yield call("limit as keyword", 2, limit=7).sends(*(f"GET {place}?limit=2&offset={n}" for n in (0, 2)))
    yield call("offset and limit in params", 2, model(params, offset=2, limit=7)).sends(*two[:2])
    yield call("page size 0", 0).answered(
        Answer("GET", place, json=[]), Answer("GET", place, status=400, json={"detail": "enough"}, times=0)
    )
    yield call("an object for a page", 2).answered(Answer("GET", place, json={"items": [], "more": 1, "etc": 2}))
    yield call("an error on the second page", 2).answered(
        Answer("GET", place, json=[{"id": 1}, {"id": 2}]), Answer("GET", place, status=400, json={"detail": "no"})
    )
