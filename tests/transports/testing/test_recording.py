"""Recordings: exchanges are recorded without secrets, and replayed without a server."""

import inspect
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import anyio
import pytest

from pixel_core.errors import PixelConnectionError, PixelError, PixelTimeoutError
from pixel_core.messages import Headers, Origin, Request, Response
from pixel_transports import PixelApiSettings, testing
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer
from tests.support import secret_search as search
from tests.support.callers import call
from tests.transports.client import test_whole_api as stories
from tests.transports.testing.faces import Face


@pytest.fixture
def sandbox() -> Iterator[search.QuotingSandbox]:
    sandbox = search.QuotingSandbox()
    with SandboxServer(sandbox) as server:
        sandbox.url = server.url
        yield sandbox


def run_scenarios(call: Callable[..., Any], folder: Path) -> list[Any]:
    """Run the scenarios of the whole API, and return some results."""
    folder.mkdir()
    project = call("create_project", "Project", "", SAMPLE_AREA)["id"]
    functions = [story for name, story in vars(stories).items() if name.startswith("test_")]
    fixtures: dict[str, Any] = {"call": call, "project": project, "tmp_path": folder}
    for story in functions:
        story(*(fixtures[name] for name in inspect.signature(story).parameters))
    collection = call("create_data_collection", project, "I", "", "image")["id"]
    for auth in (search.CREDENTIALS, search.KEY):
        call("create_harvest_service", project, collection, search.harvest(auth))
    return [call("list_projects"), call("me")]


def test_the_whole_api_is_recorded_without_a_secret_and_replayed(
    face: Face, sockets: Any, sandbox: search.QuotingSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "session.json"
    settings = PixelApiSettings(**sandbox.environment(sandbox.url))
    with testing.Recorder(sockets, file) as recorder:
        made = testing.client(face.async_, settings, transport=recorder)
        results = run_scenarios(partial(call, made, backend=face.name), tmp_path / "first")
    assert secrets_in(file, sandbox) == []
    assert all(sandbox.made.values())
    elsewhere = PixelApiSettings(**{**sandbox.environment("http://elsewhere.invalid"), "PIXEL_PASSWORD": "another"})
    # Not all has to be asked for again: of a server that was slow, pages behind the last were asked for.
    again = testing.client(face.async_, elsewhere, transport=testing.Replay(file), clock=testing.ManualClock())
    assert run_scenarios(partial(call, again, backend=face.name), tmp_path / "second") == results


def secrets_in(file: Path, sandbox: search.QuotingSandbox) -> list[str]:
    content = file.read_bytes()
    secrets = [*search.SECRETS, *(secret for secrets in sandbox.made.values() for secret in secrets)]
    spelt = [each for secret in secrets for each in (secret, quote_plus(secret), b64encode(secret.encode()).decode())]
    return [each for each in spelt if each.encode() in content]


def test_quotes_in_refusals_are_redacted(
    face: Face, sockets: Any, sandbox: search.QuotingSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "session.json"
    settings = PixelApiSettings(**sandbox.environment(sandbox.url))
    with testing.Recorder(sockets, file) as recorder:
        made = testing.client(face.async_, settings, transport=recorder).with_options(
            headers={"X-Own": search.HEADER}, retries=0
        )
        calling = partial(call, made, backend=face.name)
        for status in (401, 422, 500, 200):
            for is_json in (True, False):
                for name, args in search.calls_with_secrets():
                    sandbox.fault = search.quoting(
                        status, path="/api/", json=is_json, kept=b"" if status != 200 else b'{"broken": '
                    )
                    with pytest.raises(PixelError):
                        calling(name, *args)
                    sandbox.fault = lambda method, target, headers, content: None
        sandbox.fault = search.quoting(500, path="/auth/")
        with pytest.raises(PixelError):
            call(testing.client(face.async_, settings, transport=recorder), "me", backend=face.name)
    assert secrets_in(file, sandbox) == []
    assert len(recorder.entries) > 40


async def projects(made: Any) -> Any:
    return [await made.me(), await made.list_projects()]


def recorded(path: Path, face: Face, session: Callable[[Any], Any] = projects) -> Any:
    """Record a session with a sandbox in memory."""
    clock = testing.ManualClock()
    with testing.Recorder(Sandbox(clock=clock), path) as recorder:
        return face.run(recorder, session, clock=clock)


def settings_of_the_sandbox() -> PixelApiSettings:
    return PixelApiSettings(**Sandbox().environment("http://pixel.invalid"))


def test_a_recording_made_on_one_face_is_replayed_on_another(face: Face, tmp_path: Path) -> None:
    results = recorded(tmp_path / "a", Face("trio"))
    with testing.Replay(tmp_path / "a") as replay:
        assert face.run(replay, projects, settings_of_the_sandbox()) == results


def test_a_recording_holds_its_addresses_so_that_a_replay_needs_no_settings(face: Face, tmp_path: Path) -> None:
    results = recorded(tmp_path / "a", face)
    settings = json.loads((tmp_path / "a").read_text())["settings"]
    assert settings == {
        "PIXEL_API_URL": "http://pixel.invalid/api/sandbox",
        "PIXEL_AUTH_SERVER_URL": "http://pixel.invalid/auth",
        "PIXEL_TENANT": "Sandbox",
    }
    for transport in (testing.Replay(tmp_path / "a"), testing.Faults(testing.Replay(tmp_path / "a"))):
        assert face.run(transport, projects) == results


def test_a_recording_without_addresses_needs_settings_or_gets_them_when_it_is_recorded(tmp_path: Path) -> None:
    own = testing.settings_for("http://127.0.0.1:8000")
    for settings in (None, own):
        testing.Recorder(lambda request: Response(200), tmp_path / "a", settings).save()
        if settings is None:
            with pytest.raises(ValueError, match=r"holds no addresses: pass settings, or record with Recorder"):
                testing.client(transport=testing.Replay(tmp_path / "a"))
        else:
            assert testing.settings_for(testing.Replay(tmp_path / "a")).PIXEL_API_URL == own.PIXEL_API_URL


def test_the_file_is_readable_json_with_an_entry_per_exchange(tmp_path: Path) -> None:
    recorded(tmp_path / "a", Face("blocking"))
    text = (tmp_path / "a").read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["format"] == "pixel recording 1"
    login, me, _ = content["exchanges"]
    assert login["request"]["body"]["form"]["password"] == "***"
    assert login["request"]["body"]["form"]["username"] == "demo@example.com"
    assert me["origin"] == "http://pixel.invalid"
    assert me["request"] == {"method": "GET", "path": "/api/sandbox/users/me", "query": {"extended": "false"}}
    assert me["response"]["status"] == 200
    assert me["response"]["body"]["json"]["email"] == "demo@example.com"
    assert "authorization" not in text.lower()
    assert text.endswith("}\n")


def test_an_unrecorded_request_is_an_error_with_the_nearest_entries(face: Face, tmp_path: Path) -> None:
    recorded(tmp_path / "a", Face("blocking"))

    with pytest.raises(testing.NotRecordedError) as caught:
        face.run(testing.Replay(tmp_path / "a"), lambda made: made.get_project(7), settings_of_the_sandbox())
    first, *near = str(caught.value).splitlines()
    assert first.startswith('GET /api/sandbox/projects/7 {"query"')
    assert "was not recorded in" in first
    assert any(each.startswith("  recorded was GET /api/sandbox/projects") for each in near)


def test_a_request_beyond_the_recorded_number_is_an_error(face: Face, tmp_path: Path) -> None:
    recorded(tmp_path / "a", Face("blocking"))

    async def twice(made: Any) -> None:
        await made.me()
        await made.me()

    with pytest.raises(
        testing.NotRecordedError, match=r"users/me .* was recorded 1 time in .*, and requested once more"
    ):
        face.run(testing.Replay(tmp_path / "a"), twice, settings_of_the_sandbox())


def test_equal_requests_get_their_answers_in_the_recorded_order(face: Face, tmp_path: Path) -> None:
    mock = testing.MockTransport()
    mock.get("/projects/7", {"id": 1}, {"id": 2}, {"id": 3})

    async def thrice(made: Any) -> list[int]:
        return [(await made.get_project(7))["id"] for _ in range(3)]

    with testing.Recorder(mock, tmp_path / "a") as recorder:
        assert face.run(recorder, thrice) == [1, 2, 3]
    settings = PixelApiSettings(**mock.environment("http://pixel.invalid"))
    assert face.run(testing.Replay(tmp_path / "a"), thrice, settings) == [1, 2, 3]


def test_unused_entries_are_reported_at_the_end(tmp_path: Path) -> None:
    recorded(tmp_path / "a", Face("blocking"))
    with pytest.raises(AssertionError, match=r"2 exchanges of .* were not requested"), testing.Replay(tmp_path / "a"):
        pass
    with pytest.raises(KeyError), testing.Replay(tmp_path / "a"):
        raise KeyError


def test_errors_are_recorded_and_raised_again(face: Face, tmp_path: Path) -> None:
    async def session(made: Any) -> list[Any]:
        results: list[Any] = []
        for _ in range(2):
            try:
                await made.me()
            except PixelConnectionError as error:
                results.append((type(error), error.sent))
        return results

    faults = testing.Faults(Sandbox(), [testing.TimeOut(), testing.TimeOut(), testing.TimeOut()], then=testing.Refuse())
    with testing.Recorder(faults, tmp_path / "a") as recorder:
        results = face.run(recorder, session, clock=testing.ManualClock())
    assert results == [(PixelTimeoutError, True), (PixelConnectionError, False)]
    with testing.Replay(tmp_path / "a") as replay:
        assert face.run(replay, session, settings_of_the_sandbox(), testing.ManualClock()) == results


def put(body: bytes, kind: str = "text/plain") -> Request:
    return Request("PUT", Origin("http", "pixel.test", 80), "/a", Headers({"Content-Type": kind}), body)


BODIES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("application/json", b'{"a": [1, "\xc3\xa6"]}', {"json": {"a": [1, "æ"]}}),
    ("text/plain", b"text\n", {"text": "text\n"}),
    ("application/xml", b"<Code>NoSuchKey</Code>", {"text": "<Code>NoSuchKey</Code>"}),
    ("image/jpeg", b"\xff\xd8\x00", {"base64": "/9gA"}),
    ("text/plain", b"\x00", {"base64": "AA=="}),
    ("application/json", b"no json", {"text": "no json"}),
    ("application/json", b"NaN", {"text": "NaN"}),
]


@pytest.mark.parametrize(("kind", "body", "fields"), BODIES)
def test_bodies_are_json_where_they_are_then_text_then_base64(
    kind: str, body: bytes, fields: dict[str, Any], tmp_path: Path
) -> None:
    response = Response(404, Headers({"Content-Type": kind}), body)
    with testing.Recorder(lambda request: response, tmp_path / "a") as recorder:
        recorder(put(body, kind))
    (entry,) = recorder.entries
    assert (entry["request"]["body"], entry["response"]["body"]) == (fields, fields)
    answer = testing.Replay(tmp_path / "a")(put(body, kind))
    assert (answer.status, answer.headers["Content-Type"]) == (404, kind)
    assert answer.body == body if "json" not in fields else answer.json() == fields["json"]


def test_long_bytes_that_are_sent_are_known_by_their_digest(tmp_path: Path) -> None:
    with testing.Recorder(lambda request: Response(200), tmp_path / "a") as recorder:
        recorder(put(b"\xff" * 5000))
    assert recorder.entries[0]["request"]["body"].keys() == {"size", "sha256"}
    replay = testing.Replay(tmp_path / "a")
    with pytest.raises(testing.NotRecordedError):
        replay(put(b"\xfe" * 5000))
    assert replay(put(b"\xff" * 5000)).status == 200


def test_an_error_shows_the_beginning_of_a_long_request(tmp_path: Path) -> None:
    testing.Recorder(Sandbox(), tmp_path / "a").save()
    with pytest.raises(testing.NotRecordedError, match=r'^PUT /a \{"body": \{"text": "x{250,300} was not recorded'):
        testing.Replay(tmp_path / "a")(put(b"x" * 999))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "another", "exchanges": []}', '{"format": 1}'])
def test_a_file_that_is_no_recording_is_a_value_error_that_names_it_and_a_missing_one_an_os_error(
    content: str, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        testing.Replay(tmp_path / "a")
    (tmp_path / "a").write_text(content)
    with pytest.raises(ValueError, match="is no recording"):
        testing.Replay(tmp_path / "a")


@pytest.mark.anyio
async def test_an_async_with_block_writes_the_file_without_blocking_the_loop(tmp_path: Path) -> None:
    async with testing.Recorder(Sandbox(), tmp_path / "a") as recorder:
        await testing.client(True, transport=recorder).me()
    assert await anyio.Path(tmp_path / "a").exists()


def test_a_session_that_fails_is_recorded_too_and_nothing_else_is_left_beside_it(tmp_path: Path) -> None:
    recorder = testing.Recorder(Sandbox(), tmp_path / "a")
    testing.client(transport=recorder).me()
    with pytest.raises(KeyError), recorder:
        raise KeyError
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert len(json.loads((tmp_path / "a").read_text())["exchanges"]) == 2


def test_logins_are_answered_any_number_of_times(face: Face, tmp_path: Path) -> None:
    recorded(tmp_path / "a", Face("blocking"))
    replay = testing.Replay(tmp_path / "a")

    async def nothing_but_a_login(made: Any) -> None:
        with pytest.raises(testing.NotRecordedError, match="projects/99"):
            await made.get_project(99)

    for _ in range(3):
        face.run(replay, nothing_but_a_login, settings_of_the_sandbox())


def test_a_login_is_answered_if_none_was_recorded(face: Face, tmp_path: Path) -> None:
    with testing.Recorder(Sandbox(), tmp_path / "a") as recorder:
        pass
    assert recorder.entries == []
    with pytest.raises(testing.NotRecordedError, match="nothing like it was"):
        face.run(testing.Replay(tmp_path / "a"), projects, settings_of_the_sandbox())
