"""What all tests share: a sandbox on a real socket, asyncio and trio, and watchers of blocked loops."""

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import Sandbox, SandboxServer

# A test runner in the background may ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=20_000, suppress_health_check=list(HealthCheck))
settings.load_profile("default")

SLOW = ("benchmarks/test_benchmarks.py", "system/browser", "system/cluster", "system/storage", "system/thirdparty")
"""Files and folders whose tests have the marker `slow`: other people's servers, browsers, clusters, and benchmarks."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if any(item.path.is_relative_to(here / each) for each in SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def no_blocked_loops() -> Iterator[None]:
    """Fail a test in which our code blocks an asyncio loop. Only the folder of a sandbox that is no longer used may be
    removed there, with the garbage, and a scripted peer may end.
    """
    with blockbuster_ctx(scanned_modules=["pixel_core", "pixel_transports"]) as blockbuster:
        for function in blockbuster.functions.values():
            function.can_block_in("sandbox/objects.py", "_remove_folder")
            function.can_block_in("testing/checks/peers.py", "__exit__")
        yield


@pytest.fixture(scope="session")
def journals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the journals of uploads are."""
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, journals: Path) -> None:
    """No setting of the machine that runs the tests reaches them, and they leave nothing in its user's folders."""
    monkeypatch.setenv("PIXEL_JOURNAL", str(journals / f"{uuid.uuid4().hex}.sqlite"))
    monkeypatch.setenv("PIXEL_CONFIG", str(journals / uuid.uuid4().hex))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("PIXEL_PROFILE", raising=False)
    for name in ("ENV", "USERNAME", "PASSWORD", "TENANT", "API_URL", "AUTH_SERVER_URL", "CLIENT_NO_VERSION_CHECK"):
        monkeypatch.delenv(f"PIXEL_{name}", raising=False)
        monkeypatch.delenv(f"KEYCLOAK_{name}", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A sandbox behind a socket, which takes parts of any size."""
    with SandboxServer(Sandbox(job_seconds=0.02, min_part_bytes=0)) as running:
        yield running


@pytest.fixture
def pixel_settings(server: SandboxServer) -> PixelApiSettings:
    """Settings that lead to `server`."""
    return PixelApiSettings(**server.sandbox.environment(server.url))
