"""How connections are made, on the three faces: names, addresses of both families, and attempts side by side."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
import trustme

from pixel_core.errors import PixelConnectionError, PixelTimeoutError
from pixel_core.http.race import ATTEMPT_DELAY
from pixel_core.messages import Headers, Origin, Request, Timeouts, split_url
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.net.connecting import Address
from pixel_transports.runtime.cancellation import CancelScope, ScopeCancelled, current_scope
from tests.support.peers import OK, PATIENCE, Face, Peer, eventually, keep_answering, server_context, unused_port

HOST = Origin("http", "pixel.test", 80)


def at(where: Origin | tuple[str, int]) -> Address:
    """The address of a peer, as a look-up gives it."""
    host, port = where[-2], where[-1]
    if ":" in str(host):
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)


def resolving(face: Face, look_up: Callable[[str, int], Sequence[Address]], **options: Any) -> Face:
    """The face with names that are looked up by a function."""

    async def look_up_async(host: str, port: int) -> Sequence[Address]:
        return await anyio.to_thread.run_sync(look_up, host, port, abandon_on_cancel=True)

    return face.open(resolve=look_up if face.name == "blocking" else look_up_async, **options)


def knowing(face: Face, *addresses: Origin | tuple[str, int]) -> Face:
    """The face, to which every name has these addresses."""
    return resolving(face, lambda host, port: [at(each) for each in addresses])


def request_to(origin: Origin = HOST, connect: float = PATIENCE) -> Request:
    return Request("POST", origin, "/a?secret=1", Headers(), b"", Timeouts(connect, PATIENCE, PATIENCE, PATIENCE))


@contextmanager
def six() -> Iterator[tuple[str, int]]:
    """An address of the sixth version of IP where every request is answered."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    held: list[socket.socket] = []

    def answer() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            held.append(sock)
            if sock.recv(65536):
                sock.sendall(OK)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield ("::1", listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for sock in [listener, *held]:
            sock.close()


def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second(face: Face, full_listener: Origin) -> None:
    with Peer([keep_answering()]) as peer:
        begun = time.monotonic()
        assert knowing(face, full_listener, peer.origin).send(request_to()).body == b"ok"
        assert time.monotonic() - begun >= ATTEMPT_DELAY * 0.9
        assert peer.accepted == 1
        face.close()


def test_several_that_do_not_answer_are_tried_side_by_side(face: Face, full_listener: Origin) -> None:
    """The limit of a connect is for all of them, and no share of it is lost."""
    with Peer([keep_answering()]) as peer:
        knowing(face, full_listener, full_listener, full_listener, peer.origin)
        assert face.send(request_to()).body == b"ok"
        face.close()


def test_after_an_address_that_refuses_the_next_is_tried_at_once(face: Face) -> None:
    """Twenty pauses would be longer than the limit of the connect."""
    refusing = ("127.0.0.1", unused_port())
    with Peer([keep_answering()]) as peer:
        knowing(face, *[refusing] * 20, peer.origin)
        assert face.send(request_to(connect=4.5)).body == b"ok"
        face.close()


def test_the_families_take_turns(face: Face, full_listener: Origin) -> None:
    with six() as address, Peer([keep_answering()]) as peer:
        knowing(face, full_listener, peer.origin, address)
        assert face.send(request_to()).body == b"ok"
        assert peer.accepted == 0
        face.close()


def test_where_all_addresses_refuse_the_first_failure_is_told(face: Face) -> None:
    knowing(face, *(("127.0.0.1", unused_port()) for _ in range(3)))
    with pytest.raises(PixelConnectionError, match=r"could not connect to http://pixel\.test: Connection refused$"):
        face.send(request_to())
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_where_none_answers_the_limit_of_the_connect_is_kept(face: Face, full_listener: Origin) -> None:
    knowing(face, full_listener, full_listener)
    with pytest.raises(PixelTimeoutError, match=r"no connection within 0\.4 seconds"):
        face.send(request_to(connect=0.4))
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_an_address_that_cannot_even_be_tried_does_not_stand_in_the_way(face: Face) -> None:
    with Peer([keep_answering()]) as peer:
        unknown: Address = (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/nowhere/at/all")
        resolving(face, lambda host, port: [unknown, at(peer.origin)])
        assert face.send(request_to()).body == b"ok"
        face.close()


def test_a_cancelled_task_leaves_no_attempt_behind(face: Face, full_listener: Origin) -> None:
    """What it leaves behind would be counted when the face is closed."""
    if face.name == "blocking":
        pytest.skip("a thread is stopped by its scope: see below")
    sending = knowing(face, full_listener, full_listener, full_listener).start(request_to())
    face.wait_for_counts("1 held, 0 idle, 0 waiting")
    sending.cancel()
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


# Names


def test_a_look_up_has_the_limit_of_the_connect(face: Face) -> None:
    over = threading.Event()

    def look_up(host: str, port: int) -> Sequence[Address]:
        over.wait(PATIENCE)
        return []

    resolving(face, look_up)
    with pytest.raises(PixelTimeoutError, match=r"no connection within 0\.1 seconds") as caught:
        face.send(request_to(connect=0.1))
    over.set()
    assert not caught.value.sent
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_not_looked_up(face: Face, host: str) -> None:
    def look_up(host: str, port: int) -> Sequence[Address]:
        pytest.fail(f"asked for {host}")

    resolving(face, look_up)
    if host == "::1":
        with six() as (_, port):
            assert face.send(request_to(split_url(f"http://[::1]:{port}/")[0])).body == b"ok"
            face.close()
    else:
        with Peer([keep_answering()]) as peer:
            assert face.send(peer.request()).body == b"ok"
            face.close()


def test_a_look_up_that_fails_is_told_in_its_words(face: Face) -> None:
    def look_up(host: str, port: int) -> Sequence[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(PixelConnectionError, match=r"http://pixel\.test: Name or service not known") as caught:
        resolving(face, look_up).send(request_to())
    assert not caught.value.sent
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


def test_a_name_without_an_address_is_told(face: Face) -> None:
    with pytest.raises(PixelConnectionError, match="it has no address"):
        knowing(face).send(request_to())


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
def test_a_name_that_no_host_can_have_is_told(face: Face, host: str) -> None:
    with pytest.raises(PixelConnectionError, match="no host can have the name"):
        face.send(request_to(Origin("http", host, 80)))


def test_localhost_is_looked_up_by_the_system(face: Face) -> None:
    with Peer([keep_answering()], host="localhost") as peer:
        assert face.send(peer.request()).body == b"ok"
        face.close()


def test_a_name_is_looked_up_as_it_goes_on_the_wire(face: Face) -> None:
    asked = []
    with Peer([keep_answering()]) as peer:

        def look_up(host: str, port: int) -> Sequence[Address]:
            asked.append((host, port))
            return [at(peer.origin)]

        resolving(face, look_up)
        for url in ("http://faß.Test./", "http://BÜCHER.test:8080/"):
            origin, _ = split_url(url)
            assert face.send(request_to(origin)).body == b"ok"
        face.close()
    assert asked == [("xn--fa-hia.test.", 80), ("xn--bcher-kva.test", 8080)]


def test_a_name_with_a_dot_at_its_end_has_the_certificate_of_the_name_without(face: Face) -> None:
    authority = trustme.CA()
    with Peer([keep_answering()], context=server_context(authority, "xn--fa-hia.test")) as peer:
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        resolving(face, lambda host, port: [at(peer.origin)], tls=trusting)
        origin, _ = split_url("https://faß.test./")
        assert face.send(request_to(origin)).body == b"ok"
        face.close()


# Threads that are stopped by their scope


def stopped(connect: Callable[[], object], under_way: Callable[[], bool]) -> None:
    """Run it in a scope that is cancelled once it is under way: it ends with the scope."""
    scope = CancelScope()
    ended: list[BaseException] = []

    def run() -> None:
        current_scope.set(scope)
        try:
            connect()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    eventually(under_way)
    scope.cancel()
    thread.join(PATIENCE)
    assert [type(each) for each in ended] == [ScopeCancelled]


def test_a_thread_that_connects_to_many_addresses_is_stopped(full_listener: Origin) -> None:
    asked = threading.Event()

    def look_up(host: str, port: int) -> Sequence[Address]:
        asked.set()
        return [at(full_listener)] * 3

    stopped(lambda: SocketTransport(resolve=look_up).send(request_to()), asked.is_set)


def test_a_thread_that_waits_for_a_look_up_is_stopped() -> None:
    asked, over = threading.Event(), threading.Event()

    def look_up(host: str, port: int) -> Sequence[Address]:
        asked.set()
        over.wait(PATIENCE)
        return []

    stopped(lambda: SocketTransport(resolve=look_up).send(request_to()), asked.is_set)
    over.set()


def test_no_program_waits_at_its_end_for_a_look_up() -> None:
    kinds: list[bool] = []

    def look_up(host: str, port: int) -> Sequence[Address]:
        kinds.append(threading.current_thread().daemon)
        return []

    with pytest.raises(PixelConnectionError, match="it has no address"):
        SocketTransport(resolve=look_up).send(request_to())
    assert kinds == [True]
