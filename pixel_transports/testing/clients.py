"""Clients for tests: one for each call, on any transport, and where it is wanted on a clock that is turned by hand.

Rules kept here:

* A client of a test is nobody else's: `get_client`'s cache does not know it.
* It reads no settings of the machine where its transport tells where it leads, and writes no journal unless asked to.
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
"""Where clients of tests lead: no such host can ever exist (RFC 6761, section 6.4)."""


def settings_for(transport: object) -> PixelApiSettings:
    """The settings that lead to a transport which tells them (a Sandbox, a MockTransport, or anything around one of
    those); for any other, an address that does not exist with a user and a password that mean nothing.
    """
    found: Any = transport
    while found is not None and not hasattr(found, "environment"):
        found = getattr(found, "inner", None)
    if found is not None:
        return PixelApiSettings(**found.environment(ADDRESS))
    return PixelApiSettings(
        PIXEL_USERNAME="someone@example.com",
        PIXEL_PASSWORD="password",  # noqa: S106 - it opens nothing
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
    """A client of its own, for one test. Keywords are those of `get_client`; without `settings` they are
    `settings_for(transport)`, without `journal` there is none.

    With `clock`, the client's waits take no time: they turn the clock. A Sandbox behind it has to go by the same clock,
    or its jobs never end for the client: `Sandbox(clock=clock)`. Pickling such a client copies the clock.

    Raises TypeError for unknown keywords and for what is no transport, ValueError for wrong values. Sends nothing.
    """
    settings = settings_for(kwargs.get("transport")) if settings is None else settings
    keywords = cast(PixelClientKwargs, {"journal": None, **kwargs})
    kind = PixelClientAsync if async_ else PixelClient
    if clock is not None:
        from pixel_transports.testing.drivers import AsyncTimedDriver, TimedDriver  # late: it loads the sandbox

        keywords["driver"] = partial(AsyncTimedDriver if async_ else TimedDriver, clock=clock)
    return kind.from_settings(settings, **keywords)
