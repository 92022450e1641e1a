"""A local Pixel as a function from request to response: Keycloak, the API and the object storage under one origin.

Rules kept here:

* No I/O, no threads, no clock of its own. Time is what `clock` says; ids and tokens come from a secret and a counter.
* Whatever comes in is answered: what is malformed with 4xx, a mistake in here with 500, and that is kept in `failures`.
* URLs in answers lead back to the origin of the request, so it works under any host and port, and under none.
* One lock guards what is remembered. Digests of what is uploaded, whole or in parts, are computed outside it.

Layout under one origin::

    /auth/realms/{realm}/protocol/openid-connect/token      login
    /api/{tenant}/...                                       the Pixel API
    /storage/{bucket}/{key}                                 presigned uploads
    /  and  /_sandbox/...                                   what the sandbox tells about itself
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from pixel_core.messages import Headers, Origin, Request, Response
from pixel_transports.sandbox.api import Api
from pixel_transports.sandbox.attachments import AttachmentHandlers
from pixel_transports.sandbox.dashboard import is_dashboard_path
from pixel_transports.sandbox.http import Buffer, HttpError, IncomingRequest, http_error, json_response
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.keycloak import Keycloak
from pixel_transports.sandbox.objects import StoredObject
from pixel_transports.sandbox.pages import Pages
from pixel_transports.sandbox.request_log import ReceivedRequest
from pixel_transports.sandbox.routes import job_routes, other_routes, project_routes, service_routes, user_routes
from pixel_transports.sandbox.search import SearchHandlers
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.storage import ObjectStorage
from pixel_transports.sandbox.tokens import TokenIssuer
from pixel_transports.sandbox.upload_jobs import UploadJobHandlers
from pixel_transports.sandbox.upload_validation import UploadValidation
from pixel_transports.sandbox.users import Accounts, UserHandlers


class Sandbox:
    """A Pixel without a tenant. An instance is called with a `Request` and gives a `Response`.

    All times are in seconds. Access tokens live for `token_seconds`, refresh tokens for `refresh_seconds` (0: for
    ever); a server job runs for `job_seconds`, and an upload job is at its end `lag_seconds` after its server job;
    presigned URLs and forms hold for `signature_seconds`. `min_part_bytes` is the least size of a part that is not the
    last (5 MiB with S3; no limit here unless given).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        tenant: str = "Sandbox",
        username: str = "demo@example.com",
        password: str = "demo",  # noqa: S107 # This is no secret: it is printed at the start
        token_seconds: float = 300.0,
        refresh_seconds: float = 1800.0,
        job_seconds: float = 0.2,
        lag_seconds: float = 0.0,
        signature_seconds: float = 3600.0,
        min_part_bytes: int = 0,
        secret: str | bytes = b"pixel sandbox",
    ) -> None:
        self.tenant = tenant
        self.username = username
        self.password = password
        self._received: deque[ReceivedRequest] = deque(maxlen=10_000)
        self.failures: deque[BaseException] = deque(maxlen=100)
        self._clock = clock
        self._lock = threading.Lock()
        self._issuer = issuer = TokenIssuer(secret.encode() if isinstance(secret, str) else secret)
        self.state: State = State()
        self.signer: Signer = Signer(issuer.storage_secret, f"pixel-{tenant.lower()}", signature_seconds)
        self._jobs = Jobs(self.state, issuer, job_seconds=job_seconds)
        accounts, realm = Accounts(username, password), tenant.capitalize()
        self._keycloak = Keycloak(
            issuer, accounts, realm=realm, token_seconds=token_seconds, refresh_seconds=refresh_seconds
        )
        users, validation = UserHandlers(accounts, realm), UploadValidation(self.state, min_part_bytes)
        uploads = UploadJobHandlers(self.state, issuer, self._jobs, self.signer, validation, lag_seconds)
        rows = [
            *user_routes(users),
            *project_routes(self.state),
            *job_routes(self.state, self._jobs, uploads),
            *service_routes(self.state, self._jobs),
            *other_routes(AttachmentHandlers(self.state, issuer, self.signer), SearchHandlers(self.state)),
        ]
        self._api = Api(self._keycloak, users, rows)
        self._storage = ObjectStorage(self.state, issuer, self.signer, self._lock)
        self._pages = Pages(self.state, self._received, self.environment, uploads.status)

    def __repr__(self) -> str:
        return f"<Sandbox {self.tenant}: {len(self._received)} requests, {len(self.state.objects)} objects>"

    # Where it is

    @property
    def api_path(self) -> str:
        """The path of the API's base."""
        return f"/api/{self.tenant.lower()}"

    @property
    def auth_path(self) -> str:
        """The path of the login server."""
        return "/auth"

    def environment(self, url: str) -> dict[str, str]:
        """The environment variables that lead a client to this sandbox when it is served at `url`."""
        base = url.rstrip("/")
        return {
            "PIXEL_USERNAME": self.username,
            "PIXEL_PASSWORD": self.password,
            "PIXEL_TENANT": self.tenant,
            "PIXEL_API_URL": base + self.api_path,
            "PIXEL_AUTH_SERVER_URL": base + self.auth_path,
        }

    # What is in it

    @property
    def objects(self) -> Mapping[str, StoredObject]:
        """What is stored at this moment, by key."""
        with self._lock:
            return MappingProxyType(dict(self.state.objects))

    @property
    def received(self) -> list[ReceivedRequest]:
        """The requests that were answered so far, newest last; the last 10,000 are kept."""
        with self._lock:
            return list(self._received)

    def stored(self, project_id: int, data_collection_id: int, name: str) -> StoredObject:
        """The content of a resource by its name or the name of its file. Raises KeyError when there is none."""
        self._finish_due_jobs(self._clock())
        with self._lock:
            collection = self.state.collections[data_collection_id]
            for resource in self.state.resources_by_collection[data_collection_id].values():
                if collection.project_id == project_id and name in (resource.name, resource.file_name):
                    return self.state.objects[resource.key]
        raise KeyError(name)

    def stored_by_id(self, resource_id: int) -> StoredObject:
        """The content of a resource by its id. Raises KeyError when there is none."""
        self._finish_due_jobs(self._clock())
        with self._lock:
            for resources in self.state.resources.values():
                if resource_id in resources:
                    return self.state.objects[resources[resource_id].key]
        raise KeyError(resource_id)

    # What can be done to it

    def revoke_tokens(self) -> None:
        """End all sessions: access tokens get 401 from the API, refresh tokens "Session not active"."""
        with self._lock:
            self._keycloak.revoke()

    def abort_uploads(self) -> None:
        """Forget multipart uploads that are under way: their parts get "NoSuchUpload" from now on."""
        with self._lock:
            self.state.uploads.clear()

    # Requests

    def __call__(self, request: Request) -> Response:
        """Answer a request whose body is bytes. Raises TypeError when it is a description of a file."""
        if not isinstance(request.body, bytes):
            raise TypeError(
                f"the sandbox takes a request whose body is bytes, not {type(request.body).__name__}: "
                "read the file first, as a transport does"
            )
        headers = request.headers
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            # What any transport would add: the body is here as a whole.
            headers = Headers([*headers, ("Content-Length", str(len(request.body)))])
        return self.handle(request.method, request.origin, request.target, headers, request.body)

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Buffer) -> Response:
        """Answer one request. `content` may be a window on a mapped file; what of it is stored keeps that alive.

        Raises nothing. The answer to HEAD has no body, and says in `Content-Length` how long it would be.
        """
        request = IncomingRequest(method, origin, target, headers, content, self._clock())
        try:
            if not (method.isascii() and target.isascii() and f"{method}{target}".isprintable()):
                raise http_error(400, "The request line holds what no request line may hold")
            response = self._dispatch(request)
        except HttpError as error:
            response = error.response
        except Exception as error:
            # A mistake in the sandbox must not take a test run, or a demonstration, down with it.
            self.failures.append(error)
            response = json_response({"detail": "Internal Server Error"}, 500)
        if method == "HEAD":
            length = ("Content-Length", str(len(response.body)))
            response = Response(response.status, Headers([*response.headers, length]))
        self._record(request, response)
        return response

    def _dispatch(self, request: IncomingRequest) -> Response:
        path = request.segments
        match path:
            case ("storage", *rest):
                return self._storage.handle(request, tuple(rest))
            case ("auth", *rest):
                with self._lock:
                    return self._keycloak.handle(request, tuple(rest))
            case ("api", tenant, *rest) if rest:
                if tenant != self.tenant.lower():
                    raise http_error(404, "Not Found")
                self._finish_due_jobs(request.now)
                with self._lock:
                    return self._api.handle(request, tuple(rest))
        self._finish_due_jobs(request.now)
        with self._lock:
            return self._pages.handle(request, path)

    def _finish_due_jobs(self, now: float) -> None:
        """End the jobs whose time has come."""
        with self._lock:
            due = self._jobs.due(now)
        for _, objects in due:
            for stored in objects:
                # Computed here and kept by the object, so that nobody waits for a big one.
                _ = stored.md5
        if due:
            with self._lock:
                self._jobs.end((job for job, _ in due), now)

    def _record(self, request: IncomingRequest, response: Response) -> None:
        # What is no request line is not shown either.
        path = request.path if request.path.isascii() else "?"
        if is_dashboard_path(path):
            return
        query = request.raw_query if path.startswith("/api/") else ""
        record = ReceivedRequest(
            time=request.now,
            method=request.method if request.method.isascii() else "?",
            path=path,
            query=query if query.isascii() else "?",
            status=response.status,
            body_bytes=len(request.content),
            request_id=request.request_id,
        )
        with self._lock:
            self._received.append(record)
