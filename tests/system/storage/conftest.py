"""Fixtures for tests with a real object storage: one gateway for all, and a Pixel for each test that stores in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pytest

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from tests.support.callers import client_of
from tests.system.storage.gateway import gateway
from tests.system.storage.minio import Bucket
from tests.system.storage.pixel import BucketPixel

MIB = 1024 * 1024
Call: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    with TemporaryDirectory() as folder, gateway(Path(folder)) as bucket:
        yield bucket


@pytest.fixture
def pixel(bucket: Bucket) -> BucketPixel:
    return BucketPixel(bucket)


@pytest.fixture
def pixel_settings(pixel: BucketPixel) -> Iterator[PixelApiSettings]:
    """Settings that lead to `pixel`. At the end it has no failures, and its own storage had no requests."""
    with SandboxServer(pixel) as server:
        yield PixelApiSettings(**pixel.environment(server.url))
    assert list(pixel.failures) == []
    assert not any(request.path.startswith("/storage") for request in pixel.received)


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def call(request: pytest.FixtureRequest, pixel_settings: PixelApiSettings) -> Iterator[Call]:
    with client_of(request.param, pixel_settings) as call:
        yield call


def write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def place(call: Call, kind: str) -> tuple[int, int]:
    """A new project, and a data collection of this kind in it."""
    project_id = call("create_project", "Jæren", "Flights", SAMPLE_AREA)["id"]
    return project_id, call("create_data_collection", project_id, "May", "Morning", kind)["id"]
