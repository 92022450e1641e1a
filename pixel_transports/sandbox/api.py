"""The Pixel API: its table of routes, who may use it, and the small rooms (users, plugins).

Rules kept here:

* Paths and methods are those of the service, to the slash. What the sandbox does not offer is a 404 "Not Found".
* The login is checked before arguments are: 401 with `WWW-Authenticate: Bearer`.
* Every answer repeats the `X-Request-ID` of its request.
"""

from typing import Any

from pixel_core.messages import Headers, Response
from pixel_transports.sandbox.bodies import ExtendedQuery, read_query
from pixel_transports.sandbox.exchange import Incoming, RefusedError, json_answer, refusal
from pixel_transports.sandbox.keycloak import Keycloak
from pixel_transports.sandbox.projects import Collections, Projects
from pixel_transports.sandbox.resources import Resources
from pixel_transports.sandbox.router import Route, Router, arguments
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.uploads import Uploads

PLUGINS = ({"name": "optimized_raster", "enabled": False}, {"name": "image_service", "enabled": False})
"""The capabilities that a tenant may have; the sandbox has none of them."""

_P = "projects/{project_id}"
_D = _P + "/data_collections/{data_collection_id}"


class Api:
    """The API of one tenant."""

    def __init__(self, state: State, keycloak: Keycloak, uploads: Uploads) -> None:
        self._keycloak = keycloak
        rows = [
            ("GET", "users/me", self._me),
            ("GET", "plugins/", self._plugins),
            *_project_rows(Projects(state)),
            *_collection_rows(Collections(state)),
            *_resource_rows(state),
            ("POST", f"{_D}/upload_jobs/", uploads.create),
            ("POST", f"{_D}/upload_jobs/multipart", uploads.create_multipart),
            ("GET", f"{_D}/upload_jobs/", uploads.listed),
            ("PUT", f"{_D}/upload_jobs/multiple_uploadFinished", uploads.several_finished),
            ("PUT", _D + "/upload_jobs/{upload_job_id}/uploadFinished", uploads.finished),
            ("GET", "jobs/{job_id:str}", uploads.job),
            ("GET", "jobs/groups/{group_id:str}", uploads.group),
        ]
        self._router = Router(Route(method, tuple(path.split("/")), serve) for method, path, serve in rows)

    def answer(self, incoming: Incoming, path: tuple[str, ...]) -> Response:
        """Answer a request below the API's base; `path` is what follows it."""
        try:
            route, found = self._router.find(incoming, path)
            self._authorize(incoming)
            response = json_answer(route.serve(incoming, **arguments(found)))
        except RefusedError as error:
            response = error.response
        if incoming.request_id is None:
            return response
        named = Headers([*response.headers, ("X-Request-ID", incoming.request_id)])
        return Response(response.status, named, response.body)

    def _authorize(self, incoming: Incoming) -> None:
        scheme, _, token = (incoming.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise refusal(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
        if not self._keycloak.accepts(token.strip(), incoming.now):
            raise refusal(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})

    def _me(self, incoming: Incoming) -> dict[str, Any]:
        extended = read_query(incoming, ExtendedQuery).extended
        user = {
            "id": 1,
            "email": self._keycloak.username,
            "first_name": "Sandbox",
            "last_name": "User",
            "user_type": "superuser",
            "enabled": True,
        }
        return {**user, "tenant": self._keycloak.realm} if extended else user

    def _plugins(self, incoming: Incoming) -> list[dict[str, Any]]:
        return [dict(plugin) for plugin in PLUGINS]


def _project_rows(room: Projects) -> list[tuple[str, str, Any]]:
    return [
        ("POST", "projects/", room.create),
        ("GET", "projects/", room.listed),
        ("GET", "projects/deleted", room.deleted),
        ("GET", _P, room.read),
        ("PUT", _P, room.change),
        ("DELETE", _P, room.delete),
        ("POST", f"{_P}/restore", room.restore),
        ("PUT", f"{_P}/move", room.move),
    ]


def _collection_rows(room: Collections) -> list[tuple[str, str, Any]]:
    return [
        ("POST", f"{_P}/data_collections/", room.create),
        ("GET", f"{_P}/data_collections/", room.listed),
        ("GET", f"{_P}/data_collections/deleted", room.deleted),
        ("GET", _D, room.read),
        ("PUT", _D, room.change),
        ("PUT", f"{_D}/move", room.move),
        ("DELETE", _D, room.delete),
        ("POST", f"{_D}/restore", room.restore),
    ]


def _resource_rows(state: State) -> list[tuple[str, str, Any]]:
    rows: list[tuple[str, str, Any]] = []
    for kind in ("image", "raster", "point_cloud"):
        room = Resources(state, kind)
        one = f"{_D}/{kind}s/{{resource_id}}"
        rows += [
            ("GET", f"{_D}/{kind}s/", room.listed),
            ("GET", one, room.read),
            ("PUT", one, room.change),
            ("DELETE", one, room.delete),
        ]
        if kind == "image":
            rows.append(("GET", f"{one}/metadata", room.metadata))
        if kind == "point_cloud":
            rows.append(("POST", f"{one}/move", room.move_within))
        else:
            rows.append(("PUT", f"{one}/move", room.move))
    return rows
