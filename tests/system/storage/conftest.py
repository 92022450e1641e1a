"""Fixtures for tests with a real object storage: one gateway for all, and a Pixel for each test that stores in it.

Tests are skipped where the gateway cannot be installed, and fail where `PIXEL_JUICEFS` names no program.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import SandboxServer
from tests.system.storage.gateway import Gateway, NoGatewayError, program
from tests.system.storage.minio import Bucket
from tests.system.storage.pixel import BucketPixel


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """MinIO's S3 gateway with an empty bucket."""
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
    """The gateway's bucket, seen from the server's side."""
    return Bucket(gateway.host, gateway.bucket, gateway.secret)


@pytest.fixture
def pixel(bucket: Bucket) -> BucketPixel:
    """A Pixel that stores in the bucket."""
    return BucketPixel(bucket)


@pytest.fixture
def pixel_settings(pixel: BucketPixel) -> Iterator[PixelApiSettings]:
    """Settings that lead to `pixel`. At the end it has no failures, and its own storage had no requests."""
    with SandboxServer(pixel) as server:
        yield PixelApiSettings(**pixel.environment(server.url))
    assert list(pixel.failures) == []
    assert pixel.stored_itself == []
