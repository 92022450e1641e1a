"""What the tests of the adapters share with those of our own transports."""

from tests.transports.conftest import full_listener

__all__ = ["full_listener"]
