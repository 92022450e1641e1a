"""Fixtures for tests with a real object storage: one gateway for all, and a Pixel for each test that stores in it.

Tests are skipped where the gateway cannot be installed, and fail where `PIXEL_JUICEFS` names no program.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pytest

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer
from tests.support.callers import client_of
from tests.system.storage.gateway import Gateway, NoGatewayError, program
from tests.system.storage.minio import Bucket
from tests.system.storage.pixel import BucketPixel

MIB = 1024 * 1024
Call: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    # The program is large, so it is not left in a folder of pytest.
    with TemporaryDirectory() as folder:
        try:
            found = program(Path(folder))
        except NoGatewayError as error:
            if "PIXEL_JUICEFS" in os.environ:
                pytest.fail(str(error))
            pytest.skip(f"MinIO's gateway cannot be had: {error}")
        with Gateway(found, Path(folder)) as running:
            yield running


@pytest.fixture
def bucket(gateway: Gateway) -> Bucket:
    return Bucket(gateway.host, gateway.bucket, gateway.secret)


@pytest.fixture
def pixel(bucket: Bucket) -> BucketPixel:
    return BucketPixel(bucket)


@pytest.fixture
def pixel_settings(pixel: BucketPixel) -> Iterator[PixelApiSettings]:
    """Settings that lead to `pixel`. At the end it has no failures, and its own storage had no requests."""
    with SandboxServer(pixel) as server:
        yield PixelApiSettings(**pixel.environment(server.url))
    assert list(pixel.failures) == []
    assert pixel.stored_itself == []


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
