"""The server follows HTTP on a real socket, and leaves nothing behind."""

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from pixel_transports import PixelApiSettings, PixelClient
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer, serve
from pixel_transports.sandbox.hosts import local_host
from tests.support.paths import ROOT


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(
        Sandbox(job_seconds=0), idle_seconds=5, allowed_hosts=["x", "Other.test.", "blåbær.test"]
    ) as running:
        yield running
    assert not running.sandbox.failures


def connect(server: SandboxServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def exchange(server: SandboxServer, data: bytes) -> bytes:
    """Send data and return the response until the server closes."""
    answer = b""
    with connect(server) as stream:
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)
        while piece := stream.recv(65536):
            answer += piece
    return answer


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_photos_take_no_descriptors_and_are_read_back_in_ranges(server: SandboxServer, tmp_path: Path) -> None:
    content = b"\xff\xd8\xff" + random.Random(1).randbytes(2 * 1024 * 1024)
    (tmp_path / "a.jpg").write_bytes(content)
    with PixelClient.from_settings(PixelApiSettings(**server.sandbox.environment(server.url))) as client:
        project = client.create_project("Coast", "", SAMPLE_AREA)["id"]
        collection = client.create_data_collection(project, "Photos", "", "image")["id"]
        client.upload_image(project, collection, tmp_path / "a.jpg")
        before = descriptors()
        for _ in range(10):
            client.upload_image(project, collection, tmp_path / "a.jpg")
        assert descriptors() == before
    objects = list(server.sandbox.objects.values())
    with urlopen(f"{server.url}/_sandbox/objects") as listed:
        url = server.url + json.load(listed)[0]["path"]
    with urlopen(url) as read:
        assert content == read.read()
    with urlopen(Request(url, headers={"Range": "bytes=1048570-1048585"})) as read:
        assert (read.status, read.read()) == (206, content[1048570:1048586])
    (folder,) = {Path(piece.path).parent for stored in objects for piece in stored.pieces}
    assert len(list(folder.glob("[0-9a-f]"))) == 11


@pytest.mark.parametrize(
    ("method", "target", "size"),
    [("PUT", "/storage/pixel-sandbox/k", 5 * 1024**3 + 1), ("POST", "/storage/pixel-sandbox", 6 * 1024**3)],
)
def test_more_than_5_gib_is_refused_in_xml_before_the_body(
    server: SandboxServer, method: str, target: str, size: int
) -> None:
    if method == "PUT":
        query = server.sandbox.signer.sign_query(
            "PUT", target, {"partNumber": "1", "uploadId": "x"}, {"host": f"127.0.0.1:{server.port}"}, time.time()
        )
        target = f"{target}?{query}"
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {size}\r\n"
    answer = exchange(server, f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"<Code>EntityTooLarge</Code>" in answer
    assert b"<MaxSizeAllowed>5368709120</MaxSizeAllowed>" in answer


def test_a_full_disk_is_a_503_and_a_line_on_stderr() -> None:
    """A limit of the system stands for the full disk: no file of the process may be larger than 2 MiB."""
    code = "import resource, runpy\nresource.setrlimit(resource.RLIMIT_FSIZE, (2**21, 2**21))\n"
    code += "runpy.run_module('pixel_transports.sandbox', run_name='__main__')"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            environment = dict(line.strip().split("=", 1) for line in iter(process.stdout.readline, "\n"))
            with PixelClient.from_settings(PixelApiSettings(**environment), upload_num_retries=1) as client:
                project = client.create_project("Coast", "", SAMPLE_AREA)["id"]
                collection = client.create_data_collection(project, "Photos", "", "image")["id"]
                with tempfile.NamedTemporaryFile(suffix=".jpg") as photo:
                    photo.write(b"\xff\xd8\xff" + bytes(3 * 1024**2))
                    photo.flush()
                    with pytest.raises(Exception, match="503"):
                        client.upload_image(project, collection, photo.name)
                assert client.me().get("email") == environment["PIXEL_USERNAME"]
        finally:
            process.terminate()
        assert process.stderr is not None
        (line,) = process.stderr.read().splitlines()
    assert re.fullmatch(r"The storage cannot keep 31\d+ bytes: File too large", line)


def test_a_connection_serves_one_request_after_another(server: SandboxServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with closing(connection):
        connection.connect()
        stream, lengths = connection.sock, []
        for method, path, status in (
            *(("GET", "/api/sandbox/users/me", 401), ("GET", "/nothing", 404), ("HEAD", "/", 200)),
            *(("HEAD", "/api/sandbox/users/me", 405), ("GET", "/", 200)),
        ):
            connection.request(method, path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == status
            assert (method == "HEAD") is (body == b"")
            lengths.append(response.headers["Content-Length"])
        assert connection.sock is stream
        assert lengths[2] == lengths[4]


def test_pipelined_requests_are_answered_in_order(server: SandboxServer) -> None:
    answer = exchange(
        server, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.index(b"HTTP/1.1 404") < answer.index(b"HTTP/1.1 200")


def test_expect_100_continue_is_answered_before_the_body(server: SandboxServer) -> None:
    head = b"POST /auth/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with connect(server) as stream:
        stream.sendall(head)
        assert stream.recv(1000).startswith(b"HTTP/1.1 100")
        stream.sendall(b"hi")
        assert stream.recv(1000).startswith(b"HTTP/1.1 404")


CHUNKED = b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: multipart/form-data\r\n\r\n"
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
    (b"POST /storage/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", b"404"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", b"400"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\nab", b"400"),
    (CHUNKED % b"/" + b"zz\r\n", b"400"),
    pytest.param(CHUNKED % b"/" + b"1000001\r\n" + b"x" * 0x1000001, b"413", id="chunked body above the limit"),
    (CHUNKED % b"/storage/pixel-sandbox", b"411"),
]


@pytest.mark.parametrize(("data", "status"), REFUSED)
def test_an_invalid_request_is_refused_and_the_connection_closed(
    server: SandboxServer, data: bytes, status: bytes
) -> None:
    answer = exchange(server, data)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in answer.lower()
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_random_bytes_never_stop_the_server(server: SandboxServer) -> None:
    source = random.Random(7)
    starts = (b"", b"GET / HTTP/1.1\r\n", b"POST /storage/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    for number in range(60):
        exchange(server, starts[number % 3] + source.randbytes(source.randrange(200)))
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_an_absolute_target_is_accepted(server: SandboxServer) -> None:
    answer = exchange(server, b"GET http://other.test/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"PIXEL_API_URL=http://other.test/api/sandbox" in answer


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("127.0.0.1", 200), ("localhost:1", 200), ("LOCALHOST.", 200), ("[::1]:80", 200), ("192.168.1.2", 200)),
        *(
            ("x:8080", 200),
            ("other.test", 200),
            ("xn--blbr-roah.test", 200),
            ("sub.other.test", 421),
            ("evil.example:80", 421),
        ),
        *(("localhost.evil.example", 421), ("evil.localhost", 421), ("127.0.0.1.evil.example", 421)),
    ],
)
def test_a_name_that_is_not_allowed_is_refused_with_a_421(server: SandboxServer, host: str, status: int) -> None:
    for line in (b"GET /_sandbox/objects", b"POST /storage/x"):
        head = line + f" HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n".encode()
        body = b"Content-Length: 9\r\nExpect: 100-continue\r\n" if line.startswith(b"POST") and status == 421 else b""
        answer = exchange(server, head + body + b"\r\n")
        assert (b"--allowed-host" in answer) is (status == 421)
        assert answer.startswith(b"HTTP/1.1 421 Misdirected Request") is (status == 421), "before the body is sent"
        assert line.startswith(b"POST") or answer.startswith(f"HTTP/1.1 {status}".encode())


def test_an_idle_connection_is_closed() -> None:
    with SandboxServer(idle_seconds=0.05) as server, connect(server) as stream:
        assert stream.recv(1) == b""


def test_many_connections_are_served_concurrently(server: SandboxServer) -> None:
    held = [connect(server) for _ in range(50)]
    try:
        for stream in held:
            stream.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert all(stream.recv(1000).startswith(b"HTTP/1.1 404") for stream in held)
    finally:
        for stream in held:
            stream.close()


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


def test_a_host_allow_remote_has_to_be_allowed() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.com"):
        with pytest.raises(ValueError, match="can be reached from other machines"):
            SandboxServer(host=host)
    for name in ("", "x:80", "http://x", "x/y", "x?", "x y", "a@x", "::1"):
        with pytest.raises(ValueError, match="is no host name"):
            SandboxServer(allowed_hosts=[name])
    with pytest.raises(TypeError, match="several names"):
        SandboxServer(allowed_hosts="pixel.test")
    assert repr(SandboxServer(host="0.0.0.0", allow_remote=True)) == "<SandboxServer not started>"
    with pytest.raises(RuntimeError, match="was not started"):
        _ = SandboxServer().url


def test_a_server_at_all_addresses_is_reached_by_loopback_on_its_own_machine() -> None:
    assert [local_host(each) for each in ("0.0.0.0", "::", "localhost", "10.0.0.1")] == [
        *("127.0.0.1", "::1", "localhost", "10.0.0.1")
    ]


def test_serve_calls_ready_and_ends_after_a_keyboard_interrupt() -> None:
    urls: list[str] = []

    def ready(url: str) -> None:
        urls.append(url)
        raise KeyboardInterrupt

    serve(ready=ready)
    assert urls[0].startswith("http://127.0.0.1:")


def test_the_module_exits_with_1_if_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "pixel_transports.sandbox", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(command, text=True, capture_output=True, cwd=ROOT, timeout=10, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: ")
