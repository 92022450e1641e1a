"""The Pixel API: authentication, routing, and the responses of the handlers.

Rules kept here:

* A path that the sandbox does not offer is a 404 "Not Found".
* The token is checked before arguments are: 401 with `WWW-Authenticate: Bearer`.
* Every response repeats the `X-Request-ID` of its request.
"""

from typing import Any

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.http import HttpError, IncomingRequest, http_error, json_response
from pixel_transports.sandbox.keycloak import Keycloak
from pixel_transports.sandbox.router import Route, Router, Row, path_arguments
from pixel_transports.sandbox.users import Account, UserHandlers

PLUGINS: tuple[dict[str, Any], ...] = (
    {"name": "optimized_raster", "enabled": True},
    {"name": "image_service", "enabled": True},
)
"""The plugins that a tenant may have; the sandbox has both."""


class Api:
    """The API of one tenant. `rows` are the routes of its handlers."""

    def __init__(self, keycloak: Keycloak, users: UserHandlers, rows: list[Row]) -> None:
        self._keycloak = keycloak
        self._users = users
        own: list[Row] = [("GET", "users/me", self._me), ("GET", "plugins/", self._plugins)]
        self._router = Router(Route(method, tuple(path.split("/")), handler) for method, path, handler in (*own, *rows))

    def handle(self, request: IncomingRequest, path: tuple[str, ...]) -> Response:
        """Return the response to a request; `path` is the part after the API's base."""
        try:
            route, segments = self._router.find(request, path)
            self._account(request)
            result = route.handler(request, **path_arguments(segments))
            response = result if isinstance(result, Response) else json_response(result)
        except HttpError as error:
            response = error.response
        if request.request_id is None:
            return response
        headers = Headers([*response.headers, ("X-Request-ID", request.request_id)])
        return Response(response.status, headers, response.body)

    def _account(self, request: IncomingRequest) -> Account:
        """Return the user of the access token. Raises HttpError (401)."""
        scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise http_error(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
        account = self._keycloak.authenticate(token.strip(), request.now)
        if account is None:
            raise http_error(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})
        return account

    def _me(self, request: IncomingRequest) -> dict[str, Any]:
        return self._users.me(request, self._account(request))

    def _plugins(self, request: IncomingRequest) -> list[dict[str, Any]]:
        return [dict(plugin) for plugin in PLUGINS]
