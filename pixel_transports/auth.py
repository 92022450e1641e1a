"""The login by itself, for code that sends requests of its own.

Rules kept here:

* The token is fetched at the first use, renewed when it has to be, and never shown.
* An object of this class can be given to httpx or requests as `auth=`: it sets the header of each request.
"""

from typing import Any

from pixel_core.session import Session
from pixel_core.tokens import Account
from pixel_transports.blocking import BlockingDriver
from pixel_transports.network import Network
from pixel_transports.transports import blocking_transport


class KeyCloakAuth:
    """A login at Keycloak. Where no token can be had, PixelLoginError or PixelConnectionError is raised."""

    def __init__(self, keycloak_server_url: str, realm: str, client_id: str, username: str, password: str) -> None:
        account = Account(keycloak_server_url, realm, client_id, username, password)
        self._take(Session(keycloak_server_url, account), Network.of({}))

    @classmethod
    def of(cls, session: Session, network: Network) -> "KeyCloakAuth":
        """The login of a client, shared with it, and reached as the client reaches the world."""
        auth = cls.__new__(cls)
        auth._take(session, network)
        return auth

    def _take(self, session: Session, network: Network) -> None:
        self._session = session
        self._driver = BlockingDriver(blocking_transport(None, network))

    def __repr__(self) -> str:
        return f"<KeyCloakAuth, {self._session.tokens!r}>"

    @property
    def token(self) -> str:
        """An access token that is good now."""
        return self._driver.run(self._session.authorise())

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request
