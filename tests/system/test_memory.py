"""Memory stays flat: a file of 512 MiB goes up with a peak under 100 MiB, on both faces, single part and multipart.

The sandbox runs in a process of its own, and each upload in another, whose peak is read from the kernel.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environments import sandbox_process

MIB = 1024 * 1024
SIZE = 512 * MIB
LIMIT = 100 * MIB

UPLOAD = """
import asyncio, json, sys
from pathlib import Path
from pixel_core import Session
from pixel_transports import PixelApiSettings, get_client
from pixel_transports.sandbox import SAMPLE_AREA

environment, path, face, part_size = json.loads(sys.argv[1])
settings = PixelApiSettings(**environment)
parts = {"multipart": True, "multipart_part_size": part_size} if part_size else {}
with get_client(settings=settings) as client:
    project = client.create_project("Memory", "", SAMPLE_AREA)
    collection = client.create_data_collection(project["id"], "Memory", "", "image")
    if face == "blocking":
        image = client.upload_image(project["id"], collection["id"], path, **parts)


async def main():
    async with get_client(True, settings) as client:
        return await client.upload_image(project["id"], collection["id"], path, **parts)


if face == "async":
    image = asyncio.run(main())
status = Path("/proc/self/status").read_text()
peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps([image["size"], peak * 1024]))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc"),
]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The settings of a sandbox in another process."""
    with sandbox_process() as settings:
        yield settings


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 512 MiB that looks like a JPEG at its start, sparse on disk."""
    path = tmp_path_factory.mktemp("large") / "large.jpg"
    with path.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(SIZE)
    return path


@pytest.mark.parametrize("part_size", [0, 8 * MIB], ids=["single part", "multipart"])
@pytest.mark.parametrize("face", ["blocking", "async"])
def test_an_upload_of_512_mib_peaks_under_100_mib(
    environment: dict[str, str], large_file: Path, face: str, part_size: int
) -> None:
    arguments = json.dumps([environment, str(large_file), face, part_size])
    done = subprocess.run([sys.executable, "-c", UPLOAD, arguments], stdout=subprocess.PIPE, text=True, check=True)
    size, peak = json.loads(done.stdout)
    assert size == SIZE
    assert peak < LIMIT, f"{peak / MIB:.0f} MiB"
