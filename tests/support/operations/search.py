"""Cases of search and analysis."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.support.operations.answering import Answer
from tests.support.operations.case import Case, Method, instant, model
from tests.support.operations.lists import cases_of_lists

_FILTERS: dict[str, Any] = {
    "text": {"==": [{"var": "name"}, "Å"]},
    "number": {">=": [{"var": "id"}, 0]},
    "float": {"<": [{"var": "hfov"}, 1.5]},
    "null": {"!=": [{"var": "name"}, None]},
    "list": {"in": [{"var": "id"}, [1, "a", None, 2.5]]},
    "date": {">": [{"var": "created_at"}, instant("2024-05-14T12:00:00+00:00")]},
    "date without zone": {">": [{"var": "created_at"}, instant("2024-05-14T12:00:00")]},
    "text like a date": {">": [{"var": "created_at"}, "2024-05-14T12:00:00Z"]},
    "nested": {
        "and": [
            {"or": [{"~": [{"var": "name"}, "%a%"]}, {"!contains": [{"var": "tags"}, ["b"]]}]},
            {"!in": [{"var": "id"}, [3]]},
        ]
    },
    "unknown operator": {"=~": [{"var": "name"}, "a"]},
    "an empty list": {"in": [{"var": "id"}, []]},
    "true": {"==": [{"var": "enabled"}, True]},
}


def search() -> Iterator[Case]:
    yield Case("search_info", "defaults", ("images",)).sends("GET /search/info?on=images")
    yield Case("search_info", "keyword", (), {"on": "data_collections"}).sends("GET /search/info?on=data_collections")
    search = Method("search")
    yield search("a mapping", {"on": "images"}).sends_input("POST /search/", distinct=False, limit=100, offset=0)
    yield search("a model", model("SearchQuery", on="projects"))
    full: dict[str, Any] = {
        "on": "rasters",
        "intersects": "POINT (5 58)",
        "search": "blå himmel",
        "out_fields": ["id", "name"],
        "sort": [{"field": "id", "direction": "desc"}, {"field": "name"}],
        "distinct": True,
        "limit": 2,
        "offset": 1,
    }
    sorted_by = [{"field": "id", "direction": "desc"}, {"field": "name", "direction": "asc"}]
    yield search("all", search_query=full).sends_input("POST /search/", sort=sorted_by)
    yield search("all in a model", model("SearchQuery", **full))
    yield search("false values", {"on": "images", "search": "", "out_fields": [], "sort": [], "limit": 0}).sends_input(
        "POST /search/", distinct=False, offset=0
    )
    yield search("unknown name", {"on": "images", "more": 1})
    yield search("unknown place", {"on": "nothing"}).raises("ValidationError")
    yield search("no place", {}).raises("ValidationError")
    for label, value in _FILTERS.items():
        yield search(f"filter {label}", {"on": "images", "filter": value})
        yield search(f"filter {label} in a model", model("SearchQuery", on="images", filter=value))
    yield search("refused", {"on": "images"}).answered(Answer("POST", "/search/", 400, {"detail": "no"}))
    pages = Method("paginate_search")
    first, second, third = (
        ("POST /search/", {"on": "images", "distinct": False, "limit": 2, "offset": offset}) for offset in (0, 2, 4)
    )
    full_pages = [("POST /search/", {**full, "sort": sorted_by, "limit": 2, "offset": offset}) for offset in (0, 2, 4)]
    five = [{"id": number} for number in range(1, 6)]
    yield pages("a mapping", {"on": "images"}, 2).at(total=5).sends(first, second, third).returns(five)
    yield pages("a model", model("SearchQuery", **full), page_size=2).at(total=4).sends(*full_pages).returns(five[:4])
    yield pages("limit and offset", {"on": "images", "limit": 7, "offset": 3}, 2).sends(first, second)
    yield pages("only the first item", {"on": "images", "search": "x"}, 2).but(take=1)
    yield pages("no results", {"on": "images"}, 2).at(total=0).sends(first).returns([])
    nothing, a_list = Answer("POST", "/search/", json={"count": 0}), Answer("POST", "/search/", json=[{"id": 1}])
    yield pages("no results in the answer", {"on": "images"}, 2).answered(nothing).sends(first).returns([])
    yield pages("a list", {"on": "images"}, 2).answered(a_list).sends(first).returns([{"id": 1}])
    yield pages("filter null", {"on": "images", "filter": {"==": [{"var": "a"}, None]}}, 5)
    yield pages("unknown place", {"on": "nothing"}, 2).raises("ValidationError")
    yield pages("page size 0", {"on": "images"}, 0).answered(
        Answer("POST", "/search/", json={"results": []}),
        Answer("POST", "/search/", status=400, json={"detail": "enough"}, times=0),
    )


def analysis() -> Iterator[Case]:
    yield Case("list_analysis_modules", "defaults").sends("GET /analysis/modules/")
    yield Case("list_analysis_modules", "none").answered(Answer("GET", "/analysis/modules/", json=[]))
    filters, wrong = ({"enabled": True}, {"enabled": False}), ({"enabled": "nonsense"},)
    name = "AnalysisServiceListParams"
    yield from cases_of_lists("list_analysis_services", params=name, more=filters, invalid=wrong)
    yield Case("list_analysis_services", "list_input", (), {"list_input": model(name, limit=1)})
    config = {"a": None, "b": [1, None], "c": {"d": 0}}
    service = {"name": "Tjeneste", "module_name": "m", "config": config}
    create, new = Method("create_analysis_service"), partial(model, "AnalysisServiceCreateUpdateInput", **service)
    yield create("a model", new()).sends_input("POST /analysis/services/", enabled=True)
    yield create("not enabled", create_input=new(enabled=False))
    yield create("keywords", **service).sends(("POST /analysis/services/", {**service, "enabled": True}))
    yield create("unknown keyword", **service, enabled=False, nonsense=1).raises("TypeError")
    yield create("a model and keywords", new(), name="other")
    yield create("no config", name="n", module_name="m", config={})
    yield create("nothing").raises("ValidationError")
    yield create("wrong", name="n").raises("ValidationError")
    patch, change = Method("patch_analysis_service", 9), partial(model, "AnalysisServicePatchInput")
    target = "PATCH /analysis/services/9"
    yield patch("a model", change(name="Ny"))
    yield patch("keywords", enabled=False, config=config)
    yield patch("an explicit None", change(name=None, enabled=True)).sends_input(target)
    yield patch("keyword None", name=None).sends((target, {"name": None}))
    yield patch("no config", config={}).sends_input(target, config={})
    yield patch("nothing").sends((target, {}))
    yield patch("a model without values", patch_input=change())
    yield patch("a model and keywords", change(name="Ny"), enabled=False)
    yield patch("unknown keyword", nonsense=1).raises("TypeError")
    yield patch("wrong", enabled="perhaps").raises("ValidationError")
    for kind, args in (("service", (9,)), ("task", (9, 4))):
        name, label = f"delete_analysis_{kind}", f"{kind}_id"
        target = "DELETE /analysis/services/9" + "/tasks/4" * (kind == "task")
        yield Case(name, "defaults", args).sends(target)
        yield Case(name, "keyword", args[:-1], {label: args[-1]}).sends(target)
        yield Case(name, "status 204", args).answered(Answer("DELETE", "*", status=204, text="")).sends(target)
        yield Case(name, "no JSON", args).answered(Answer("DELETE", "*", text="gone")).sends(target)
        yield Case(name, "not found", args).answered(Answer("DELETE", "*", 404, {"detail": "no"}))
    states = ({"status": "SUCCESS"}, {"status": {"$enum": "AnalysisTaskStatusEnum.RUNNING"}})
    params, wrong_state = {"params": "AnalysisTaskListParams", "name": "list_input"}, ({"status": "completed"},)
    yield from cases_of_lists("list_analysis_tasks", 9, **params, more=states, invalid=wrong_state)
    create, new = Method("create_analysis_task", 9), partial(model, "AnalysisTaskCreateInput")
    target = "POST /analysis/services/9/tasks/"
    yield create("a model", new(params={"x": None})).sends_input(target)
    yield create("a model with a name", params=new(name="ø", params={})).sends_input(target)
    yield create("keywords", name="n", params={"x": 1})
    yield create("nothing").raises("ValidationError")
    for name in ("run_analysis_task", "revoke_analysis_task"):
        target = f"POST /analysis/services/9/tasks/4/{name.partition('_')[0]}"
        yield Case(name, "defaults", (9, 4)).sends(target)
        yield Case(name, "keyword", (9,), {"task_id": 4}).sends(target)
        yield Case(name, "refused", (9, 4)).answered(Answer("POST", "*", 409, {"detail": "no"}))
