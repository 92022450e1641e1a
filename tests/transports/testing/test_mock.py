"""The mock: routes, recorded calls, and reports of unmatched requests and unused routes."""

import re
from typing import Any

import anyio
import pytest

from pixel_core.errors import PixelConnectionError, PixelNotFoundError, PixelServerError
from pixel_core.messages import Headers, Origin, Request, Response
from pixel_transports.testing import Call, ManualClock, MockTransport, UnmatchedRequestError, UnusedError
from tests.transports.testing.faces import Face


def ask(mock: MockTransport, target: str, method: str = "GET", body: bytes = b"") -> Response:
    """Send one request straight to a mock. The target begins with the base."""
    return mock(Request(method, Origin("http", "storage.invalid", 80), target, Headers(), body))


async def project(client: Any) -> Any:
    return await client.get_project(7)


def test_a_route_answers_with_json_on_every_face(face: Face) -> None:
    with MockTransport() as mock:
        mock.get("/projects/7", {"id": 7, "name": "Jæren"})
        assert face.run(mock, project) == {"id": 7, "name": "Jæren"}
        assert mock.logins == 1


@pytest.mark.parametrize(
    ("path", "target", "params"),
    [
        ("/a/{first}/{rest:path}", "/a/b%20c/d/e", {"first": "b c", "rest": "d/e"}),
        ("/a/{first}", "/a/b/c", None),
        (re.compile(r"/a/(?P<id>\d+)"), "/a/12", {"id": "12"}),
        (re.compile(r"/a/(?P<id>\d+)"), "/a/12/b", None),
    ],
)
def test_a_function_is_given_the_call_with_the_placeholders_of_the_whole_path(
    path: Any, target: str, params: dict[str, str] | None
) -> None:
    mock = MockTransport()
    mock.get(path, lambda call: dict(call.params))
    if params is None:
        with pytest.raises(UnmatchedRequestError, match=r"expected the path .*, came /a/"):
            ask(mock, f"/api/mock{target}")
    else:
        assert ask(mock, f"/api/mock{target}").json() == params


def test_other_bases_and_whole_addresses_can_be_named() -> None:
    mock = MockTransport(base="/acme")
    mock.get("/projects", 1)
    mock.put("http://storage.invalid/bucket/{key}", 2)
    assert ask(mock, "/acme/projects").json() == 1
    assert ask(mock, "/bucket/k", "PUT").json() == 2


@pytest.mark.parametrize(
    ("answer", "options", "error", "words"),
    [
        (PixelConnectionError("cut", sent=True), {}, PixelConnectionError, "cut"),
        (KeyError, {}, KeyError, None),
        (Response(404, Headers(), b"{}"), {}, PixelNotFoundError, "404"),
        ({"detail": "broken"}, {"status": 500, "headers": {"X-Request-ID": "r1"}}, PixelServerError, "500.*r1"),
    ],
)
def test_an_answer_can_be_an_error_a_response_or_json_with_a_status_and_headers(
    face: Face, answer: Any, options: dict[str, Any], error: type[Exception], words: str | None
) -> None:
    mock = MockTransport()
    mock.get("/projects/7", answer, **options)
    with pytest.raises(error, match=words):
        face.run(mock, project, clock=ManualClock())


def test_a_request_after_the_last_answer_is_unmatched() -> None:
    mock = MockTransport()
    mock.get("/a", 1, 2)
    assert [ask(mock, "/api/mock/a").json() for _ in range(2)] == [1, 2]
    with pytest.raises(UnmatchedRequestError, match="GET /a: expected 2 times, came once more"):
        ask(mock, "/api/mock/a")


def test_the_first_route_that_still_has_an_answer_answers() -> None:
    mock = MockTransport()
    mock.get("/a", 1, times=1)
    mock.get("/{name}", 2)
    assert [ask(mock, "/api/mock/a").json() for _ in range(3)] == [1, 2, 2]


def test_an_answer_of_nothing_with_204_has_no_body() -> None:
    mock = MockTransport()
    mock.delete("/a", None, status=204)
    assert ask(mock, "/api/mock/a", "DELETE").body == b""


MATCHERS: list[tuple[str, Any, str, bool]] = [
    ("query", {"limit": 5}, "limit=5&skip=0", True),
    ("query", {"limit": 5}, "limit=6", False),
    ("query", {"limit": re.compile(r"\d+")}, "limit=66", True),
    ("query", {"limit": re.compile(r"\d")}, "limit=66", False),
    ("query", {"limit": None}, "skip=0", True),
    ("query", {"limit": None}, "limit=5", False),
    ("query", lambda query: query == {"limit": "5"}, "limit=5", True),
    ("query", lambda query: query == {"limit": "5"}, "", False),
    ("json", {"a": 1}, '{"a": 1}', True),
    ("json", {"a": 1}, '{"a": 1, "b": 2}', False),
    ("json", lambda json: json["a"] == 1, '{"a": 1, "b": 2}', True),
    ("json", None, "", True),
    ("json", None, "{}", False),
]


@pytest.mark.parametrize(("part", "matcher", "sent", "matches"), MATCHERS)
def test_a_query_and_a_body_are_matched_by_values_or_by_a_function(
    part: str, matcher: Any, sent: str, matches: bool
) -> None:
    mock = MockTransport()
    mock.post("/a", 1, **{part: matcher})
    query, body = (f"?{sent}", b"") if part == "query" else ("", sent.encode())
    if matches:
        assert ask(mock, f"/api/mock/a{query}", "POST", body).json() == 1
    else:
        with pytest.raises(UnmatchedRequestError, match="query" if part == "query" else "body"):
            ask(mock, f"/api/mock/a{query}", "POST", body)


def test_predicates_are_called_for_their_method_and_path_only() -> None:
    mock = MockTransport()
    mock.post("/a", 1, query=lambda query: query["b"] == "c", json=lambda json: json["d"])
    mock.get("/a", 2)
    mock.post("/e", 3)
    assert ask(mock, "/api/mock/a").json() == 2
    assert ask(mock, "/api/mock/e", "POST").json() == 3
    assert ask(mock, "/api/mock/a?b=c", "POST", b'{"d": true}').json() == 1


def test_an_unmatched_request_lists_the_nearest_routes_with_what_is_wrong_on_every_face(face: Face) -> None:
    mock = MockTransport()
    mock.post("/projects/7", {})
    mock.get("/projects/7/data_collections", {})
    mock.get("/projects/{id}", {}, query={"extended": "true"})
    mock.get("/nothing/like/it/at/all", {}, json={"a": 1})
    with pytest.raises(UnmatchedRequestError) as caught:
        face.run(mock, project)
    first, *near = str(caught.value).splitlines()
    assert first == "GET /projects/7?extended=false was not expected. The nearest routes:"
    assert "  POST /projects/7: expected the method POST, came GET" in near
    wrong_query = "expected extended in the query to be 'true', came 'false'"
    assert f"  GET /projects/{{id}}, query {{'extended': 'true'}}: {wrong_query}" in near
    expected = "/projects/7/data_collections"
    assert f"  GET {expected}: expected the path {expected}, came /projects/7" in near
    assert len(near) == 3


@pytest.mark.parametrize(
    ("expected", "sent", "words"),
    [
        (
            {"a": 1, "b": 2},
            '{"a": 1, "b": "æ", "c": []}',
            "'b' in the body to be 2, came \"æ\".*'c' .*missing, came \\[\\]",
        ),
        ([1], '{"a": 1}', r"expected the body \[1\], came \{\"a\": 1\}"),
        ({"a": 1}, "", r"expected the body \{\"a\": 1\}, came none"),
        (lambda json: False, '{"password": "5ecret"}', r"the body \{\"password\": \"\*\*\*\"\} is not accepted by"),
        ({"password": "5ecret"}, '{"password": "5ecret2"}', r"to be \"\*\*\*\", came \"\*\*\*\""),
    ],
)
def test_a_wrong_body_is_reported_by_what_was_expected_and_what_came(expected: Any, sent: str, words: str) -> None:
    mock = MockTransport()
    mock.post("/a", 1, json=expected)
    with pytest.raises(UnmatchedRequestError, match=words) as caught:
        ask(mock, "/api/mock/a", "POST", sent.encode())
    assert "5ecret" not in str(caught.value)


def test_unused_routes_are_reported_at_the_end() -> None:
    mock = MockTransport()
    mock.get("/a", 1)
    mock.get("/b", 1, 2)
    mock.get("/c", 1, times=2)
    mock.get("/d", 1, optional=True)
    mock.get("/e", 1)
    for path in ("b", "c", "e"):
        ask(mock, f"/api/mock/{path}")
    with pytest.raises(UnusedError) as caught:
        mock.assert_all_used()
    assert str(caught.value).splitlines()[1:] == [
        "  GET /a: expected, and never came",
        "  GET /b: expected 2 times, came 1 time",
        "  GET /c: expected 2 times, came 1 time",
    ]


def test_the_end_of_a_with_block_checks_and_hides_no_failure_inside() -> None:
    mock = MockTransport()
    mock.get("/a", 1)
    with pytest.raises(UnusedError), mock:
        pass
    with pytest.raises(KeyError), mock:
        raise KeyError


def test_an_unmatched_request_that_was_caught_is_reported_at_the_end() -> None:
    mock = MockTransport()
    with pytest.raises(UnmatchedRequestError, match="GET /a was not expected: the mock has no routes"):
        ask(mock, "/api/mock/a")
    with pytest.raises(UnusedError, match="GET /a: came, and was not expected"):
        mock.assert_all_used()


def test_calls_hold_what_was_sent_and_no_secret_of_the_headers(face: Face) -> None:
    mock = MockTransport()
    mock.post("/projects/{id}/things", {"id": 1})

    async def session(client: Any) -> None:
        await client.request("POST", "/projects/7/things", params={"a": "b c"}, json={"name": "Jæren"})

    face.run(mock, session)
    (call,) = mock.calls
    assert str(call) == "POST /projects/7/things?a=b c"
    assert (call.query, call.json, call.params) == ({"a": "b c"}, {"name": "Jæren"}, {"id": "7"})
    assert call.headers["Content-Type"] == "application/json"
    assert "X-Request-ID" in call.headers
    assert "Authorization" not in call.headers


def test_no_report_shows_the_signature_of_a_url() -> None:
    mock = MockTransport()
    with pytest.raises(UnmatchedRequestError) as caught:
        ask(mock, "/bucket/key?X-Amz-Signature=5ecret5ecret", "PUT")
    assert "5ecret" not in str(caught.value)


def test_a_login_is_answered_by_a_route_where_there_is_one(face: Face) -> None:
    mock = MockTransport()
    mock.post("/auth/realms/{realm}/protocol/openid-connect/token", {"access_token": "own", "expires_in": 60})
    mock.get("/projects/7", {})
    face.run(mock, project)
    assert [call.path for call in mock.calls] == ["/auth/realms/Mock/protocol/openid-connect/token", "/projects/7"]
    assert mock.logins == 0


def test_without_a_login_one_is_unmatched_too() -> None:
    with pytest.raises(UnmatchedRequestError, match="openid-connect/token"):
        Face("blocking").run(MockTransport(login=False), project)


@pytest.mark.parametrize(
    ("arguments", "more", "error", "words"),
    [
        (("/a",), {}, ValueError, "has no answer"),
        (("a", 1), {}, ValueError, "begins with a slash"),
        (("/a", 1), {"times": 0}, ValueError, "from 1"),
        (("/a", 1, 2), {"times": 2}, ValueError, "leave `times` out"),
        (("/a", anyio.sleep), {}, TypeError, "not coroutine functions"),
    ],
)
def test_a_wrong_route_is_refused(
    arguments: tuple[Any, ...], more: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        MockTransport().get(*arguments, **more)


def test_a_call_shows_neither_its_body_nor_its_whole_address() -> None:
    shown = repr(Call("GET", "/a", {}, {"password": "5ecret"}, Headers(), b"5ecret", "http://5ecret"))
    assert "5ecret" not in shown
