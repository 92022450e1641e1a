"""Clients for tests: a new one per call, on any transport, and optionally on a manual clock.

The client is not in the cache of `get_client`. Its settings are those of the transport, not of the environment. It has
no journal by default.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from pixel_transports.client.asynchronous import PixelClientAsync
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.settings import PixelApiSettings

if TYPE_CHECKING:
    from pixel_transports.sandbox import ManualClock

ADDRESS = "http://pixel.invalid"
"""The address of test clients: such a host cannot exist (RFC 6761, section 6.4)."""


def settings_for(transport: object) -> PixelApiSettings:
    """The settings of a Sandbox, a MockTransport, or a transport around one; invented settings for other transports."""
    found: Any = transport
    while found is not None and not hasattr(found, "environment"):
        found = getattr(found, "inner", None)
    if found is not None:
        return PixelApiSettings(**found.environment(ADDRESS))
    return PixelApiSettings(
        PIXEL_USERNAME="user@example.com",
        PIXEL_PASSWORD="password",  # noqa: S106 - invented
        PIXEL_TENANT="Test",
        PIXEL_API_URL=f"{ADDRESS}/api/test",
        PIXEL_AUTH_SERVER_URL=f"{ADDRESS}/auth",
    )


@overload
def client(
    async_: Literal[False] = False,
    settings: PixelApiSettings | None = None,
    *,
    clock: "ManualClock | None" = None,
    **kwargs: Unpack[PixelClientKwargs],
) -> PixelClient: ...
@overload
def client(
    async_: Literal[True],
    settings: PixelApiSettings | None = None,
    *,
    clock: "ManualClock | None" = None,
    **kwargs: Unpack[PixelClientKwargs],
) -> PixelClientAsync: ...
@overload
def client(
    async_: bool,
    settings: PixelApiSettings | None = None,
    *,
    clock: "ManualClock | None" = None,
    **kwargs: Unpack[PixelClientKwargs],
) -> PixelClient | PixelClientAsync: ...
def client(
    async_: bool = False,
    settings: PixelApiSettings | None = None,
    *,
    clock: "ManualClock | None" = None,
    **kwargs: Unpack[PixelClientKwargs],
) -> PixelClient | PixelClientAsync:
    """Make a client for one test. Keywords are those of `get_client`. `settings` is `settings_for(transport)` by
    default, and `journal` is None.

    With `clock`, waits of the client take no time: they move the clock. A Sandbox needs the same clock, or its jobs do
    not end: `Sandbox(clock=clock)`. Pickling such a client copies the clock.

    Raises TypeError for unknown keywords and wrong transports, ValueError for wrong values. Sends nothing.
    """
    settings = settings_for(kwargs.get("transport")) if settings is None else settings
    keywords = cast(PixelClientKwargs, {"journal": None, **kwargs})
    kind = PixelClientAsync if async_ else PixelClient
    if clock is not None:
        from pixel_transports.testing.drivers import AsyncTimedDriver, TimedDriver  # late: it loads the sandbox

        keywords["driver"] = partial(AsyncTimedDriver if async_ else TimedDriver, clock=clock)
    return kind.from_settings(settings, **keywords)
