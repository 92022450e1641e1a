"""Runs cases on this library's public clients, over real sockets; started by the conformance test."""

from typing import Any

from pixel_core import models
from pixel_transports import PixelApiSettings, PixelClient, PixelClientAsync
from tests.system.conformance.driving import drive


def make(is_async: bool, url: str) -> PixelClient | PixelClientAsync:
    """A client for the recording server, without a journal: a case continues no upload of another."""
    kind = PixelClientAsync if is_async else PixelClient
    account = (f"{url}/auth", "Acme", "frontend", "kari@example.com", "pass wørd&=")
    return kind(f"{url}/api/acme", *account, journal=None)


def named(name: str) -> Any:
    return PixelApiSettings if name == "PixelApiSettings" else getattr(models, name)


if __name__ == "__main__":
    drive(make, named, dict)  # a polygon is a GeoJSON mapping here, where the reference wants a model
