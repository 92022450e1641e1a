"""The Pixel API: who may use it, and how the answers of its rooms go out.

Rules kept here:

* What the sandbox does not offer is a 404 "Not Found".
* The login is checked before arguments are: 401 with `WWW-Authenticate: Bearer`.
* Every answer repeats the `X-Request-ID` of its request.
"""

from typing import Any

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.exchange import Incoming, RefusedError, json_answer, refusal
from pixel_transports.sandbox.keycloak import Keycloak
from pixel_transports.sandbox.router import Route, Router, Row, arguments
from pixel_transports.sandbox.users import Account, Users

PLUGINS: tuple[dict[str, Any], ...] = (
    {"name": "optimized_raster", "enabled": True},
    {"name": "image_service", "enabled": True},
)
"""The capabilities that a tenant may have; the sandbox has both."""


class Api:
    """The API of one tenant. `rows` are the routes of its rooms."""

    def __init__(self, keycloak: Keycloak, users: Users, rows: list[Row]) -> None:
        self._keycloak = keycloak
        self._users = users
        own: list[Row] = [("GET", "users/me", self._me), ("GET", "plugins/", self._plugins)]
        self._router = Router(Route(method, tuple(path.split("/")), serve) for method, path, serve in (*own, *rows))

    def answer(self, incoming: Incoming, path: tuple[str, ...]) -> Response:
        """Answer a request below the API's base; `path` is what follows it."""
        try:
            route, found = self._router.find(incoming, path)
            self._account(incoming)
            result = route.serve(incoming, **arguments(found))
            response = result if isinstance(result, Response) else json_answer(result)
        except RefusedError as error:
            response = error.response
        if incoming.request_id is None:
            return response
        named = Headers([*response.headers, ("X-Request-ID", incoming.request_id)])
        return Response(response.status, named, response.body)

    def _account(self, incoming: Incoming) -> Account:
        """Who is asking. Raises RefusedError (401)."""
        scheme, _, token = (incoming.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise refusal(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
        account = self._keycloak.bearer(token.strip(), incoming.now)
        if account is None:
            raise refusal(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})
        return account

    def _me(self, incoming: Incoming) -> dict[str, Any]:
        return self._users.me(incoming, self._account(incoming))

    def _plugins(self, incoming: Incoming) -> list[dict[str, Any]]:
        return [dict(plugin) for plugin in PLUGINS]
