"""Faults: each is met as the real one would be, around any transport, on every face."""

from typing import Any

import anyio
import pytest

from pixel_core.effects import Flow
from pixel_core.errors import PixelConnectionError, PixelError, PixelProtocolError, PixelServerError, PixelTimeoutError
from pixel_core.messages import Request, Response
from pixel_transports import AnyioTransport, PixelApiSettings, SocketTransport
from pixel_transports.sandbox import SAMPLE_AREA
from pixel_transports.testing import (
    Fault,
    Faults,
    Garbage,
    ManualClock,
    NoJson,
    Refuse,
    Reset,
    Sandbox,
    Slow,
    Status,
    TimeOut,
)
from tests.transports.testing.faces import Face


async def me(client: Any) -> Any:
    return (await client.me())["email"]


async def create(client: Any) -> Any:
    return await client.request(
        "POST", "/projects/", json={"name": "P", "description": "", "area_of_interest": SAMPLE_AREA}
    )


@pytest.mark.parametrize("fault", [Refuse(), Reset(), TimeOut(), Status(500), Status(503, retry_after=1)])
def test_a_fault_that_passes_is_repeated_for_what_may_be_asked_twice(face: Face, fault: Fault) -> None:
    clock = ManualClock()
    faults = Faults(Sandbox(clock=clock), [fault], clock=clock)
    assert face.run(faults, me, clock=clock) == "demo@example.com"
    assert faults.met == [fault]
    assert len(clock.waits) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Reset(), PixelConnectionError), (Reset(acted=True), PixelConnectionError), (TimeOut(), PixelTimeoutError)],
)
def test_what_may_have_been_done_is_not_repeated(face: Face, fault: Fault, kind: type[PixelConnectionError]) -> None:
    sandbox = Sandbox()
    with pytest.raises(kind) as caught:
        face.run(Faults(sandbox, [fault]), create)
    assert caught.value.sent
    assert len(sandbox.state.projects) == getattr(fault, "acted", False)


@pytest.mark.parametrize("fault", [Refuse(), TimeOut(sent=False), Status(429, retry_after=3)])
def test_what_was_certainly_not_done_is_repeated_always(face: Face, fault: Fault) -> None:
    sandbox = Sandbox()
    answer = face.run(Faults(sandbox, [fault]), create, clock=ManualClock())
    assert answer.status == 200
    assert len(sandbox.state.projects) == 1


@pytest.mark.parametrize("fault", [Garbage(), NoJson()])
def test_what_cannot_be_understood_is_a_protocol_error(face: Face, fault: Fault) -> None:
    with pytest.raises(PixelProtocolError):
        face.run(Faults(Sandbox(), [fault]), me)


def test_retry_after_is_waited_for_on_the_clock(face: Face) -> None:
    clock = ManualClock()
    face.run(Faults(Sandbox(), [Status(503, retry_after=7), Status(429, retry_after=9)]), me, clock=clock)
    assert clock.waits == [7.0, 9.0]


def test_a_slow_answer_turns_the_clock_and_comes(face: Face) -> None:
    clock = ManualClock()
    assert face.run(Faults(Sandbox(), [Slow(2.0)], clock=clock), me, clock=clock) == "demo@example.com"
    assert clock.waits == [2.0]


def test_an_answer_beyond_the_read_limit_is_a_timeout_after_the_limit(face: Face) -> None:
    clock = ManualClock()
    with pytest.raises(PixelTimeoutError, match="no answer within 4 seconds"):
        face.run(Faults(Sandbox(), then=Slow(60), clock=clock), me, clock=clock, timeout_pixel=4)
    assert clock.waits[::2] == [4.0, 4.0, 4.0]


def test_around_a_plain_function_nothing_sleeps_for_real(face: Face) -> None:
    with pytest.raises(TypeError, match="needs a clock to wait on"):
        face.run(Faults(Sandbox(), [Slow(0.1)]), me)


def test_afterwards_everything_passes_or_meets_the_last_fault(face: Face) -> None:
    with pytest.raises(PixelServerError, match="after 3 tries"):
        face.run(Faults(Sandbox(), [None], then=Status(502)), lambda client: _twice(client), clock=ManualClock())


async def _twice(client: Any) -> None:
    assert await me(client) == "demo@example.com"
    await me(client)


def test_the_login_is_exempt_by_default(face: Face) -> None:
    spared, meant = Faults(Sandbox(), then=Refuse()), Faults(Sandbox(), then=Refuse(), where=lambda request: True)
    with pytest.raises(PixelConnectionError, match="users/me"):
        face.run(spared, me, clock=ManualClock())
    with pytest.raises(PixelConnectionError, match="openid-connect/token"):
        face.run(meant, me, clock=ManualClock())


def test_faults_that_did_not_occur_are_reported() -> None:
    faults = Faults(Sandbox(), [Refuse(), None, Reset(), Garbage()])
    Face("blocking").run(faults, me, clock=ManualClock())
    with pytest.raises(
        AssertionError, match=r"2 of the planned faults did not occur: Reset\(acted=False\), Garbage\(\)"
    ):
        faults.assert_all_met()


def test_a_plan_holds_nothing_but_faults() -> None:
    plan: Any = [503]
    with pytest.raises(TypeError, match="a plan holds faults"):
        Face("blocking").run(Faults(Sandbox(), plan), me)


def test_a_fault_can_be_a_subclass(face: Face) -> None:
    class Teapot(Fault):
        def exchange(self, request: Request) -> Flow[Response]:
            yield from ()
            return Response(418, body=b'{"detail": "short and stout"}')

    with pytest.raises(PixelError, match="short and stout"):
        face.run(Faults(Sandbox(), [Teapot()]), me)


def transport_of(face: Face) -> Any:
    return AnyioTransport() if face.async_ else SocketTransport()


def test_faults_go_around_real_transports_of_either_face(face: Face, pixel_settings: PixelApiSettings) -> None:
    faults = Faults(transport_of(face), [Refuse(), Slow(0.01), Status(503)])
    assert face.run(faults, _two_calls, pixel_settings, ManualClock()) == ["demo@example.com"] * 2
    faults.assert_all_met()


async def _two_calls(client: Any) -> list[str]:
    return [await me(client), await me(client)]


async def _coroutine_function(request: Request) -> Response:
    await anyio.lowlevel.checkpoint()
    return Response(200, body=b'{"email": "a@b.c", "access_token": "t"}')


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_faults_go_around_coroutine_functions(name: str) -> None:
    assert Face(name).run(Faults(_coroutine_function, [Refuse(), Slow(0.01)]), me, clock=ManualClock()) == "a@b.c"


@pytest.mark.parametrize(
    ("face", "transport", "message"),
    [
        ("blocking", _coroutine_function, "the blocking client needs"),
        ("blocking", AnyioTransport(), "the blocking client needs"),
        ("blocking", lambda request: None, "this one returned NoneType"),
        ("trio", SocketTransport(), "the async client needs"),
    ],
    ids=["coroutine function", "async transport", "no response", "blocking transport"],
)
def test_a_wrapper_of_a_transport_of_the_other_face_or_without_responses_is_refused(
    face: str, transport: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        Face(face).run(Faults(transport), me)


@pytest.mark.parametrize("transport", [None, 42, "http://pixel.test"])
def test_a_wrong_transport_is_a_type_error(transport: Any) -> None:
    with pytest.raises(TypeError, match="transport"):
        Faults(transport)


def test_faults_go_around_faults(face: Face) -> None:
    clock = ManualClock()
    inner = Faults(Sandbox(), [Status(503)])
    outer = Faults(inner, [Refuse()])
    assert face.run(outer, me, clock=clock) == "demo@example.com"
    assert (len(inner.met), len(outer.met), len(clock.waits)) == (1, 1, 2)
