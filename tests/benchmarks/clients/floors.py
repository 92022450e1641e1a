"""The floors: what the work costs on raw sockets, and with h11 on a socket or on an anyio stream, with nothing else.

Rules kept here:

* No pool, no retries, no checks, no time limits. The header fields are those that this library sends.
* A floor for 64 at once has a socket for each of them. `raw` serves them all in one thread, writing to all before it
  reads from the first; h11 has a thread (or a task) for each.
* `raw` as an uploader (`raw_copy`) hashes first, as the API demands, then reads and sends, one request after another.
"""

import importlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.benchmarks.clients.faces import HEADERS, ME, PIECE, Client, Part, address, drive

SMALL, LARGE = 16 * 1024, 256 * 1024
"""How much is read at once: of small answers, and of pages. A large buffer costs 20 us to allocate, for each read."""


class _Socket(Client):
    """A client with one socket. A small call is written by `begin`, and its answer read by `end`."""

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._sock = socket.create_connection(address(api)[:2])
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self) -> None:
        raise NotImplementedError

    def end(self) -> Any:
        raise NotImplementedError

    async def call(self) -> Any:
        self.begin()
        return self.end()

    def one_thread(self, width: int, seconds: float) -> int:
        """Small calls by so many clients in this one thread: write to all, read from all. Gives the number of calls."""
        others = [type(self)(self.api) for _ in range(width)]
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            for other in others:
                other.begin()
            for other in others:
                other.end()
            count += len(others)
        for other in others:
            drive(other.close())
        return count

    async def fork(self) -> "_Socket":
        return type(self)(self.api)

    async def close(self) -> None:
        self._sock.close()


class RawSocket(_Socket):
    """One plain socket; requests are bytes that were made before."""

    at_once = _Socket.one_thread

    def __init__(self, api: str) -> None:
        super().__init__(api)
        host, port, self._base = address(api)
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in {"Host": f"{host}:{port}", **HEADERS}.items())
        self._me = self._request("GET", ME)

    def _request(self, method: str, path: str, body: bytes = b"", extra: str = "") -> bytes:
        length = f"Content-Length: {len(body)}\r\n" if body or method != "GET" else ""
        return f"{method} {self._base}{path} HTTP/1.1\r\n{self._fields}{extra}{length}\r\n".encode() + body

    def receive(self) -> bytes:
        """The body of one answer."""
        data = self._sock.recv(SMALL)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._sock.recv(SMALL)
        if not data.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(data[:200].decode("latin-1"))
        start = data.find(b"Content-Length: ", 0, end)
        length = int(data[start + 16 : data.find(b"\r", start)]) if start > 0 else 0
        if len(data) == end + 4 + length:
            return data[end + 4 :]
        body = bytearray(length)
        view = memoryview(body)
        have = len(data) - end - 4
        view[:have] = data[end + 4 :]
        while have < length:
            have += self._sock.recv_into(view[have:])
        return bytes(body)

    def begin(self) -> None:
        self._sock.sendall(self._me)

    def end(self) -> Any:
        return json.loads(self.receive())

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        body, extra = (b"", "") if value is None else (json.dumps(value).encode(), "Content-Type: application/json\r\n")
        self._sock.sendall(self._request(method, path, body, extra))
        return json.loads(self.receive())

    async def form(self, url: str, fields: Mapping[str, str], part: Part) -> None:
        boundary = "0123456789abcdef0123456789abcdef"
        disposition = f"--{boundary}\r\nContent-Disposition: form-data; name="
        before = "".join(f'{disposition}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
        before += f'{disposition}"file"; filename="{os.path.basename(part.path)}"\r\n'
        before += "Content-Type: application/octet-stream\r\n\r\n"
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._body("POST", url, part, headers, before.encode(), f"\r\n--{boundary}--\r\n".encode())

    async def put(self, url: str, headers: Mapping[str, str], part: Part) -> None:
        self._body("PUT", url, part, headers)

    def _body(
        self, method: str, url: str, part: Part, headers: Mapping[str, str], before: bytes = b"", after: bytes = b""
    ) -> None:
        host, port, path = address(url)
        fields = {"Host": f"{host}:{port}", **headers, "Content-Length": str(part.length + len(before) + len(after))}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._sock.sendall(head.encode() + b"\r\n" + before)
        buffer = memoryview(bytearray(PIECE))
        left = part.length
        with open(part.path, "rb", buffering=0) as file:
            file.seek(part.offset)
            while left and (count := file.readinto(buffer[: min(left, PIECE)])):
                self._sock.sendall(buffer[:count])
                left -= count
        self._sock.sendall(after)
        self.receive()


class _H11(Client):
    """What both h11 floors share: one machine, requests to bytes, bytes to a decoded answer."""

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._h11: Any = importlib.import_module("h11")
        host, port, self._base = address(api)
        fields = {"Host": f"{host}:{port}", **HEADERS}
        self._headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._machine = self._h11.Connection(self._h11.CLIENT)

    def request(self, path: str) -> bytes:
        machine, h11 = self._machine, self._h11
        event = h11.Request(method=b"GET", target=(self._base + path).encode(), headers=self._headers)
        data: bytes = machine.send(event)
        machine.send(h11.EndOfMessage())
        return data

    def feed(self, data: bytes, body: list[bytes]) -> bool:
        """Take what was read; whether the answer is complete."""
        machine, h11 = self._machine, self._h11
        machine.receive_data(data)
        while (event := machine.next_event()) is not h11.NEED_DATA:
            if type(event) is h11.Data:
                body.append(event.data)
            elif type(event) is h11.EndOfMessage:
                machine.start_next_cycle()
                return True
        return False


class H11Socket(_H11, _Socket):
    async def send(self, method: str, path: str, value: Any = None) -> Any:
        self._sock.sendall(self.request(path))
        return self.end(LARGE)

    def begin(self) -> None:
        self._sock.sendall(self.request(ME))

    def end(self, buffer: int = SMALL) -> Any:
        body: list[bytes] = []
        while not self.feed(self._sock.recv(buffer), body):
            pass
        return json.loads(b"".join(body))


class H11OneThread(H11Socket):
    """h11 on blocking sockets, all served by one thread: a floor for 64 at once that no thread switches slow down."""

    at_once = _Socket.one_thread


class H11Anyio(_H11):
    backend = "asyncio"

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._anyio: Any = importlib.import_module("anyio")
        self._stream: Any = None

    async def _get(self, path: str, buffer: int) -> Any:
        if self._stream is None:
            host, port, _ = address(self.api)
            self._stream = await self._anyio.connect_tcp(host, port)
        await self._stream.send(self.request(path))
        body: list[bytes] = []
        while not self.feed(await self._stream.receive(buffer), body):
            pass
        return json.loads(b"".join(body))

    async def send(self, method: str, path: str, value: Any = None) -> Any:
        return await self._get(path, LARGE)

    async def call(self) -> Any:
        return await self._get(ME, SMALL)

    async def fork(self) -> "H11Anyio":
        return H11Anyio(self.api)

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


class H11AnyioTrio(H11Anyio):
    backend = "trio"


CLIENTS: dict[str, Callable[[str], Client]] = {
    "raw": RawSocket,
    "h11": H11Socket,
    "h11-one-thread": H11OneThread,
    "h11-anyio": H11Anyio,
    "h11-anyio-trio": H11AnyioTrio,
}
