"""A real peer, `openssl s_server`: records of TLS that carry no data, and certificates that are asked for late."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which

import pytest
import trustme

from pixel_core.errors import PixelTimeoutError
from pixel_core.messages import Body, Headers, Origin, Request, Timeouts
from pixel_transports.net.tls import TlsOptions
from tests.support.peers import LARGE, OK, PATIENCE, Face, eventually, whole_file

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="there is no program openssl")


class Server:
    """A server that prints what it receives, with the names of TLS messages, and acts on what is written to it. Zeros
    are left out of `output`.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.output = bytearray()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for(b"ACCEPT 127.0.0.1:")
        eventually(lambda: b"\n" in self.output.partition(b"ACCEPT ")[2])
        port = int(self.output.partition(b"ACCEPT 127.0.0.1:")[2].split(b"\n")[0])
        self.origin = Origin("https", "localhost", port)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # The output is closed, since the test is over.
            while data := self._process.stdout.read1(65536):  # type: ignore[attr-defined]
                self.output += data.replace(b"\0", b"")

    def write(self, data: bytes) -> None:
        """Give it a command (one letter and a line break), or data to send."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def wait_for(self, text: bytes, after: bytes = b"") -> None:
        eventually(
            lambda: text in (self.output.partition(after)[2] if after else self.output),
            lambda: f"{text!r} in {bytes(self.output[-2000:])!r}",
        )

    def request(self, method: str = "GET", body: Body = b"", **limits: float) -> Request:
        timeouts = Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)._replace(**limits)
        return Request(method, self.origin, "/a", Headers({"X-End": "of-head"}), body, timeouts)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with an authority, and certificates of a server and of a client."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in ("localhost", "client@pixel.test"):
        authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(tmp_path / f"{name}.pem")
    return tmp_path


@contextmanager
def openssl(files: Path, *options: str) -> Iterator[Server]:
    where = ["-accept", "127.0.0.1:0", "-cert", "localhost.pem", "-CAfile", "ca.pem"]
    command = ["openssl", "s_server", *where, "-msg", *options]
    with subprocess.Popen(
        command, cwd=files, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


@pytest.mark.parametrize("limit", ["read", "total"])
def test_key_updates_do_not_extend_a_limit_and_are_answered(face: Face, files: Path, limit: str) -> None:
    face.open(tls=TlsOptions(files / "ca.pem"))
    with openssl(files, "-tls1_3") as server:
        answer = face.start(server.request(read=1.0) if limit == "read" else server.request(total=1.0))
        server.wait_for(b"of-head")
        for _ in range(200):
            if answer.done():
                break
            server.write(b"K\n")
            threading.Event().wait(0.05)
        message = {"read": r"no answer within 1 seconds", "total": r"the total limit of 1 seconds is over"}[limit]
        with pytest.raises(PixelTimeoutError, match=message):
            answer.result(0)
        assert server.output.count(b"<<< TLS 1.3, Handshake [length 0005], KeyUpdate") > 5


@pytest.mark.parametrize(("version", "command"), [("-tls1_2", b"R\n"), ("-tls1_3", b"c\n")])
@pytest.mark.parametrize("size", [0, LARGE], ids=["after a request", "while a file is sent"])
def test_a_certificate_that_is_asked_for_late_is_sent(
    face: Face, files: Path, version: str, command: bytes, size: int
) -> None:
    """By renegotiation in TLS 1.2, which needs answers before more of a file can be sent."""
    face.open(tls=TlsOptions(files / "ca.pem", files / "client@pixel.test.pem"))
    with (files / "photo.jpg").open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(b"end-of-file")
    with openssl(files, version, "-no_resumption_on_reneg") as server:
        answer = face.start(server.request("PUT", whole_file(files / "photo.jpg") if size else b""))
        server.wait_for(b"of-head")
        server.write(command)
        server.wait_for(b", CertificateVerify", after=b"SSL_do_handshake -> 1")
        assert not size or b"end-of-file" not in server.output.partition(b", CertificateVerify")[0]
        if size:
            server.wait_for(b"end-of-file")
        server.write(OK)
        assert (answer.result(PATIENCE).status, answer.result().body) == (200, b"ok")
