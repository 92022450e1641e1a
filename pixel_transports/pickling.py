"""Clients on their way to other processes: what is pickled, and how it wakes up.

Rules kept here:

* What goes along is who logs in where (the password too: a pickle is as secret as that), the keywords, and the options
  of a light copy; no connection, no token, and no list of answers, since nobody here would see what is added there.
* What cannot be pickled is a TypeError that names the keyword. What pickle cannot but cloudpickle can goes by way of
  that, where the program uses it (Dask and Ray do).
* A process that wakes the same client many times has one: it logs in once and keeps its connections. It stands in the
  cache of `get_client`, and is replaced when it was closed.
"""

import pickle
import sys
from dataclasses import astuple
from typing import Any, TypeAlias

from pixel_core.messages import Timeouts
from pixel_core.session import CallOptions
from pixel_core.tokens import Account
from pixel_transports.clients import MadeOf, PixelClient, PixelClientAsync
from pixel_transports.factory import cached

AnyClient: TypeAlias = PixelClient | PixelClientAsync


def reduced(kind: type[Any], made_of: MadeOf, changes: CallOptions) -> tuple[Any, ...]:
    """How a client is pickled (`object.__reduce__`). Raises TypeError."""
    keywords = tuple((name, _pickled(name, value)) for name, value in sorted(made_of.keywords.items()))
    options: dict[str, Any] = {name: value for name, value in changes.items() if name != "answers"}
    if "timeout" in options:
        options["timeout"] = Timeouts.of(options["timeout"])
    if "headers" in options:
        options["headers"] = dict(options["headers"])
    return woken, (kind, made_of.url, made_of.account, keywords, options)


def woken(
    kind: type[Any],
    url: str,
    account: Account,
    keywords: tuple[tuple[str, bytes], ...],
    options: CallOptions,
) -> AnyClient:
    """The client that was pickled, as it is in this process."""

    def make() -> AnyClient:
        given = {name: pickle.loads(value) for name, value in keywords}  # noqa: S301
        client: AnyClient = kind(url, *astuple(account), **given)
        return client

    client = cached((kind, url, account, keywords), make)
    return client.with_options(**options) if options else client


def _pickled(name: str, value: object) -> bytes:
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
