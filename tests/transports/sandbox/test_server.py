"""The sandbox's server keeps HTTP's rules on a real socket, and leaves nothing behind."""

import http.client
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from pixel_transports.sandbox import Sandbox, SandboxServer, serve
from tests.support.paths import ROOT
from tests.transports.sandbox.support import LOGIN, form_body, md5


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Sandbox(job_seconds=0), idle_seconds=5) as running:
        yield running
    assert not running.sandbox.failures


def connect(server: SandboxServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def exchange(server: SandboxServer, data: bytes) -> bytes:
    """What comes back for `data` until the server closes."""
    answer = b""
    with connect(server) as stream:
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)
        while piece := stream.recv(65536):
            answer += piece
    return answer


class Client:
    """A client of the standard library."""

    def __init__(self, server: SandboxServer) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.headers: dict[str, str] = {}
        self.api = server.sandbox.api_path

    def close(self) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        self.connection.request(method, path, body, {**self.headers, **headers})
        response = self.connection.getresponse()
        return response.status, response.read()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        status, answer = self.send(method, self.api + path, content, **{"Content-Type": "application/json"})
        assert status == 200, answer
        return json.loads(answer)

    def login(self) -> None:
        form = "&".join(f"{name}={value}" for name, value in {**LOGIN, "grant_type": "password"}.items())
        path = "/auth/realms/Sandbox/protocol/openid-connect/token"
        form = form.replace(" ", "+")
        status, answer = self.send("POST", path, form.encode(), **{"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200
        self.headers["Authorization"] = f"Bearer {json.loads(answer)['access_token']}"


@pytest.fixture
def client(server: SandboxServer) -> Iterator[Client]:
    with closing(Client(server)) as connected:
        yield connected


def new_place(client: Client) -> str:
    client.login()
    ring = [[0, 0], [1, 0], [1, 1], [0, 0]]
    area = {"type": "Polygon", "coordinates": [ring]}
    project = client.call("POST", "/projects/", {"name": "n", "description": "", "area_of_interest": area})
    path = f"/projects/{project['id']}/data_collections"
    body = {"name": "n", "description": "", "data_collection_type": "image"}
    collection = client.call("POST", f"{path}/", body)
    return f"{path}/{collection['id']}"


def test_a_big_upload_goes_through_a_file(server: SandboxServer, client: Client) -> None:
    content = b"\xff\xd8\xff" + random.Random(1).randbytes(3 * 1024 * 1024)
    place = new_place(client)
    (job,) = client.call("POST", f"{place}/upload_jobs/", {"files": [{"name": "a.jpg", "md5": md5(content)}]})
    assert job["url"].startswith(server.url)
    body, content_type = form_body(job["upload_fields"], content)
    assert client.send("POST", "/storage/pixel-sandbox", body, **{"Content-Type": content_type}) == (204, b"")
    client.call("PUT", f"{place}/upload_jobs/{job['id']}/uploadFinished")
    (job,) = client.call("GET", f"{place}/upload_jobs/?ids={job['id']}&limit=1")
    assert job["status"] == "validated_and_moved"
    (stored,) = server.sandbox.objects.values()
    assert isinstance(stored.buffers[0], memoryview)
    _, objects = client.send("GET", "/_sandbox/objects")
    assert client.send("GET", json.loads(objects)[0]["path"]) == (200, content)


def test_a_connection_serves_one_request_after_another(client: Client) -> None:
    client.send("GET", "/")
    stream = client.connection.sock
    for path, status in (("/api/sandbox/users/me", 401), ("/nothing", 404), ("/", 200)):
        assert client.send("GET", path)[0] == status
    assert client.connection.sock is stream


def test_head_has_no_body(client: Client) -> None:
    length = len(client.send("GET", "/")[1])
    client.connection.request("HEAD", "/")
    response = client.connection.getresponse()
    assert (response.read(), response.headers["Content-Length"]) == (b"", str(length))
    assert client.send("HEAD", "/api/sandbox/users/me") == (405, b"")
    assert client.send("GET", "/")[0] == 200


def test_pipelined_requests_are_answered_in_order(server: SandboxServer) -> None:
    answer = exchange(
        server, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.index(b"HTTP/1.1 404") < answer.index(b"HTTP/1.1 200")


def test_a_client_that_waits_is_told_to_go_on(server: SandboxServer) -> None:
    head = b"POST /auth/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with connect(server) as stream:
        stream.sendall(head)
        assert stream.recv(1000).startswith(b"HTTP/1.1 100")
        stream.sendall(b"hi")
        assert stream.recv(1000).startswith(b"HTTP/1.1 404")


REFUSED = [
    (b"\0\1\2\3 garbage\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: x:y\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: x:99999999\r\n\r\n", b"400"),
    (b"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", b"431"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", b"431"),
    (b"POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 16777217\r\n\r\n", b"413"),
    (b"POST /storage/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", b"413"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", b"400"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\nab", b"400"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
]


@pytest.mark.parametrize(("data", "status"), REFUSED)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    server: SandboxServer, data: bytes, status: bytes
) -> None:
    answer = exchange(server, data)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in answer.lower()
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_chunked_body_that_grows_too_big_is_refused(server: SandboxServer) -> None:
    with connect(server) as stream:
        stream.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000001\r\n")
        stream.sendall(b"x" * 0x1000001)
        assert stream.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_chunked_upload_is_refused_for_its_head(server: SandboxServer) -> None:
    with connect(server) as stream:
        stream.sendall(
            b"POST /storage/pixel-sandbox HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 411")
    assert b"<Code>MissingContentLength</Code>" in answer


def test_random_bytes_never_take_it_down(server: SandboxServer) -> None:
    source = random.Random(7)
    starts = (b"", b"GET / HTTP/1.1\r\n", b"POST /storage/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    for number in range(60):
        exchange(server, starts[number % 3] + source.randbytes(source.randrange(200)))
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_an_absolute_target_is_understood(server: SandboxServer) -> None:
    answer = exchange(server, b"GET http://other.test/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"PIXEL_API_URL=http://other.test/api/sandbox" in answer


def test_a_silent_connection_is_let_go() -> None:
    with SandboxServer(idle_seconds=0.05) as server, connect(server) as stream:
        assert stream.recv(1) == b""


def test_many_connections_are_served_side_by_side(server: SandboxServer) -> None:
    held = [connect(server) for _ in range(50)]
    try:
        for stream in held:
            stream.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert all(stream.recv(1000).startswith(b"HTTP/1.1 404") for stream in held)
    finally:
        for stream in held:
            stream.close()


def test_uploads_from_many_threads_are_all_kept(server: SandboxServer, client: Client) -> None:
    place = new_place(client)
    contents = [b"\xff\xd8\xff" + bytes([number]) * 1000 for number in range(16)]
    files = [{"name": f"{number}.jpg", "md5": md5(content)} for number, content in enumerate(contents)]
    jobs = client.call("POST", f"{place}/upload_jobs/", {"files": files})

    def send(number: int) -> int:
        body, content_type = form_body(jobs[number]["upload_fields"], contents[number])
        with closing(Client(server)) as other:
            return other.send("POST", "/storage/pixel-sandbox", body, **{"Content-Type": content_type})[0]

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(send, range(16))) == {204}
    ids = {"job_ids": [job["id"] for job in jobs]}
    group = client.call("PUT", f"{place}/upload_jobs/multiple_uploadFinished", ids)["group_job"]
    assert client.call("GET", f"/jobs/groups/{group['group_id']}")["success_count"] == 16
    project_id, collection_id = (int(part) for part in place.split("/")[2::2])
    for number, content in enumerate(contents):
        assert server.sandbox.stored(project_id, collection_id, f"{number}.jpg") == content


def test_closing_leaves_nothing_behind() -> None:
    before = threading.active_count()
    server = SandboxServer()
    server.start()
    port = server.port
    with connect(server) as idle, connect(server) as busy:
        busy.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        # An exchange on a third connection: by then the first two were accepted.
        exchange(server, b"GET / HTTP/1.0\r\n\r\n")
        server.close()
        server.close()
        assert idle.recv(1) == b""
    assert threading.active_count() == before
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass
    with pytest.raises(RuntimeError, match="started before"):
        server.start()


def test_it_is_not_served_to_others_by_accident() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.com"):
        with pytest.raises(ValueError, match="can be reached from other machines"):
            SandboxServer(host=host)
    assert repr(SandboxServer(host="0.0.0.0", beyond_loopback=True)) == "<SandboxServer not started>"
    with pytest.raises(RuntimeError, match="was not started"):
        _ = SandboxServer().url


def test_serve_says_when_it_is_ready_and_ends_by_interrupt() -> None:
    seen: list[str] = []

    def ready(url: str) -> None:
        seen.append(url)
        raise KeyboardInterrupt

    serve(ready=ready)
    assert seen[0].startswith("http://127.0.0.1:")


def test_it_runs_as_a_module_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-W", "error", "-m", "pixel_transports.sandbox", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            lines = list(iter(process.stdout.readline, "\n"))
            values = dict(line.rstrip("\n").split("=", 1) for line in lines)
            host, _, port = values["PIXEL_API_URL"].removeprefix("http://").partition("/")[0].partition(":")
            with socket.create_connection((host, int(port)), timeout=5) as stream:
                stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert select.select([stream], [], [], 5)[0]
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()
    assert set(values) == set(Sandbox().environment(""))


def test_it_does_not_start_where_it_cannot() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "pixel_transports.sandbox", "--port", str(taken.getsockname()[1])]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=10, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: ")
