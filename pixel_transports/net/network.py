"""How a client reaches the world, out of its keywords and the environment.

Rules kept here:

* The environment is read when a client is made, or asked for, and not later. Without the keyword it tells the proxies;
  with it, it does not count.
* What is wrong is told before anything is sent, and no password is shown.
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
    """What the default transports are made with. It can be compared and hashed; an SSLContext is known by identity."""

    proxies: Proxies = Proxies()
    tls: TlsOptions | ssl.SSLContext | None = None

    __hash__ = hash_of_fields

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Any]) -> "Network":
        """From the keywords of a client. Raises TypeError for a wrong type, and where a transport is given besides;
        ValueError for what is no HTTP proxy.
        """
        tls = keywords.get("tls")
        if not isinstance(tls, (TlsOptions, ssl.SSLContext, type(None))):
            raise TypeError(f"tls has to be TlsOptions, an ssl.SSLContext or None, not {type(tls).__name__}")
        if keywords.get("transport") is not None:
            for name in ("proxy", "tls"):
                if keywords.get(name) is not None:
                    raise TypeError(f"{name} is for the default transport: give it to the transport that is given")
            return cls()
        proxies = Proxies.from_url(keywords["proxy"]) if "proxy" in keywords else _proxies.get()
        return cls(proxies, tls)
