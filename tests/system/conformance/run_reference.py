"""Runs cases on the reference client; started by the conformance test in the environment that holds it.

Rules kept here:

* Nothing of this library is imported, and that is checked: the client is the one that was installed from the index.
* Its pauses are cut short (`time.sleep`, `asyncio.sleep`): it waits 3 s between two looks at a job, and up to minutes
  before it repeats a request to the object storage.
"""

import asyncio
import importlib
import importlib.metadata
import sys
import time
from typing import Any

from tests.system.conformance.driving import drive

REFERENCE = "1.2.8"


def cut_pauses_short() -> None:
    """Shorten all sleeps of this process."""
    real: Any = asyncio.sleep

    async def sleep(delay: float, result: Any = None) -> Any:
        return await real(0 if delay <= 0 else 0.001, result)

    asyncio.sleep = sleep
    time.sleep = lambda seconds: None


if __name__ == "__main__":
    found = importlib.metadata.version("pixel-client")
    package: Any = importlib.import_module("pixel_client")
    if found != REFERENCE or not str(package.__file__).startswith(sys.prefix):
        raise SystemExit(f"this is no environment of pixel-client {REFERENCE}: {found} at {package.__file__}")
    models: Any = importlib.import_module("pixel_client.models")
    polygon: Any = importlib.import_module("geojson_pydantic").Polygon

    def make(is_async: bool, url: str) -> Any:
        account = (f"{url}/auth", "Acme", "frontend", "kari@example.com", "pass wørd&=")
        client = package.PixelClientAsync(f"{url}/api/acme", *account)
        return client if is_async else package.PixelClient(client)

    cut_pauses_short()
    drive(make, lambda name: getattr(models, name, None) or getattr(package, name), lambda shape: polygon(**shape))
    ours = [name for name in sys.modules if name.partition(".")[0] in ("pixel_core", "pixel_transports")]
    if ours:
        raise SystemExit(f"modules of this library were loaded beside the reference: {', '.join(ours)}")
