"""The comparison reports each kind of difference, and no other."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.support.operations.answering import SentRequest as Sent
from tests.support.operations.answering import parse_form, sent_of
from tests.support.operations.case import Case
from tests.support.operations.table import all_cases
from tests.system.conformance.compare import compare_outcomes, compare_requests, in_order
from tests.system.conformance.differences import KNOWN, Known
from tests.system.conformance.running import MODES, Run, compare_runs

FILE = {"field": "file", "name": "a.jpg", "type": "image/jpeg", "md5": "1", "after": "1"}
BASE = Sent(
    "POST",
    "/projects/",
    [("a", "1"), ("b", "2")],
    {"authorization": "Bearer (token)", "x-request-id": "(uuid4)"},
    json={"name": "x", "list": [1, {"deep": None}], "flag": True},
    form=[("key", "k"), ("policy", "p")],
    files=[FILE],
    content="md5",
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"query": [("a", "1"), ("b", "3")]}, ["query.b"]),
        ({"query": [("a", "1"), ("b", "2"), ("b", "2")]}, ["query.b"]),
        ({"query": [("b", "2"), ("a", "1")]}, ["query, its order"]),
        ({"headers": {"x-request-id": "(uuid4)"}}, ["header.authorization"]),
        ({"headers": {**BASE.headers, "x-request-id": "1"}}, ["header.x-request-id"]),
        ({"json": {**BASE.json, "list": [1, {"deep": 0}]}}, ["json.list.1.deep"]),
        ({"json": {**BASE.json, "list": [1]}}, ["json.list"]),
        ({"json": {**BASE.json, "flag": 1}}, ["json.flag"]),
        ({"json": {**BASE.json, "flag": 1.0}}, ["json.flag"]),
        ({"json": None}, ["json"]),
        ({"form": [("policy", "p"), ("key", "k")]}, ["form, its order"]),
        ({"form": [("key", "k")]}, ["form.policy"]),
        ({"files": [{**FILE, "md5": "2"}]}, ["files.0.md5"]),
        ({"files": [{**FILE, "after": "0"}]}, ["files.0.after"]),
        ({"files": []}, ["files"]),
        ({"content": "other"}, ["content"]),
        ({"method": "PUT"}, ["missing", "extra"]),
    ],
)
def test_every_part_of_a_request_is_compared(change: dict[str, Any], expected: list[str]) -> None:
    changed = replace(BASE, **change)
    assert [each.place for each in compare_requests([BASE], [changed])] == expected
    assert sorted(each.place for each in compare_requests([changed], [BASE])) == sorted(expected)


GET = Sent("GET", "/users/me", [], {})
CREATE, FINISH = Sent("POST", "/create", [], {}), Sent("PUT", "/finish", [], {})
A, B = (Sent("POST", f"/storage/{name}", [], {}, lane=name) for name in "ab")
UPDATE_A = Sent("PUT", "/attachments/update", [], {}, lane="a")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([GET, BASE], [BASE], ["missing"]),
        ([BASE], [GET, BASE, GET], ["extra", "extra"]),
        ([CREATE, A, B, FINISH], [CREATE, B, A, FINISH], []),
        ([CREATE, A, B, FINISH], [CREATE, A, A, B, FINISH], ["extra"]),
        ([CREATE, A, B, FINISH], [CREATE, B, FINISH, A], ["missing", "extra"]),
        ([A, UPDATE_A], [UPDATE_A, A], ["extra", "missing"]),
    ],
)
def test_requests_keep_their_order_except_for_those_of_different_files(
    one: list[Sent], other: list[Sent], expected: list[str]
) -> None:
    assert sorted(each.place for each in compare_requests(one, other)) == sorted(expected)


def test_repeated_polling_counts_once_and_other_requests_do_not() -> None:
    job, other = Sent("GET", "/jobs/1", [], {}), Sent("GET", "/jobs/2", [], {})
    jobs = Sent("GET", "/projects/1/data_collections/2/upload_jobs/", [("ids", "1"), ("limit", "1")], {})
    assert in_order([job, job, other, job, jobs, jobs]) == [job, other, job, jobs]
    listed, post = replace(jobs, query=[]), Sent("POST", "/jobs/1", [], {})
    assert in_order([GET, GET, listed, listed, post, post]) == [GET, GET, listed, listed, post, post]


def failed(*names: str, message: str = "", **holds: Any) -> dict[str, Any]:
    return {"error": list(names), "message": message, "holds": holds}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"result": [1, None]}, {"result": [1, None]}, []),
        ({"result": {"a": 1}}, {"result": {"a": 2}}, ["outcome.result.a"]),
        ({"result": None}, {"result": {}}, ["outcome.result"]),
        ({"result": 1}, failed("ValueError"), ["outcome"]),
        (failed("ValueError"), failed("TypeError"), ["outcome.error"]),
        (failed("HTTPStatusError", "HTTPError"), failed("PixelServerError", "PixelStatusError"), []),
        (failed("HTTPStatusError"), failed("PixelNotFoundError", "PixelBadRequestError"), ["outcome.error"]),
        (
            failed("PixelBadRequestError", status_code=400, body=""),
            failed("PixelNotFoundError", "PixelBadRequestError", status_code=400, body="x"),
            ["outcome.body"],
        ),
        ({"result": "http://127.0.0.1:1/x"}, {"result": "http://127.0.0.1:2/x"}, []),
        (
            {"result": [[], [failed("PixelUploadJobError", message="a", job_id=1, status="s", detail=None)]]},
            {"result": [[], [failed("PixelUploadJobError", message="b", job_id=1, status="t", detail=None)]]},
            ["outcome.result.1.0.status"],
        ),
    ],
)
def test_outcomes_are_compared_by_results_and_by_kinds_of_errors(
    one: dict[str, Any], other: dict[str, Any], expected: list[str]
) -> None:
    assert [each.place for each in compare_outcomes(one, other)] == expected


CASE = Case("me", "defaults")
ONE, TWO = {"result": 1}, {"result": 2}


def runs(reference: dict[str, Any], ours: dict[str, Any], ours_sync: dict[str, Any]) -> dict[tuple[str, str], Run]:
    outcomes = {("reference", mode): reference for mode in MODES}
    outcomes |= {("ours", "async"): ours, ("ours", "sync"): ours_sync}
    return {key: [([BASE], outcome)] for key, outcome in outcomes.items()}


def known(case: str = "me/*", place: str = "outcome.result", mode: str | None = None) -> Known:
    return Known("† 0", case, place, "a reason", mode)


@pytest.mark.parametrize(
    ("outcomes", "listed", "verdict"),
    [
        ((ONE, ONE, ONE), (), (1, 0, 0)),
        ((ONE, TWO, TWO), (), (0, 0, 1)),
        ((ONE, TWO, TWO), (known(),), (0, 1, 0)),
        ((ONE, TWO, TWO), (known(place="outcome.error"),), (0, 0, 1)),
        ((ONE, TWO, TWO), (known(case="get_*/*"),), (0, 0, 1)),
        ((ONE, TWO, TWO), (known(mode="sync"),), (0, 0, 1)),
        ((ONE, ONE, TWO), (known(),), (0, 0, 1)),
    ],
)
def test_a_case_matches_or_differs_as_documented_or_is_unexplained(
    outcomes: Any, listed: tuple[Known, ...], verdict: tuple[int, int, int]
) -> None:
    report = compare_runs([CASE], runs(*outcomes), known=listed)
    assert report.totals == verdict
    assert ("UNEXPLAINED me/defaults" in str(report)) == bool(verdict[2])


def test_unexplained_differences_and_known_ones_that_no_longer_occur_fail() -> None:
    assert compare_runs([CASE], runs(ONE, TWO, TWO), known=[known()]).succeeded
    assert not compare_runs([CASE], runs(ONE, TWO, TWO), known=[]).succeeded
    listed = known("me/defaults; me/extended")
    report = compare_runs([CASE], runs(ONE, TWO, TWO), known=[listed])
    assert report.stale == [(listed, "me/extended")]
    assert not report.succeeded


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Authorization", "Bearer token-7", "Bearer (token)"),
        ("Authorization", "Bearer other", "Bearer other"),
        ("X-Request-ID", "3f2f6d5e-8f0a-4c3b-9a52-0d4f3e1c2b1a", "(uuid4)"),
        ("X-Request-ID", "c232ab00-9414-11ec-b3c8-9f6bdeced846", "c232ab00-9414-11ec-b3c8-9f6bdeced846"),
    ],
)
def test_only_tokens_and_random_ids_in_headers_are_replaced(name: str, value: str, kept: str) -> None:
    assert sent_of("GET", "/x", [(name, value), ("Host", "h")], b"").headers == {name.lower(): kept}


def test_forms_are_read_with_the_position_of_the_file_among_the_fields() -> None:
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = part.format("k", "", "å") + part.format("file", '; filename="a.jpg"', "x\r\n") + part.format("z", "", "")
    fields, files = parse_form((body + "--b--\r\n").encode(), "b")
    assert fields == [("k", "å"), ("z", "")]
    assert [(each["field"], each["name"], each["after"]) for each in files] == [("file", "a.jpg", "1")]
    changed, _ = parse_form((body.replace("å", "ø") + "--b--\r\n").encode(), "b")
    assert changed != fields


def test_no_known_difference_covers_a_whole_method() -> None:
    for each in KNOWN:
        assert each.mode or each.source.startswith("§") or not any(glob.endswith("/*") for glob in each.globs)


def test_there_are_several_cases_for_every_method() -> None:
    counts = Counter(case.method for case in all_cases())
    assert counts.total() > 900
    assert min(counts.values()) > 1
