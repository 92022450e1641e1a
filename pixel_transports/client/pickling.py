"""Clients and logins on their way to other processes: what is pickled, and how it wakes up.

Rules kept here:

* What goes along is who logs in where (the password too: a pickle is as secret as that), the keywords, and the options
  of a light copy; no connection, no token, and no list of answers, since nobody here would see what is added there.
* What cannot be pickled is a TypeError that names the keyword. What pickle cannot but cloudpickle can goes by way of
  that, where the program uses it (Dask and Ray do).
* A process that wakes the same client many times has one: it logs in once and keeps its connections. It stands in the
  cache of `get_client`, which gives the same for the same settings and keywords, and is replaced when it was closed.
* The login of a client (`client.auth`) goes as its client and wakes up as the login of that, which it shares; one by
  itself goes as its account, and a process has one of it.
"""

import pickle
import sys
from dataclasses import astuple
from typing import Any, TypeAlias

from pixel_core.messages import Timeouts
from pixel_core.session.options import CallOptions
from pixel_core.session.tokens import Account
from pixel_transports.client.auth import KeyCloakAuth, LoginConfig
from pixel_transports.client.clients import ClientConfig, PixelClient, PixelClientAsync
from pixel_transports.client.factory import cached, key_of
from pixel_transports.net.network import Network

AnyClient: TypeAlias = PixelClient | PixelClientAsync


def reduce_client(kind: type[Any], made_of: ClientConfig, changes: CallOptions) -> tuple[Any, ...]:
    """How a client is pickled (`object.__reduce__`). Raises TypeError."""
    keywords = tuple((name, pickled(name, value)) for name, value in sorted(made_of.keywords.items()))
    options: dict[str, Any] = {name: value for name, value in changes.items() if name != "answers"}
    if "timeout" in options:
        options["timeout"] = Timeouts.parse(options["timeout"])
    if "headers" in options:
        options["headers"] = dict(options["headers"])
    return rebuild_client, (kind, made_of.url, made_of.account, keywords, options)


def rebuild_client(
    kind: type[Any],
    url: str,
    account: Account,
    keywords: tuple[tuple[str, bytes], ...],
    options: CallOptions,
) -> AnyClient:
    """The client that was pickled, as it is in this process."""

    given = {name: pickle.loads(value) for name, value in keywords}  # noqa: S301
    # By its values it is the client of `get_client`. Values that are equal to nothing but themselves (most listeners)
    # are new ones each time: by its bytes it is the one that was woken before. The proxies are those of this moment.
    by_value = key_of(kind, url, account, given)
    by_bytes = (kind, url, account, keywords, Network.from_keywords(given))
    client: AnyClient = cached(lambda: kind(url, *astuple(account), **given), by_value, by_bytes)
    return client.with_options(**options) if options else client


def reduce_login(kind: type[Any], made_of: LoginConfig) -> tuple[Any, ...]:
    """How a login is pickled. Raises TypeError where it is that of a client which cannot be."""
    if isinstance(made_of, Account):
        return rebuild_login, (kind, made_of)
    return login_of_rebuilt, reduce_client(*made_of)[1]


def rebuild_login(kind: type[KeyCloakAuth], account: Account) -> KeyCloakAuth:
    """The login by itself that was pickled, as it is in this process."""
    return cached(lambda: kind(*astuple(account)), (kind, account, Network.from_keywords({})))


def login_of_rebuilt(*made_of: Any) -> KeyCloakAuth:
    """The login of the client that was pickled with it."""
    return rebuild_client(*made_of).auth


def pickled(name: str, value: object) -> bytes:
    """A value by itself, so that equal ones are known again, and a wrong one can be named."""
    cloudpickle = sys.modules.get("cloudpickle")
    try:
        data = pickle.dumps(value)
        if cloudpickle is None or b"__main__" not in data:
            return data
    except Exception as error:
        if cloudpickle is None:
            raise _refused(name, value) from error
    try:  # What is defined in the program itself is not found by its name in another one.
        by_value: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise _refused(name, value) from error
    return by_value


def _refused(name: str, value: object) -> TypeError:
    return TypeError(
        f"this client cannot be pickled, since its keyword {name!r} ({type(value).__name__}) cannot be: "
        "give something that is found by its name (a function of a module), or make the client where it is used"
    )
