"""Login at Keycloak, for code that sends its own requests.

Rules kept here:

* The token is fetched at first use, renewed when necessary, and never shown.
* An object of this class works as `auth=` of httpx and requests: it sets the header of each request.
* Pickling it stores the password and no token. A copy is the same object.
"""

from dataclasses import astuple
from typing import Any, Self

from pixel_core.redaction import SecretText
from pixel_core.session.session import Session
from pixel_core.session.tokens import Account
from pixel_transports.client.cache import cached
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.net.network import Network
from pixel_transports.net.transports import blocking_transport
from pixel_transports.observability.instrumentation import DriverInstrumentation


class KeyCloakAuth:
    """A login at Keycloak. Raises PixelLoginError or PixelConnectionError if no token can be obtained."""

    def __init__(self, keycloak_server_url: str, realm: str, client_id: str, username: str, password: str) -> None:
        password = SecretText(password)  # in a traceback
        account = Account(keycloak_server_url, realm, client_id, username, password)
        self._init(Session(keycloak_server_url, account), Network.from_keywords({}), account)

    def _init(self, session: Session, network: Network, origin: Any) -> None:
        self._session = session
        self._origin = origin  # an account, or the client whose login it is
        self._driver = BlockingDriver(blocking_transport(None, network), instrumentation=DriverInstrumentation())

    @classmethod
    def from_client(cls, client: Any) -> "KeyCloakAuth":
        """The login of a client. It shares the client's tokens, and has its own connections."""
        auth = cls.__new__(cls)
        auth._init(client.session, client.config.network, client)
        return auth

    def __repr__(self) -> str:
        return f"<KeyCloakAuth, {self._session.tokens!r}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self._origin, Account):
            return _rebuild, (type(self), self._origin)
        return getattr, (self._origin, "auth")

    closed = False
    """Always False: there is nothing to close. The connections are closed with the object."""

    @property
    def token(self) -> str:
        """A valid access token."""
        return self._driver.run(self._session.authorise())

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _rebuild(kind: type[KeyCloakAuth], account: Account) -> KeyCloakAuth:
    return cached(lambda: kind(*astuple(account)), (kind, account, Network.from_keywords({})))
