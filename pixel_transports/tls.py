"""TLS: one context for all connections that bring none of their own, with the system's trust store."""

import ssl
from functools import cache
from threading import Lock

_lock = Lock()


@cache
def _make() -> ssl.SSLContext:
    context = ssl.create_default_context()  # TLS 1.2 or newer, certificates and host names checked
    context.set_alpn_protocols(["http/1.1"])
    return context


def shared_context() -> ssl.SSLContext:
    """The shared context; made at the first use, since loading a trust store takes a while."""
    with _lock:
        return _make()
