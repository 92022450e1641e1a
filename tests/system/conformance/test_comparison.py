"""The comparison itself: every kind of difference is seen, and what is no difference is none.

Rules kept here:

* Each part of a request is changed once, and the comparison has to say where.
* The recorder is asked over its socket, by hand.
"""

import http.client
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.operations.answering import Answer, Script, parse_form, sent_of
from tests.support.operations.answering import SentRequest as Sent
from tests.support.operations.case import Case
from tests.support.operations.table import all_cases
from tests.system.conformance.compare import compare, compare_outcomes, compare_requests, in_order, kind_of
from tests.system.conformance.differences import KNOWN, Known
from tests.system.conformance.recorder import Recorder
from tests.system.conformance.running import MODES, Run, judge

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


def places(one: Sent, other: Sent) -> list[str]:
    return [difference.place for difference in compare_requests([one], [other])]


def test_equal_requests_have_no_difference() -> None:
    assert places(BASE, replace(BASE)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"query": [("a", "1"), ("b", "3")]}, ["query.b"]),
        ({"query": [("a", "1")]}, ["query.b"]),
        ({"query": [("a", "1"), ("b", "2"), ("b", "2")]}, ["query.b"]),
        ({"query": [("b", "2"), ("a", "1")]}, ["query, its order"]),
        ({"headers": {"x-request-id": "(uuid4)"}}, ["header.authorization"]),
        ({"headers": {**BASE.headers, "x-request-id": "1"}}, ["header.x-request-id"]),
        ({"headers": {**BASE.headers, "x-more": "1"}}, ["header.x-more"]),
        ({"json": {**BASE.json, "name": "y"}}, ["json.name"]),
        ({"json": {**BASE.json, "list": [1, {"deep": 0}]}}, ["json.list.1.deep"]),
        ({"json": {**BASE.json, "list": [1]}}, ["json.list"]),
        ({"json": {**BASE.json, "flag": 1}}, ["json.flag"]),
        ({"json": {**BASE.json, "flag": 1.0}}, ["json.flag"]),
        ({"json": {"name": "x", "flag": True}}, ["json.list"]),
        ({"json": None}, ["json"]),
        ({"form": [("policy", "p"), ("key", "k")]}, ["form, its order"]),
        ({"form": [("key", "k")]}, ["form.policy"]),
        ({"files": [{**FILE, "md5": "2"}]}, ["file.md5"]),
        ({"files": [{**FILE, "field": "upload"}]}, ["file.field"]),
        ({"files": [{**FILE, "after": "0"}]}, ["file.after"]),
        ({"files": []}, ["files, their number"]),
        ({"content": "other"}, ["content"]),
        ({"method": "PUT"}, ["missing", "extra"]),
        ({"path": "/projects"}, ["missing", "extra"]),
    ],
)
def test_every_part_of_a_request_is_compared(change: dict[str, Any], expected: list[str]) -> None:
    assert places(BASE, replace(BASE, **change)) == expected
    assert sorted(places(replace(BASE, **change), BASE)) == sorted(expected)


def test_a_request_that_one_side_alone_sends_does_not_shift_the_others() -> None:
    get = Sent("GET", "/users/me", [], {})
    found = list(compare_requests([get, BASE], [BASE]))
    assert [(each.place, each.where) for each in found] == [("missing", "GET /users/me")]
    found = list(compare_requests([BASE], [get, BASE, get]))
    assert [(each.place, each.where) for each in found] == [("extra", "GET /users/me")] * 2


def test_files_stored_side_by_side_may_come_in_any_order() -> None:
    create, finish = Sent("POST", "/create", [], {}), Sent("PUT", "/finish", [], {})
    a, b = (Sent("POST", f"/storage/{name}", [], {}, lane=name) for name in "ab")
    assert list(compare_requests([create, a, b, finish], [create, b, a, finish])) == []
    assert [each.place for each in compare_requests([create, a, b, finish], [create, b, finish, a])] != []
    assert [each.place for each in compare_requests([create, a, b, finish], [create, a, a, b, finish])] == ["extra"]


def test_the_requests_of_one_file_keep_their_order() -> None:
    store, update = (
        Sent("POST", "/storage/a", [], {}, lane="a"),
        Sent("PUT", "/attachments/update", [], {}, lane="a"),
    )
    assert list(compare_requests([store, update], [update, store])) != []


def test_looking_again_counts_once_and_nothing_else_does() -> None:
    job, other = Sent("GET", "/jobs/1", [], {}), Sent("GET", "/jobs/2", [], {})
    jobs = Sent("GET", "/projects/1/data_collections/2/upload_jobs/", [("ids", "1"), ("limit", "1")], {})
    assert in_order([job, job, other, job, jobs, jobs]) == [job, other, job, jobs]
    me, listed, post = (
        Sent("GET", "/users/me", [], {}),
        replace(jobs, query=[]),
        Sent("POST", "/jobs/1", [], {}),
    )
    assert in_order([me, me, listed, listed, post, post]) == [me, me, listed, listed, post, post]


def failed(*names: str, says: str = "", **holds: Any) -> dict[str, Any]:
    return {"error": list(names), "says": says, "holds": holds}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"result": [1, None]}, {"result": [1, None]}, []),
        ({"result": {"a": 1}}, {"result": {"a": 2}}, ["outcome.result.a"]),
        ({"result": None}, {"result": {}}, ["outcome.result"]),
        ({"result": 1}, failed("ValueError"), ["outcome"]),
        (failed("ValueError"), {"result": 1}, ["outcome"]),
        (failed("ValueError"), failed("TypeError"), ["outcome.error"]),
        (failed("AssertionError"), failed("ValueError"), ["outcome.error"]),
        (failed("HTTPStatusError", "HTTPError"), failed("PixelServerError", "PixelStatusError"), []),
        (failed("HTTPStatusError"), failed("PixelNotFoundError", "PixelBadRequestError"), ["outcome.error"]),
        (
            failed("PixelBadRequestError", status_code=400, body=""),
            failed("PixelNotFoundError", "PixelBadRequestError", status_code=400, body="x"),
            ["outcome.error.body"],
        ),
        ({"result": "http://127.0.0.1:1/x"}, {"result": "http://127.0.0.1:2/x"}, []),
        (
            {"result": [[], [failed("PixelUploadJobError", says="a", job_id=1, status="s", detail=None)]]},
            {"result": [[], [failed("PixelUploadJobError", says="b", job_id=1, status="t", detail=None)]]},
            ["outcome.result.1.0.status"],
        ),
    ],
)
def test_outcomes_are_compared_by_results_and_by_kinds_of_errors(
    one: dict[str, Any], other: dict[str, Any], expected: list[str]
) -> None:
    assert [each.place for each in compare_outcomes(one, other)] == expected


def test_an_error_is_known_by_the_first_class_with_a_common_name() -> None:
    assert kind_of(failed("PixelNotFoundError", "PixelBadRequestError", "PixelStatusError")) == "refused"
    assert kind_of(failed("KeyError", "LookupError")) == "KeyError"


# Judging

CASE = Case("me", "defaults")
ONE, TWO = {"result": 1}, {"result": 2}


def runs(reference: dict[str, Any], ours: dict[str, Any], ours_sync: dict[str, Any]) -> dict[tuple[str, str], Run]:
    outcomes = {("reference", mode): reference for mode in MODES}
    outcomes |= {("ours", "async"): ours, ("ours", "sync"): ours_sync}
    return {key: Run([[BASE]], [outcome]) for key, outcome in outcomes.items()}


def test_a_case_matches_when_nothing_differs() -> None:
    report = judge([CASE], runs(ONE, ONE, ONE), known=())
    assert report.totals() == "1 of 1 cases match, 0 differ as documented, 0 unexplained"
    assert report.succeeded


def test_a_difference_that_nobody_knows_is_unexplained() -> None:
    report = judge([CASE], runs(ONE, TWO, TWO), known=())
    assert report.totals() == "0 of 1 cases match, 0 differ as documented, 1 unexplained"
    assert not report.succeeded
    assert any(line.startswith("UNEXPLAINED me/defaults") for line in report.lines())


def test_a_known_difference_is_documented() -> None:
    known = Known("† 0", ("me/*",), ("outcome.result",), "a reason")
    report = judge([CASE], runs(ONE, TWO, TWO), known=(known,))
    assert report.totals() == "0 of 1 cases match, 1 differ as documented, 0 unexplained"
    assert report.succeeded
    assert any("a reason" in line for line in report.lines())


def test_a_known_difference_covers_no_other_place_case_or_mode() -> None:
    for known in (
        Known("† 0", ("me/*",), ("outcome.error",), "another place"),
        Known("† 0", ("get_*/*",), ("outcome.result",), "another case"),
        Known("† 0", ("me/*",), ("outcome.result",), "another mode", mode="sync"),
    ):
        assert judge([CASE], runs(ONE, TWO, TWO), known=(known,)).unexplained == 1


def test_a_known_difference_that_no_longer_occurs_fails() -> None:
    known = Known("† 0", ("me/defaults", "me/extended"), ("outcome.result",), "a reason")
    report = judge([CASE], runs(ONE, TWO, TWO), known=(known,))
    assert report.stale == [(known, "me/extended")]
    assert not report.succeeded


def test_a_difference_between_the_two_modes_of_this_library_is_unexplained() -> None:
    known = Known("† 0", ("me/*",), ("outcome.result",), "a reason")
    assert judge([CASE], runs(ONE, ONE, TWO), known=(known,)).unexplained == 1


# The recorder


def ask(recorder: Recorder, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(recorder.url).netloc, timeout=10)
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_recorder_writes_down_what_a_case_sends_and_forgets_between_cases() -> None:
    with Recorder([Script(), Script(job_polls=2)]) as recorder:
        ask(recorder, "GET", "/api/acme/before")
        for number in (0, 1):
            assert ask(recorder, "POST", f"/_case/{number}")[0] == 204
            completed = [json.loads(ask(recorder, "GET", "/api/acme/jobs/5?x=a+b")[1])["completed"] for _ in range(2)]
            assert completed == ([True, True] if number == 0 else [False, True])
    assert [[each.label for each in case] for case in recorder.requests] == [["GET /jobs/5"] * 2] * 2
    assert recorder.requests[0][0].query == [("x", "a b")]


def test_scripted_answers_stand_for_the_generic_ones_as_often_as_they_say() -> None:
    script = Script((Answer("GET", "/users/*", 404, {"detail": "no"}), Answer("GET", "/drop", drop=True)))
    with Recorder([script]) as recorder:
        ask(recorder, "POST", "/_case/0")
        assert [ask(recorder, "GET", "/api/acme/users/me")[0] for _ in range(2)] == [404, 200]
        with pytest.raises(http.client.RemoteDisconnected):
            ask(recorder, "GET", "/api/acme/drop")


def test_headers_are_kept_by_what_they_say_and_not_by_their_accidents() -> None:
    uuid4 = "3f2f6d5e-8f0a-4c3b-9a52-0d4f3e1c2b1a"
    sent = sent_of(
        "GET", "/api/acme/x", [("Authorization", "Bearer token-7"), ("X-Request-ID", uuid4), ("Host", "h")], b""
    )
    assert sent.headers == {"authorization": "Bearer (token)", "x-request-id": "(uuid4)"}
    uuid1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846"
    sent = sent_of("GET", "/x", [("Authorization", "Bearer other"), ("X-Request-ID", uuid1)], b"")
    assert sent.headers == {"authorization": "Bearer other", "x-request-id": uuid1}


def test_forms_are_read_with_the_place_of_the_file_among_the_fields() -> None:
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = part.format("k", "", "å") + part.format("file", '; filename="a.jpg"', "x\r\n") + part.format("z", "", "")
    fields, files = parse_form((body + "--b--\r\n").encode(), "b")
    assert fields == [("k", "å"), ("z", "")]
    assert [(each["field"], each["name"], each["after"]) for each in files] == [("file", "a.jpg", "1")]
    changed, _ = parse_form((body.replace("å", "ø") + "--b--\r\n").encode(), "b")
    assert changed != fields


# The tables


def test_every_known_difference_is_about_cases_that_exist() -> None:
    cases = [case.name for case in all_cases()]
    for known in KNOWN:
        for name in known.cases:
            alone = replace(known, cases=(name,), places=("*",), mode=None)
            difference = next(iter(compare(([BASE], ONE), ([BASE], TWO))))
            assert any(alone.covers(case, "async", difference) for case in cases), name


def test_no_known_difference_covers_a_whole_method() -> None:
    for known in KNOWN:
        assert known.reason
        if any(name.endswith("/*") for name in known.cases) and known.mode is None:
            assert known.source.startswith("§"), known


def test_there_are_several_cases_for_nearly_every_method() -> None:
    cases = all_cases()
    assert len(cases) > 900
    assert {case.method for case in cases if sum(c.method == case.method for c in cases) < 2} == set()
