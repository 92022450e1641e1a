"""The sandbox: Keycloak, the API and the object storage behind one origin, as a function from request to response.

Rules kept here:

* No threads, no clock but the `clock` argument, and no I/O but the files of stored objects (see `objects`). Ids and
  tokens are derived from a secret and a counter.
* Every request gets a response: a malformed one 4xx, a bug in the sandbox 500, and its exception goes to `failures`.
* URLs in responses have the origin of the request, so it works under any host and port.
* One lock guards the state. Bodies are written, digested and read outside it.

Layout under one origin::

    /auth/realms/{realm}/protocol/openid-connect/token      login
    /api/{tenant}/...                                       the Pixel API
    /storage/{bucket}/{key}                                 presigned uploads
    /  and  /_sandbox/...                                   what the sandbox received and stores
"""

import contextlib
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pixel_core.messages import Headers, Origin, Request, Response
from pixel_transports.sandbox.api import Api
from pixel_transports.sandbox.archive import Archive
from pixel_transports.sandbox.attachments import AttachmentHandlers
from pixel_transports.sandbox.dashboard import is_dashboard_path
from pixel_transports.sandbox.http import (
    HttpError,
    IncomingRequest,
    ObjectResponse,
    ReceivedRequest,
    body_size,
    http_error,
    json_response,
)
from pixel_transports.sandbox.incoming import Content, IncomingBody, MemoryBody
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.keycloak import Keycloak
from pixel_transports.sandbox.objects import MEMORY_BYTES, ObjectFiles, StoredObject
from pixel_transports.sandbox.pages import Pages
from pixel_transports.sandbox.routes import all_routes
from pixel_transports.sandbox.signatures import Signer
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.storage import ObjectStorage
from pixel_transports.sandbox.tokens import TokenIssuer, random_first_id
from pixel_transports.sandbox.upload_jobs import UploadJobHandlers
from pixel_transports.sandbox.upload_validation import MIN_PART_BYTES, UploadValidation
from pixel_transports.sandbox.users import Accounts, UserHandlers

logger: logging.Logger = logging.getLogger(__name__)


class Sandbox:
    """A local Pixel. Calling an instance with a `Request` returns a `Response`.

    All times are in seconds. Access tokens expire after `token_seconds`, refresh tokens after `refresh_seconds` (0:
    never). A server job runs for `job_seconds`, and an upload job ends `lag_seconds` after its server job. Presigned
    URLs and forms are valid for `signature_seconds`. `min_part_bytes` is the minimum size of all parts but the last,
    by default S3's 5 MiB; tests with small parts pass 0. Bodies of up to 1 MiB are kept in memory while all have at
    most `memory_bytes`; others are in temporary files. With `data`, records and bodies are kept in that folder and are
    there again in the next sandbox that has it; `secret` and `first_id` are those of the folder then.

    Raises OSError if `data` cannot be used.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        tenant: str = "Sandbox",
        username: str = "demo@example.com",
        password: str = "demo",  # noqa: S107 # No secret: it is printed at the start
        token_seconds: float = 300.0,
        refresh_seconds: float = 1800.0,
        job_seconds: float = 0.2,
        lag_seconds: float = 0.0,
        signature_seconds: float = 3600.0,
        min_part_bytes: int = MIN_PART_BYTES,
        secret: str | bytes = b"pixel sandbox",
        memory_bytes: int = MEMORY_BYTES,
        first_id: int = 1,
        data: Path | None = None,
    ) -> None:
        self.tenant = tenant
        self.username = username
        self.password = password
        self._received: deque[ReceivedRequest] = deque(maxlen=10_000)
        self.failures: deque[BaseException] = deque(maxlen=100)
        self._clock = clock
        self._lock = threading.Lock()
        self._archive = archive = None if data is None else Archive(data)
        self._issuer = issuer = TokenIssuer(archive.secret if archive else secret)
        self.state: State = State(archive.files if archive else ObjectFiles(None, memory_bytes), ids=count(first_id))
        self.signer: Signer = Signer(issuer.storage_secret, f"pixel-{tenant.lower()}", signature_seconds)
        self._jobs = Jobs(self.state, issuer, job_seconds=job_seconds)
        accounts, realm = Accounts(username, password), tenant.capitalize()
        self._keycloak = Keycloak(issuer, accounts, realm, token_seconds, refresh_seconds)
        if archive is not None:
            archive.attach(self.state, accounts, self._keycloak, self._jobs, issuer)
        users, validation = UserHandlers(self.state, accounts), UploadValidation(self.state, min_part_bytes)
        uploads = UploadJobHandlers(self.state, issuer, self._jobs, self.signer, validation, lag_seconds)
        attachments = AttachmentHandlers(self.state, issuer, self.signer)
        self._api = Api(self._keycloak, users, all_routes(self.state, self._jobs, users, uploads, attachments))
        self._storage = ObjectStorage(self.state, self.signer, self._changes)
        self._pages = Pages(self.state, self._received, self.environment, uploads.status)

    def __repr__(self) -> str:
        return f"<Sandbox {self.tenant}: {len(self._received)} requests, {len(self.state.objects)} objects>"

    @classmethod
    def for_one_run(cls, **options: Any) -> "Sandbox":
        """Return a sandbox that refuses the tokens, forms and ids of all others: its secret and first id are random."""
        return cls(secret=secrets.token_bytes(32), first_id=random_first_id(), **options)

    def close(self) -> None:
        """Release the folder `data`, for another sandbox. Can be called again."""
        if self._archive is not None:
            self._archive.close()

    # Addresses

    @property
    def api_path(self) -> str:
        """The path of the API's base."""
        return f"/api/{self.tenant.lower()}"

    @property
    def auth_path(self) -> str:
        """The path of the login server."""
        return "/auth"

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment variables that connect a client to this sandbox, served at `url`."""
        base = url.rstrip("/")
        return {
            "PIXEL_USERNAME": self.username,
            "PIXEL_PASSWORD": self.password,
            "PIXEL_TENANT": self.tenant,
            "PIXEL_API_URL": base + self.api_path,
            "PIXEL_AUTH_SERVER_URL": base + self.auth_path,
        }

    # Contents

    @property
    def objects(self) -> Mapping[str, StoredObject]:
        """The stored objects by key, as a snapshot."""
        with self._lock:
            return MappingProxyType(dict(self.state.objects))

    @property
    def received(self) -> list[ReceivedRequest]:
        """The last 10,000 requests, newest last."""
        return list(self._received.copy())

    def stored(self, project_id: int, data_collection_id: int, name: str) -> StoredObject:
        """Return the content of a resource by its name or its file's name. Raises KeyError."""
        self._finish_due_jobs(self._clock())
        with self._lock:
            collection = self.state.collections[data_collection_id]
            for resource in self.state.resources_by_collection[data_collection_id].values():
                if collection.project_id == project_id and name in (resource.name, resource.file_name):
                    return self.state.objects[resource.key]
        raise KeyError(name)

    def stored_by_id(self, resource_id: int) -> StoredObject:
        """Return the content of a resource by its id. Raises KeyError."""
        self._finish_due_jobs(self._clock())
        with self._lock:
            for resources in self.state.resources.values():
                if resource_id in resources:
                    return self.state.objects[resources[resource_id].key]
        raise KeyError(resource_id)

    # Actions

    def revoke_tokens(self) -> None:
        """End all sessions: access tokens get 401 from the API, refresh tokens "Session not active"."""
        with self._changes():
            self._keycloak.revoke()

    def abort_uploads(self) -> None:
        """Abort all multipart uploads: their parts get "NoSuchUpload" from now on."""
        with self._changes():
            for upload_id in list(self.state.uploads):
                self.state.end_upload(upload_id)

    # Requests

    def __call__(self, request: Request) -> Response:
        """Return the response to a request. Raises TypeError if its body is not bytes."""
        if not isinstance(request.body, bytes):
            raise TypeError(
                f"the sandbox takes a request whose body is bytes, not {type(request.body).__name__}: "
                "read the file first, as a transport does"
            )
        headers = request.headers
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            # A transport would add it.
            headers = Headers([*headers, ("Content-Length", str(len(request.body)))])
        response = self.handle(request.method, request.origin, request.target, headers, request.body)
        try:
            return response.whole() if isinstance(response, ObjectResponse) else response
        except OSError:
            return json_response({"detail": "Not Found"}, 404)

    def open_body(self, method: str, target: str, headers: Headers) -> IncomingBody | MemoryBody:
        """Return what takes the body of a request, to be written and ended before `handle`, and then closed."""
        if target.startswith("/storage/"):
            return IncomingBody(self.state.files, method, headers)
        return MemoryBody()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        """Return the response to a request, which may be an `ObjectResponse`. Raises nothing.

        The response to HEAD has no body, and the `Content-Length` of the one to GET.
        """
        if isinstance(content, IncomingBody) or not target.startswith("/storage/"):
            return self._handle(method, origin, target, headers, content)
        with IncomingBody(self.state.files, method, headers) as body:
            body.write(bytes(content))
            body.end()
            return self._handle(method, origin, target, headers, body)

    def _handle(self, method: str, origin: Origin, target: str, headers: Headers, body: Content) -> Response:
        content = bytes(body)
        request = IncomingRequest(method, origin, target, headers, content, self._clock())
        try:
            if not (method.isascii() and target.isascii() and f"{method}{target}".isprintable()):
                raise http_error(400, "Invalid characters in the request line")
            response = self._dispatch(request, body)
        except HttpError as error:
            response = error.response
        except OSError as error:
            logger.error("The sandbox cannot keep its state: %s", error)
            response = json_response({"detail": "Service Unavailable"}, 503)
        except Exception as error:
            # A bug in the sandbox must not end a test run or a demonstration.
            self.failures.append(error)
            response = json_response({"detail": "Internal Server Error"}, 500)
        if method == "HEAD":
            length = ("Content-Length", str(body_size(response)))
            response = Response(response.status, Headers([*response.headers, length]))
        self._record(request, response, body.size if isinstance(body, IncomingBody) else len(content))
        return response

    def _dispatch(self, request: IncomingRequest, body: Content) -> Response:
        path = request.segments
        match path:
            case ("storage", *rest):
                stored = body if isinstance(body, IncomingBody) else IncomingBody(self.state.files)
                return self._storage.handle(request, tuple(rest), stored)
            case ("auth", *rest):
                with self._changes():
                    return self._keycloak.handle(request, tuple(rest))
            case ("api", tenant, *rest) if rest:
                if tenant != self.tenant.lower():
                    raise http_error(404, "Not Found")
                self._finish_due_jobs(request.now)
                with self._changes():
                    return self._api.handle(request, tuple(rest))
        self._finish_due_jobs(request.now)
        with self._changes():
            return self._pages.handle(request, path)

    @contextlib.contextmanager
    def _changes(self) -> Iterator[None]:
        """Take the lock, and store what changes. Raises OSError if it cannot be stored."""
        with self._lock, contextlib.nullcontext() if self._archive is None else self._archive.changes():
            yield

    def _finish_due_jobs(self, now: float) -> None:
        """Finish the jobs that are due."""
        with self._changes():
            self._jobs.finish_due(now)

    def _record(self, request: IncomingRequest, response: Response, body_bytes: int) -> None:
        # Invalid characters are not recorded.
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
            body_bytes=body_bytes,
            request_id=request.request_id,
        )
        self._received.append(record)  # without the lock: one operation of a deque, and readers copy it in one
