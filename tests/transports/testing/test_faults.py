"""Faults: each is met as the real one would be, around any transport, on every face."""

from contextlib import nullcontext
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


@pytest.mark.parametrize(
    ("fault", "waited"),
    [
        (Refuse(), None),
        (Reset(), None),
        (TimeOut(), None),
        (Status(500), None),
        (Status(503, retry_after=7), 7.0),
        (Status(429, retry_after=9), 9.0),
        (Slow(2.0), 2.0),
    ],
    ids=repr,
)
def test_a_call_that_may_be_repeated_succeeds_after_one_wait(face: Face, fault: Fault, waited: float | None) -> None:
    clock = ManualClock()
    faults = Faults(Sandbox(clock=clock), [fault], clock=clock)
    assert face.run(faults, me, clock=clock) == "demo@example.com"
    assert faults.met == [fault]
    (wait,) = clock.waits
    assert waited in (wait, None)


@pytest.mark.parametrize(
    ("fault", "call", "error", "projects"),
    [
        (Reset(), create, PixelConnectionError, 0),
        (Reset(acted=True), create, PixelConnectionError, 1),
        (TimeOut(), create, PixelTimeoutError, 0),
        (Refuse(), create, None, 1),
        (TimeOut(sent=False), create, None, 1),
        (Status(429, retry_after=3), create, None, 1),
        (Garbage(), me, PixelProtocolError, 0),
        (NoJson(), me, PixelProtocolError, 0),
    ],
)
def test_what_may_have_been_done_is_not_repeated_and_what_was_certainly_not_done_is(
    face: Face, fault: Fault, call: Any, error: type[PixelError] | None, projects: int
) -> None:
    sandbox = Sandbox()
    with pytest.raises(error) if error else nullcontext() as caught:
        assert face.run(Faults(sandbox, [fault]), call, clock=ManualClock()).status == 200
    assert caught is None or getattr(caught.value, "sent", True)
    assert len(sandbox.state.projects) == projects


def test_an_answer_beyond_the_read_limit_is_a_timeout_after_the_limit(face: Face) -> None:
    clock = ManualClock()
    with pytest.raises(PixelTimeoutError, match="no answer within 4 seconds"):
        face.run(Faults(Sandbox(), then=Slow(60), clock=clock), me, clock=clock, timeout_pixel=4)
    assert clock.waits[::2] == [4.0, 4.0, 4.0]


def test_around_a_plain_function_nothing_sleeps_for_real(face: Face) -> None:
    with pytest.raises(TypeError, match="needs a clock to wait on"):
        face.run(Faults(Sandbox(), [Slow(0.1)]), me)


def test_afterwards_everything_passes_or_meets_the_last_fault(face: Face) -> None:
    faults = Faults(Sandbox(), [None], then=Status(502))
    assert face.run(faults, me, clock=ManualClock()) == "demo@example.com"
    with pytest.raises(PixelServerError, match="after 3 tries"):
        face.run(faults, me, clock=ManualClock())


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


def test_faults_go_around_real_transports_of_either_face(
    face: Face, sockets: Any, pixel_settings: PixelApiSettings
) -> None:
    faults = Faults(sockets, [Status(503), Slow(0.01)])
    assert face.run(faults, me, pixel_settings, ManualClock()) == "demo@example.com"
    faults.assert_all_met()


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
