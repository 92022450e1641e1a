"""The login by itself, for code that sends requests of its own.

Rules kept here:

* The token is fetched at the first use, renewed when it has to be, and never shown.
* An object of this class can be given to httpx or requests as `auth=`: it sets the header of each request.
* It can be pickled, and then holds the password, as a pickled client does, and no token. A copy is the same login.
"""

from typing import TYPE_CHECKING, Any, Self, TypeAlias

from pixel_core.session.options import CallOptions
from pixel_core.session.session import Session
from pixel_core.session.tokens import Account
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.network import Network
from pixel_transports.net.transports import blocking_transport
from pixel_transports.observability.instrumentation import DriverInstrumentation

if TYPE_CHECKING:
    from pixel_transports.client.clients import ClientConfig

LoginConfig: TypeAlias = "Account | tuple[type[Any], ClientConfig, CallOptions]"
"""An account; or the client whose login it is: its class, what it was made of, and its options as a light copy."""


class KeyCloakAuth:
    """A login at Keycloak. Where no token can be had, PixelLoginError or PixelConnectionError is raised."""

    def __init__(self, keycloak_server_url: str, realm: str, client_id: str, username: str, password: str) -> None:
        account = Account(keycloak_server_url, realm, client_id, username, password)
        self._take(Session(keycloak_server_url, account), Network.from_keywords({}), account)

    @classmethod
    def of(cls, session: Session, network: Network, made_of: LoginConfig) -> "KeyCloakAuth":
        """The login of a client, shared with it, and reached as the client reaches the world."""
        auth = cls.__new__(cls)
        auth._take(session, network, made_of)
        return auth

    def _take(self, session: Session, network: Network, made_of: LoginConfig) -> None:
        self._session = session
        self._config = made_of
        self._driver = BlockingDriver(blocking_transport(None, network), instrumentation=DriverInstrumentation())

    def __repr__(self) -> str:
        return f"<KeyCloakAuth, {self._session.tokens!r}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from pixel_transports.client.pickling import reduce_login  # here, since hardly anyone asks for it

        return reduce_login(type(self), self._config)

    closed = False
    """There is nothing to close: connections end with the object."""

    @property
    def token(self) -> str:
        """An access token that is good now."""
        return self._driver.run(self._session.authorise())

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
