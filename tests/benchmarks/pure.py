"""The pure face with the shortest drivers there are: over one socket, and over bytes in memory.

Rules kept here:

* Nothing of `pixel_transports` is loaded: what is measured here is the core.
* The drivers perform what a call asks for and nothing else, and check nothing.
"""

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import h11

from pixel_core import Account, Leasing, PixelApi, Pool, Session, exchange
from pixel_core.effects import Clock, Exchange, Flow, Random, Report, SingleFlight
from pixel_core.http.effects import Connect, ConnectResult, IsIdle, Read, Resolve, WaitConnected, Write
from pixel_core.messages import Request, Response

ME = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 05 May 2025 10:00:00 GMT\r\nServer: load\r\nContent-Type: application/json\r\n"
    b"Content-Length: 52\r\n\r\n"
    b'{"id":7,"email":"demo@example.com","enabled":true  }'
)
TOKEN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 42\r\n\r\n"
    b'{"access_token":"abc.def","expires_in":0 }'
)


class Stream:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def write(self, segments: Sequence[Any]) -> bool:
        for segment in segments:
            self.sock.sendall(segment)
        return True

    def read(self) -> bytes:
        return self.sock.recv(256 * 1024)

    def close(self) -> None:
        self.sock.close()


class Memory:
    """A peer in memory that gives the same answer to every request, but for the login."""

    def __init__(self) -> None:
        self.answer = ME
        self._next = b""

    def write(self, segments: Sequence[Any]) -> bool:
        self._next = TOKEN if segments[0].startswith(b"POST /auth") else self.answer
        return True

    def read(self) -> bytes:
        return self._next

    def close(self) -> None:
        """Nothing is open."""


class Core:
    """Runs flows over one stream for each origin."""

    def __init__(self, url: str, auth_url: str, open_stream: Callable[[Any], Any]) -> None:
        account = Account(auth_url, "Sandbox", "frontend", "demo@example.com", "demo")
        self.api = PixelApi(Session(url, account))
        self.last_request: Request | None = None
        self._open = open_stream
        self._leasing = Leasing(Pool())
        self._streams: list[Any] = []
        self._performers: dict[type[Any], Callable[[Any], Any]] = {
            Exchange: self._exchange,
            Clock: lambda effect: time.monotonic(),
            Random: lambda effect: 0x6F9619FF8B864D01B42D00CF4FC964FF,
            SingleFlight: lambda effect: self.run(effect.flow),
            Report: lambda effect: None,
            Resolve: lambda effect: [(effect.host, effect.port)],
            Connect: self._connect,
            WaitConnected: lambda effect: [ConnectResult(effect.streams[0], None)],
            IsIdle: lambda effect: True,
            Write: lambda effect: effect.stream.write(effect.segments),
            Read: lambda effect: effect.stream.read(),
        }

    def run(self, flow: Flow[Any]) -> Any:
        performers, send, answer = self._performers, flow.send, None
        try:
            while True:
                effect = send(answer)
                answer = performers[type(effect)](effect)
        except StopIteration as end:
            return end.value

    def exchange(self, request: Request) -> Response:
        """One exchange, with nothing above it."""
        response: Response = self.run(exchange(request, self._leasing))
        return response

    def _exchange(self, effect: Exchange) -> Response:
        self.last_request = effect.request
        return self.exchange(effect.request)

    def _connect(self, effect: Connect) -> Any:
        stream = self._open(effect.address)
        self._streams.append(stream)
        return stream

    def answer_with(self, answer: bytes) -> None:
        """Have the peers in memory give this answer from now on."""
        for stream in self._streams:
            stream.answer = answer

    def close(self) -> None:
        self._leasing.close()


class Direct(Core):
    def __init__(self, api: str) -> None:
        def opened(address: Any) -> Stream:
            sock = socket.create_connection(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Stream(sock)

        super().__init__(api, api.rpartition("/")[0] + "/auth", opened)


def in_memory() -> Core:
    """The core over bytes in memory, logged in."""
    core = Core("http://pixel.invalid/api", "http://pixel.invalid/auth", lambda address: Memory())
    core.run(core.api.me())
    return core


class BareH11:
    """h11 alone: the same request and answer, with nothing around it."""

    def __init__(self, request: Request) -> None:
        self._machine = h11.Connection(h11.CLIENT)
        fields = [("Host", request.origin.authority), *request.headers]
        self._headers = [(name.encode(), value.encode()) for name, value in fields]
        self._target = request.target.encode()

    def __call__(self) -> bytes:
        machine, body = self._machine, b""
        machine.send(h11.Request(method=b"GET", target=self._target, headers=self._headers))
        machine.send(h11.EndOfMessage())
        machine.receive_data(ME)
        while not isinstance(event := machine.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body = bytes(event.data)
        machine.start_next_cycle()
        return body


def layers(calls: int) -> dict[str, float]:
    """Seconds a call, in memory: h11 alone, the exchange machine (which is on h11), a call through flow and session
    above that, and what these two add to the exchange machine.
    """
    core = in_memory()
    request = core.last_request
    assert request is not None
    best = {"h11": float("inf"), "exchange": float("inf"), "call": float("inf")}
    for _ in range(7):
        for name, work in (
            ("h11", BareH11(request)),
            ("exchange", lambda: core.exchange(request)),
            ("call", lambda: core.run(core.api.me())),
        ):
            start = time.process_time()
            for _ in range(calls):
                work()
            best[name] = min(best[name], (time.process_time() - start) / calls)
    return {**best, "flow and session": best["call"] - best["exchange"]}
