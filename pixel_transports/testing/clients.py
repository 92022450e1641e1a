"""Clients for tests: a new one per call, on any transport, and optionally on a manual clock.

The client is not in the cache of `get_client`. Its settings are those of the transport, not of the environment. It has
no journal by default.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, cast, overload

from pixel_core.redaction import hide_arguments
from pixel_transports.client.asynchronous import PixelClientAsync
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.settings import PixelApiSettings

if TYPE_CHECKING:
    from pixel_transports.sandbox import ManualClock

ADDRESS = "http://pixel.invalid"
"""The address of test clients: such a host cannot exist (RFC 6761, section 6.4)."""


def settings_for(transport: object = None, url: str | None = None, **changes: Any) -> PixelApiSettings:
    """The settings of a Sandbox, a SandboxServer, a MockTransport, a Replay, or a transport around one; invented
    settings for other transports. They lead to `url`, by default to a host that cannot exist.

    With an address in place of a transport, as `settings_for("http://127.0.0.1:8000")`, they are those of the sandbox
    that is served there. `changes` replace settings: `settings_for(sandbox, PIXEL_PASSWORD="wrong")`. Raises ValueError
    for wrong settings.
    """
    found: Any = transport
    if isinstance(transport, str):
        from pixel_transports.sandbox import Sandbox  # late: a mock does not need it

        found, url = Sandbox(), transport
    while found is not None and not hasattr(found, "environment"):
        url = url or getattr(found, "url", None)
        found = getattr(found, "inner", None) or getattr(found, "sandbox", None)
    values = _INVENTED if found is None else found.environment(url or ADDRESS)
    if found is None and url is not None:
        values = {name: value.replace(ADDRESS, url.rstrip("/")) for name, value in _INVENTED.items()}
    return PixelApiSettings(**{**values, **changes})


_INVENTED = {
    "PIXEL_USERNAME": "user@example.com",
    "PIXEL_PASSWORD": "password",
    "PIXEL_TENANT": "Test",
    "PIXEL_API_URL": f"{ADDRESS}/api/test",
    "PIXEL_AUTH_SERVER_URL": f"{ADDRESS}/auth",
}

B = TypeVar("B", bound=PixelClient | PixelClientAsync)


@overload
def client(
    async_: bool = False,
    settings: PixelApiSettings | None = None,
    *,
    clock: "ManualClock | None" = None,
    client_class: type[B],
    **kwargs: Unpack[PixelClientKwargs],
) -> B: ...
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
    client_class: type[Any] | None = None,
    **kwargs: Unpack[PixelClientKwargs],
) -> PixelClient | PixelClientAsync:
    """Make a client for one test. Keywords are those of `get_client`. `settings` is `settings_for(transport)` by
    default, and `journal` is None. `client_class` is a client class of your own, blocking or async, such as those of
    `faces(Group)`; it decides in place of `async_`.

    With `clock`, waits of the client take no time: they move the clock. A Sandbox needs the same clock, or its jobs do
    not end: `Sandbox(clock=clock)`. Pickling such a client copies the clock.

    Raises TypeError for unknown keywords and wrong transports, ValueError for wrong values. Sends nothing.
    """
    hide_arguments(kwargs, PixelClientKwargs.__annotations__)
    transport: Any = kwargs.get("transport")
    settings = settings_for(transport) if settings is None else settings
    while transport is not None:
        if hasattr(transport, "remember"):  # a Recorder
            transport.remember(settings)
        transport = getattr(transport, "inner", None)
    keywords = cast(PixelClientKwargs, {"journal": None, **kwargs})
    kind = client_class or (PixelClientAsync if async_ else PixelClient)
    if clock is not None:
        from pixel_transports.testing.drivers import AsyncTimedDriver, TimedDriver  # late: it loads the sandbox

        driver = AsyncTimedDriver if issubclass(kind, PixelClientAsync) else TimedDriver
        keywords["driver"] = partial(driver, clock=clock)
    return kind.from_settings(settings, **keywords)
