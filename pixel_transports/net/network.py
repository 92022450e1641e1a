"""The network settings of a client: proxies and TLS.

The environment is read when a client is made or requested, and not later. The keyword `proxy` replaces it. Invalid
settings are errors before anything is sent. No error shows a password.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from pixel_core.http.proxies import PROXY_VARIABLES, Proxies
from pixel_core.values import hash_of_fields, value
from pixel_transports.net.tls import TlsOptions
from pixel_transports.runtime.environment import CachedEnvironment

_proxies = CachedEnvironment((*PROXY_VARIABLES, "REQUEST_METHOD"), Proxies.from_environment)


@value
class Network:
    """The settings of the default transports. They compare by value; an SSLContext compares by identity."""

    proxies: Proxies = Proxies()
    tls: TlsOptions | ssl.SSLContext | None = None

    __hash__ = hash_of_fields

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Any]) -> "Network":
        """Read the keywords of a client. Raises TypeError for a wrong type, and if a transport is given as well;
        ValueError for an invalid `proxy`. One of the environment is an error where it is used.
        """
        tls = keywords.get("tls")
        if not isinstance(tls, (TlsOptions, ssl.SSLContext, type(None))):
            raise TypeError(f"tls has to be TlsOptions, an ssl.SSLContext or None, not {type(tls).__name__}")
        if keywords.get("transport") is not None:
            for name in ("proxy", "tls"):
                if keywords.get(name) is not None:
                    raise TypeError(f"{name} is for the default transport: set it on the transport that you pass")
            return cls()
        proxies = Proxies.from_url(keywords["proxy"]) if "proxy" in keywords else _proxies.get()
        return cls(proxies, tls)
