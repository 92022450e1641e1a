"""Runs cases on this library's clients; started by the conformance test.

Rules kept here:

* The clients are the public ones, over real sockets, with nothing patched.
* A polygon is a GeoJSON mapping here, where the reference wants a model.
"""

from typing import Any

from pixel_core import models
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync
from tests.system.conformance.driving import drive


def make(is_async: bool, url: str) -> PixelClient | PixelClientAsync:
    """A client for the recording server."""
    kind = PixelClientAsync if is_async else PixelClient
    return kind(f"{url}/api/acme", f"{url}/auth", "Acme", "frontend", "kari@example.com", "pass wørd&=")


def main() -> None:
    def named(name: str) -> Any:
        return PixelApiSettings if name == "PixelApiSettings" else getattr(models, name)

    drive(make, named, dict)


if __name__ == "__main__":
    main()
