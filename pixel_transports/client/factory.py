"""`get_client`: returns the client for settings and keywords.

Rules kept here:

* Equal settings and keywords give the same client, from any thread. The environment is read at each call: changed
  settings or proxies give another client. Blocking and async clients are kept apart.
* Settings are equal if they name the same API and the same login.
* An unhashable keyword is compared by its identity; time limits and the journal are compared by value.
* A closed client is replaced at the next call. Nothing is sent.
"""

from typing import Literal, Unpack, overload

from pixel_core.redaction import hide_arguments
from pixel_transports.client.asynchronous import PixelClientAsync
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.cache import cached
from pixel_transports.client.config import ClientConfig, PixelClientKwargs, check_known
from pixel_transports.client.settings import PixelApiSettings, account_of, settings_for_token, settings_now


@overload
def get_client(
    async_: Literal[False] = False, settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClient: ...
@overload
def get_client(
    async_: Literal[True], settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClientAsync: ...
@overload
def get_client(
    async_: bool, settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClient | PixelClientAsync: ...
def get_client(
    async_: bool = False, settings: PixelApiSettings | None = None, **kwargs: Unpack[PixelClientKwargs]
) -> PixelClient | PixelClientAsync:
    """Return the client for these settings, by default those of the environment. With `async_` it is the async client.

    The client is cached: later calls return it again, unless the settings have changed or it was closed. With `token`,
    the environment needs no user and password. Raises PixelSettingsError (a ValueError) for missing or wrong settings,
    TypeError for unknown keywords, ValueError for wrong values. Sends nothing.
    """
    hide_arguments(kwargs, PixelClientKwargs.__annotations__)
    check_known(kwargs)
    if settings is not None and not hasattr(settings, "PIXEL_API_URL"):
        raise TypeError(f"settings has to be PixelApiSettings, not {type(settings).__name__}")
    if settings is None:
        settings = settings_now() if kwargs.get("token") is None else settings_for_token()
    kind = PixelClientAsync if async_ else PixelClient
    config = ClientConfig.from_keywords(settings.PIXEL_API_URL, account_of(settings), kwargs)
    return cached(lambda: kind.from_settings(settings, **kwargs), config.key(kind))
