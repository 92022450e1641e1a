"""Look-ups and connection attempts on the three faces. Their order and time limits are shown in tests/core/http."""

import socket
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import trustme

from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.http.race import ATTEMPT_DELAY
from pixel_core.messages import Headers, Origin, Request, Timeouts, split_url
from pixel_transports.net.asynchronous import look_up as look_up_async
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.net.connecting import Address, Resolver
from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope
from tests.support import peers

HOST = Origin("http", "pixel.test", 80)
NO_CONNECTIONS = "0 held, 0 idle, 0 waiting"


def at(origin: Origin) -> Address:
    """The address of a peer, as a look-up returns it."""
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (origin.host, origin.port)


REFUSING = at(Origin("http", "127.0.0.1", peers.unused_port()))


def resolving(face: peers.Face, look_up: Resolver, **options: Any) -> peers.Face:
    """The face with this look-up of names."""

    return face.open(
        resolve=look_up if face.name == "blocking" else partial(look_up_async, resolver=look_up), **options
    )


def request_to(origin: Origin = HOST, connect: float = peers.PATIENCE) -> Request:
    return Request(
        "POST", origin, "/a?secret=1", Headers(), b"", Timeouts(connect, peers.PATIENCE, peers.PATIENCE, peers.PATIENCE)
    )


def test_addresses_that_fail_or_are_silent_do_not_prevent_a_connection(face: peers.Face, full_listener: Origin) -> None:
    """The first two fail at once, the third does not respond; the fourth follows after the delay."""
    unix: Address = (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/nowhere/at/all")
    with peers.Peer([peers.keep_answering()]) as peer:
        resolving(face, lambda host, port: [unix, REFUSING, at(full_listener), at(peer.origin)])
        start = time.monotonic()
        assert face.send(request_to()).body == b"ok"
        assert time.monotonic() - start >= ATTEMPT_DELAY * 0.9
        face.close()


def no_name(host: str, port: int) -> Sequence[Address]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("look_up", "host", "message"),
    [
        (no_name, "pixel.test", r"could not connect to http://pixel\.test: Name or service not known"),
        (lambda host, port: [], "pixel.test", "it has no address"),
        (lambda host, port: [REFUSING], "pixel.test", r"could not connect to http://pixel\.test: Connection refused"),
        (None, "a" * 64 + ".test", "no host can have the name"),
        (None, "a..test", "no host can have the name"),
    ],
    ids=["unknown", "no address", "a refusal", "a long label", "an empty label"],
)
def test_a_name_without_an_address_that_accepts_is_an_error(
    face: peers.Face, look_up: Resolver | None, host: str, message: str
) -> None:
    if look_up is not None:
        resolving(face, look_up)
    with pytest.raises(PixelConnectionError, match=message) as caught:
        face.send(request_to(Origin("http", host, 80)))
    assert not caught.value.sent
    face.wait_for_counts(NO_CONNECTIONS)


def test_a_look_up_has_the_limit_of_the_connection(face: peers.Face) -> None:
    over = threading.Event()

    def look_up(host: str, port: int) -> Sequence[Address]:
        over.wait(peers.PATIENCE)
        return []

    resolving(face, look_up)
    with pytest.raises(PixelTimeoutError, match=r"no connection within 0\.1 seconds"):
        face.send(request_to(connect=0.1))
    over.set()
    face.wait_for_counts(NO_CONNECTIONS)


@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_no_limit_of_a_connection_overflows(face: peers.Face, seconds: float) -> None:
    with peers.Peer([peers.keep_answering()]) as peer:
        resolving(face, lambda host, port: [at(peer.origin)])
        assert face.send(request_to(connect=seconds)).body == b"ok"
        face.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_not_looked_up(face: peers.Face, host: str) -> None:
    def look_up(host: str, port: int) -> Sequence[Address]:
        pytest.fail(f"a look-up of {host}")

    resolving(face, look_up)
    try:
        peer = peers.Peer([peers.keep_answering()], host=host)
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    with peer:
        assert face.send(peer.request()).body == b"ok"
        face.close()


def test_a_name_is_looked_up_as_it_is_sent_and_its_certificate_has_no_final_dot(face: peers.Face) -> None:
    authority, names = trustme.CA(), []
    with peers.Peer([peers.keep_answering()], context=peers.server_context(authority, "xn--fa-hia.test")) as peer:

        def look_up(host: str, port: int) -> Sequence[Address]:
            names.append((host, port))
            return [at(peer.origin)]

        resolving(face, look_up, tls=peers.trusting_context(authority))
        for url in ("https://faß.Test./", "https://faß.test:8443/"):
            assert face.send(request_to(split_url(url)[0])).body == b"ok"
        face.close()
    assert names == [("xn--fa-hia.test.", 443), ("xn--fa-hia.test", 8443)]


@pytest.mark.parametrize("waits_for", ["look-up", "connection"])
def test_a_thread_that_connects_is_stopped_by_its_scope(full_listener: Origin, waits_for: str) -> None:
    scope, started, over = CancelScope(), threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def look_up(host: str, port: int) -> Sequence[Address]:
        started.set()
        if waits_for == "look-up":
            over.wait(peers.PATIENCE)
        return [at(full_listener)] * 3

    def run() -> None:
        current_scope.set(scope)
        try:
            SocketTransport(resolve=look_up).send(request_to())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(peers.PATIENCE)
    scope.cancel()
    thread.join(peers.PATIENCE)
    over.set()
    assert [type(each) for each in errors] == [ScopeCancelled]


def test_a_look_up_does_not_keep_a_program_from_ending(face: peers.Face) -> None:
    daemons: list[bool] = []

    def look_up(host: str, port: int) -> Sequence[Address]:
        daemons.append(threading.current_thread().daemon)
        return []

    with pytest.raises(PixelConnectionError, match="it has no address"):
        resolving(face, look_up).send(request_to())
    assert daemons == [True]
