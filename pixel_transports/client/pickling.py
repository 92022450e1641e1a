"""Pickling of clients: what a pickle holds, and how a client is rebuilt from it.

Rules kept here:

* A pickle holds the address, the account with its password, the keywords, and the options of a copy. It holds no
  connection, no token, and no list of answers. It is as secret as the password.
* A keyword that cannot be pickled raises TypeError with its name. cloudpickle is used if the program has imported it,
  as Dask and Ray do.
* A process that loads the same client repeatedly has one client, with one login. It is in the cache of `get_client`.
"""

import pickle
import sys
from dataclasses import astuple
from typing import Any

from pixel_core.messages import Timeouts
from pixel_core.session.options import CallOptions
from pixel_core.session.tokens import Account
from pixel_transports.client.cache import cached
from pixel_transports.client.config import ClientConfig


def reduce_client(kind: type[Any], config: ClientConfig) -> tuple[Any, ...]:
    """Reduce a client for pickle (`object.__reduce__`). Raises TypeError."""
    keywords = tuple((name, pickle_value(name, value)) for name, value in sorted(config.keywords.items()))
    options: dict[str, Any] = {name: value for name, value in config.changes.items() if name != "answers"}
    watching = tuple(
        (name, pickle_value(name, options.pop(name))) for name in ("listener", "cancel") if name in options
    )
    if "timeout" in options:
        options["timeout"] = Timeouts.parse(options["timeout"])
    if "headers" in options:
        options["headers"] = dict(options["headers"])
    return rebuild_client, (kind, config.url, config.account, keywords, options, watching)


def rebuild_client(
    kind: type[Any],
    url: str,
    account: Account,
    keywords: tuple[tuple[str, bytes], ...],
    options: CallOptions,
    watching: tuple[tuple[str, bytes], ...],
) -> Any:
    """Rebuild a pickled client, or return the equal client of this process."""
    values = {name: pickle.loads(value) for name, value in keywords}  # noqa: S301
    config = ClientConfig.from_keywords(url, account, values)
    # The first key finds the client of `get_client`. The second finds a client that was rebuilt from the same pickle:
    # a listener is often equal to nothing but itself, and has another identity each time that it is loaded.
    keys = config.key(kind), (kind, url, account, keywords, config.network)
    client = cached(lambda: kind(url, *astuple(account), **values), *keys)
    changes: Any = {**options, **{name: pickle.loads(each) for name, each in watching}}  # noqa: S301
    return client.with_options(**changes) if changes else client


def pickle_value(name: str, value: object) -> bytes:
    """Pickle the value of a keyword. Raises TypeError with the name of the keyword."""
    cloudpickle = sys.modules.get("cloudpickle")
    try:
        data = pickle.dumps(value)
        if cloudpickle is None or b"__main__" not in data:
            return data
    except Exception as error:
        if cloudpickle is None:
            raise _refused(name, value) from error
    try:  # by value: another process cannot import what `__main__` defines
        by_value: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise _refused(name, value) from error
    return by_value


def _refused(name: str, value: object) -> TypeError:
    return TypeError(
        f"this client cannot be pickled, since its keyword {name!r} ({type(value).__name__}) cannot be: "
        "use an importable object (a function of a module), or make the client in the process that uses it"
    )
