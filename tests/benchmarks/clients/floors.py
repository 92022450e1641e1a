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
from collections.abc import Callable, Sequence
from typing import Any

from tests.benchmarks.clients.faces import (
    FINISHED,
    HEADERS,
    ME,
    PIECE,
    Async,
    Blocking,
    Part,
    address,
    creation_path,
    declaration,
    hashed,
    page_path,
)

SMALL, LARGE = 16 * 1024, 256 * 1024
"""How much is read at once: of small answers, and of pages. A large buffer costs 20 us to allocate, for each read."""


class RawSocket(Blocking):
    """One plain socket; requests are bytes that were made before."""

    def __init__(self, api: str) -> None:
        self._api = api
        host, port, self._base = address(api)
        self._sock = socket.create_connection((host, port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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

    def call(self) -> Any:
        self._sock.sendall(self._me)
        return json.loads(self.receive())

    def pages(self, size: int) -> int:
        offset = count = 0
        while True:
            self._sock.sendall(self._request("GET", page_path(offset, size)))
            page = json.loads(self.receive())
            for _ in page:
                count += 1
            if len(page) < size:
                return count
            offset += size

    def at_once(self, width: int, seconds: float) -> tuple[int, float]:
        """So many sockets in this one thread: write to all, read from all. Gives calls and seconds."""
        others = [RawSocket(self._api) for _ in range(width)]
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            for other in others:
                other._sock.sendall(self._me)
            for other in others:
                json.loads(other.receive())
            count += width
        for other in others:
            other.close()
        return count, elapsed

    def fork(self) -> "RawSocket":
        return RawSocket(self._api)

    def close(self) -> None:
        self._sock.close()

    def _send(self, method: str, path: str, value: Any) -> Any:
        self._sock.sendall(
            self._request(method, path, json.dumps(value).encode(), "Content-Type: application/json\r\n")
        )
        return json.loads(self.receive())

    def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        multipart = part_size is not None
        files = {path: hashed(path, part_size) for path in paths}
        jobs = self._send("POST", creation_path(multipart), declaration(files, multipart))
        for parts, job in zip(files.values(), jobs, strict=True):
            if not multipart:
                self._form(job["url"], job["upload_fields"], parts[0])
            for place in job["upload_parts"]:
                self._body("PUT", place["url"], parts[place["part_number"] - 1], place["headers"])
        self._send("PUT", FINISHED, {"job_ids": [job["id"] for job in jobs]})

    def _form(self, url: str, fields: dict[str, str], part: Part) -> None:
        boundary = "0123456789abcdef0123456789abcdef"
        before = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        before += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{os.path.basename(part.path)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._body("POST", url, part, headers, before.encode(), f"\r\n--{boundary}--\r\n".encode())

    def _body(
        self, method: str, url: str, part: Part, headers: dict[str, str], before: bytes = b"", after: bytes = b""
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


class _H11:
    """What both h11 floors share: one machine, requests to bytes, bytes to a decoded answer."""

    def __init__(self, api: str) -> None:
        self._h11: Any = importlib.import_module("h11")
        host, port, self._base = address(api)
        self._headers = [
            (name.encode(), value.encode()) for name, value in {"Host": f"{host}:{port}", **HEADERS}.items()
        ]
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


class H11Socket(_H11, Blocking):
    """h11 on a blocking socket."""

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._api = api
        self._sock = socket.create_connection(address(api)[:2])
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _get(self, path: str, buffer: int = SMALL) -> Any:
        self._sock.sendall(self.request(path))
        body: list[bytes] = []
        while not self.feed(self._sock.recv(buffer), body):
            pass
        return json.loads(b"".join(body))

    def call(self) -> Any:
        return self._get(ME)

    def pages(self, size: int) -> int:
        offset = count = 0
        while True:
            page = self._get(page_path(offset, size), LARGE)
            for _ in page:
                count += 1
            if len(page) < size:
                return count
            offset += size

    def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        raise NotImplementedError

    def fork(self) -> "H11Socket":
        return H11Socket(self._api)

    def close(self) -> None:
        self._sock.close()


class H11OneThread(H11Socket):
    """h11 on blocking sockets, all served by one thread: a floor for 64 at once that no thread switches slow down."""

    def at_once(self, width: int, seconds: float) -> tuple[int, float]:
        """As `RawSocket.at_once`."""
        others = [H11Socket(self._api) for _ in range(width)]
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            for other in others:
                other._sock.sendall(other.request(ME))
            for other in others:
                body: list[bytes] = []
                while not other.feed(other._sock.recv(SMALL), body):
                    pass
                json.loads(b"".join(body))
            count += width
        for other in others:
            other.close()
        return count, elapsed


class H11Anyio(_H11, Async):
    """h11 on an anyio stream."""

    def __init__(self, api: str) -> None:
        super().__init__(api)
        self._api = api
        self._anyio: Any = importlib.import_module("anyio")
        self._stream: Any = None

    async def _get(self, path: str, buffer: int = SMALL) -> Any:
        if self._stream is None:
            host, port, _ = address(self._api)
            self._stream = await self._anyio.connect_tcp(host, port)
        await self._stream.send(self.request(path))
        body: list[bytes] = []
        while not self.feed(await self._stream.receive(buffer), body):
            pass
        return json.loads(b"".join(body))

    async def call(self) -> Any:
        return await self._get(ME)

    async def pages(self, size: int) -> int:
        offset = count = 0
        while True:
            page = await self._get(page_path(offset, size), LARGE)
            for _ in page:
                count += 1
            if len(page) < size:
                return count
            offset += size

    async def upload(self, paths: Sequence[str], part_size: int | None) -> None:
        raise NotImplementedError

    async def fork(self) -> "H11Anyio":
        return H11Anyio(self._api)

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


class H11AnyioTrio(H11Anyio):
    """The same under trio."""

    backend = "trio"


FLOORS: dict[str, Callable[[str], Blocking | Async]] = {
    "raw": RawSocket,
    "h11": H11Socket,
    "h11-one-thread": H11OneThread,
    "h11-anyio": H11Anyio,
    "h11-anyio-trio": H11AnyioTrio,
}
