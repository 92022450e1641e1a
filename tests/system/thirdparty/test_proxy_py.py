"""Through proxy.py: forwarded and in tunnels, with and without credentials, also over TLS; and a whole client."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme
from pixel_client import PixelApiSettings, PixelUploadFile

from pixel_core.errors import PixelProxyError
from pixel_core.http.proxies import Proxies
from pixel_core.messages import Headers, Origin, Request, Timeouts
from pixel_transports.net.tls import TlsOptions
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos
from tests.support.callers import client_of
from tests.support.environments import process, venv_with
from tests.support.peers import (
    PATIENCE,
    Face,
    Peer,
    eventually,
    keep_answering,
    server_context,
    trusting_context,
    unused_port,
)
from tests.system.thirdparty.conftest import listens

REQUIREMENT = "proxy.py==2.4.10"
USER, PASSWORD = "user", "s3cr3t"
LIMITS = Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)
PHOTOS = sample_photos()[:3]


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[dict[str, str]]:
    """The addresses of four proxies: plain and over TLS, each with and without a password."""
    folder = tmp_path_factory.mktemp("proxy.py")
    own = authority.issue_cert("localhost")
    own.private_key_pem.write_to_path(folder / "key.pem")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    secure = ["--cert-file", str(folder / "cert.pem"), "--key-file", str(folder / "key.pem")]
    closed = ["--basic-auth", f"{USER}:{PASSWORD}"]
    ways = {"http": [], "https": secure, "http with password": closed, "https with password": [*secure, *closed]}
    with ExitStack() as stack:
        yield {
            name: f"{name.split()[0]}://localhost:{stack.enter_context(running(folder, name, flags))}"
            for name, flags in ways.items()
        }


@contextmanager
def running(folder: Path, name: str, flags: list[str]) -> Iterator[int]:
    """A proxy with these flags; its port."""
    port_file, log = folder / f"{name}.port", folder / f"{name}.log"
    own = folder / name
    own.mkdir()
    command: list[str | Path] = [
        venv_with(REQUIREMENT),
        "-m",
        "proxy",
        "--hostname",
        "127.0.0.1",
        "--port",
        "0",
        *flags,
    ]
    command += ["--data-dir", own, "--port-file", port_file, "--num-workers", "1", "--num-acceptors", "1"]
    # By default it closes idle connections after 10 seconds, which is short on a busy machine.
    command += ["--timeout", "120"]
    with process(command, log, {"HOME": str(own)}) as child:
        eventually(
            lambda: child.poll() is not None or (port_file.exists() and listens(port_file.read_text())),
            lambda: log.read_text(),
        )
        assert child.poll() is None, log.read_text()
        yield int(port_file.read_text())


def with_user(url: str, user: str = USER, password: str = PASSWORD) -> str:
    return url.replace("://", f"://{user}:{password}@")


@pytest.mark.parametrize("way", ["http", "https", "http with password", "https with password"])
@pytest.mark.parametrize("secure", [False, True], ids=["forwarded", "in a tunnel"])
def test_requests_come_through(
    face: Face, proxies: dict[str, str], authority: trustme.CA, way: str, secure: bool
) -> None:
    url = with_user(proxies[way]) if "password" in way else proxies[way]
    face.open(proxies=Proxies.from_url(url), tls=trusting_context(authority))
    context = server_context(authority) if secure else None
    with Peer([keep_answering()], context=context, host="localhost") as peer:
        for method in ("GET", "POST", "GET"):
            body = b"x" * 100_000 if method == "POST" else b""
            assert face.send(peer.request(method, body=body)).body == b"ok"
        face.close()
        if secure:  # proxy.py itself hands the credentials of later forwarded requests on to the origin
            assert b"proxy-authorization" not in peer.received().lower()
            assert peer.accepted == 1


@pytest.mark.parametrize("way", ["http with password", "https with password"])
@pytest.mark.parametrize("scheme", ["http", "https"], ids=["forwarded", "in a tunnel"])
@pytest.mark.parametrize(
    ("user", "hint"), [(None, "wants a user and a password"), ("wrong", "does not accept this user and password")]
)
def test_without_the_right_credentials_it_is_a_407_that_says_what_to_do(
    face: Face, proxies: dict[str, str], authority: trustme.CA, way: str, scheme: str, user: str | None, hint: str
) -> None:
    url = proxies[way] if user is None else with_user(proxies[way], user)
    face.open(proxies=Proxies.from_url(url), tls=trusting_context(authority))
    request = Request("POST", Origin(scheme, "localhost", unused_port()), "/", Headers(), b"{}", LIMITS)
    with pytest.raises(PixelProxyError, match=hint) as caught:
        face.send(request)
    assert caught.value.status == 407
    assert PASSWORD not in str(caught.value)
    face.wait_for_counts("0 held, 0 idle, 0 waiting")


@pytest.mark.parametrize("way", ["http with password", "https with password"])
@pytest.mark.parametrize("face_name", ["blocking", "asyncio", "trio"])
def test_a_client_logs_in_and_uploads_through_it(
    pixel_settings: PixelApiSettings,
    proxies: dict[str, str],
    authority: trustme.CA,
    tmp_path: Path,
    way: str,
    face_name: str,
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = {"proxy": with_user(proxies[way]), "tls": TlsOptions(ca_file=tmp_path / "ca.pem")}
    with client_of(face_name, pixel_settings, **options) as call:
        project = call("create_project", "Jæren", "Drone flights", SAMPLE_AREA)
        collection = call("create_data_collection", project["id"], "14 May", "Morning", "image")
        photos = [PixelUploadFile(file=path) for path in PHOTOS]
        images, errors = call("upload_multiple_images", project["id"], collection["id"], photos)
    assert (len(images), errors) == (3, [])
