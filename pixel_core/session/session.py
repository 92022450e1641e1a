"""The session: authorises a request, sends it, repeats it, and raises what failed.

Rules kept here:

* An operation passes method, path and body to `call`; the session adds address, token and request id, and returns a
  successful answer or raises.
* One login serves all callers that wait for it (`SingleFlight`). A 401 renews the login and repeats the request; a
  second 401 with a token that should be valid is raised.
* Requests to the object storage (`store`) carry neither token nor request id.
* The request id is drawn once a call and kept through its repeats.
"""

from copy import copy
from dataclasses import field, replace
from typing import Any, Unpack

from pixel_core.effects import Clock, Flow, Random, Report
from pixel_core.errors import (
    BAD_REQUESTS,
    PixelBadRequestError,
    PixelConnectionError,
    PixelServerError,
    PixelStatusError,
    printable,
)
from pixel_core.events import UNRELATED, CallFailed, Correlation
from pixel_core.messages import (
    Body,
    Deadline,
    Headers,
    Meter,
    Request,
    Response,
    Timeouts,
    encode_json,
    resolve_location,
    split_base_url,
    split_url,
)
from pixel_core.redaction import (
    SecretBytes,
    SecretText,
    body_secrets,
    header_secrets,
    hide_arguments,
    redact,
    redact_echo,
)
from pixel_core.session.answers import Answer
from pixel_core.session.attempts import Attempts, reason_of
from pixel_core.session.login import log_in_once
from pixel_core.session.options import OPTIONS_OF_CLIENTS, CallOptions, Options
from pixel_core.session.retries import RetryPolicy
from pixel_core.session.storage import Verdict, classify, redirect, storage_error
from pixel_core.session.tokens import Account, ProvidedToken, Tokens, TokenSource
from pixel_core.values import value

UPLOAD_RETRY_AFTER = 3600.0
"""Longest `Retry-After`, in seconds, that an upload waits for. Its own limits hold too."""

_MAX_STORAGE_REDIRECTS = 3
_MAX_RENEWALS = 5
"""How often one call waits for another token because its own expired on the way."""

_MAX_REDIRECTS = 5

_CLOCK, _RANDOM = Clock(), Random()

_TEXT_LIMIT = 2000
"""Number of characters of a body that is not JSON which an error shows."""


@value
class _SharedFields:
    """The header fields that all calls with one token share."""

    bearer: str = field(repr=False)
    fields: tuple[tuple[str, str], ...] = field(repr=False)


class Session:
    """One login at one Pixel API; its methods are flows. It holds the tokens, and nothing else that changes."""

    def __init__(
        self, url: str, account: Account, options: Options = Options(), token: TokenSource | None = None
    ) -> None:
        token = SecretText(token) if isinstance(token, str) else token  # in a traceback
        self.url: str = url.rstrip("/")
        self.options = options
        self.tokens: Tokens | ProvidedToken = (
            Tokens(account, options.timeout_pixel) if token is None else ProvidedToken(token)
        )
        self._origin, path = split_base_url(self.url)
        self._base = path.rstrip("/")
        self._retries = RetryPolicy()
        self._storage_retries = RetryPolicy(
            tries=options.upload_num_retries, repeatable=True, retry_after=UPLOAD_RETRY_AFTER
        )
        self._headers = Headers()
        self._has_own_id = False
        self._shared: list[_SharedFields | None] = [None, None]
        self._answers: list[Answer] | None = None
        self._correlation = UNRELATED

    def with_options(self, **changes: Unpack[CallOptions]) -> "Session":
        """Return a session with the same login and other call options. Raises TypeError and ValueError for invalid
        ones.
        """
        hide_arguments(changes, CallOptions.__annotations__)
        if changes.keys() & OPTIONS_OF_CLIENTS:
            raise TypeError("listener and cancel are options of a client: run a flow in Listen and CancelWhen instead")
        unknown = changes.keys() - CallOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
        twin = copy(self)
        if "timeout" in changes:
            limits = Timeouts.parse(changes["timeout"])
            twin.options = replace(self.options, timeout_pixel=limits, timeout_upload=limits)
        if "retries" in changes:
            retries = changes["retries"]
            if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
                raise ValueError(f"retries is a whole number from 0, got {retries!r}")
            twin._retries = replace(self._retries, tries=retries + 1)
            twin._storage_retries = replace(self._storage_retries, tries=retries + 1)
        if "headers" in changes:
            twin._headers = Headers(changes["headers"])
            twin._shared = [None, None]
            twin._has_own_id = "X-Request-ID" in twin._headers
            if "Authorization" in twin._headers:
                raise ValueError("the header Authorization carries the token, and cannot be set")
        if "answers" in changes:
            twin._answers = changes["answers"]
        return twin

    def with_defaults(self, options: Options) -> "Session":
        """Return a session with the same login and other options of the client."""
        twin = copy(self)
        twin.options = options
        if options.upload_num_retries != self.options.upload_num_retries:
            twin._storage_retries = replace(self._storage_retries, tries=options.upload_num_retries)
        return twin

    def for_upload(self) -> Flow["Session"]:
        """Return a session for one upload: its events have an id of their own (`upload_id`)."""
        twin = copy(self)
        twin._correlation = Correlation(upload_id=_uuid4((yield from _RANDOM)))
        return twin

    def for_file(self, path: str, job_id: int | str | None) -> "Session":
        """Return a session for the requests of one file of an upload to the object storage."""
        twin = copy(self)
        twin._correlation = replace(self._correlation, path=path, job_id=job_id)
        return twin

    @property
    def upload_id(self) -> str:
        """The id of the upload that the session is for, or ""."""
        return self._correlation.upload_id

    @property
    def upload_retries(self) -> RetryPolicy:
        """The policy for repeatable requests of an upload to the API, with as many tries as a storage request."""
        return self._storage_retries

    def __repr__(self) -> str:
        tokens = getattr(self, "tokens", "with an invalid token")  # it is shown in the traceback of its making
        return f"<Session at {self.url}, {tokens!r}>"

    def call(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        json: Any = None,
        sensitive: bool = False,
        retries: RetryPolicy | None = None,
        attempts: Attempts | None = None,
    ) -> Flow[Answer]:
        """Call the Pixel API. `path` starts with a slash and is relative to its address; `json` is the body.

        With `sensitive`, an error shows neither the payload nor what the server repeats of it. `retries` replaces the
        client's policy; `attempts` is the count of a caller that repeats the call.
        Raises PixelBadRequestError (4xx), PixelServerError (5xx), PixelStatusError (any other that is not 2xx),
        PixelLoginError, PixelConnectionError, PixelTimeoutError, PixelProtocolError.
        """
        target = f"{self._base}{path}?{query}" if query else self._base + path
        return self._call(method, target, json, sensitive, attempts or Attempts(retries or self._retries))

    def _call(self, method: str, target: str, json: Any, sensitive: bool, attempts: Attempts) -> Flow[Answer]:
        body = b"" if json is None else encode_json(json)
        if sensitive:
            body = SecretBytes(body)
        del json  # A traceback shows local variables.
        request_id = _uuid4((yield from _RANDOM))
        timeouts = self.options.timeout_pixel
        deadline = None if timeouts.total is None else Deadline.from_total(timeouts, (yield from _CLOCK))
        correlation = Correlation(request_id, self._correlation.upload_id)
        attempts.begin(correlation, deadline)
        renewals, redirects = 0, 0
        while True:
            bearer = self.tokens.bearer((yield from _CLOCK))
            if bearer is None:
                bearer = yield from self.authorise(correlation, deadline, attempts.policy)
            request = Request(
                method, self._origin, target, self._headers_for(bearer, request_id, bool(body)), body, timeouts
            )
            outcome = yield from attempts.send(request)
            if isinstance(outcome, Response):
                answer = Answer(outcome, request, request_id)
                if self._answers is not None:
                    self._answers.append(answer)
                if 200 <= outcome.status < 300:
                    return answer
                if (yield from self._needs_renewal(outcome, bearer, renewals)):
                    renewals += 1
                    continue
                location = redirected(request, outcome)
                if location is not None and redirects < _MAX_REDIRECTS:
                    target, redirects = location, redirects + 1
                    continue
            if not (yield from attempts.repeat(request.label, method, outcome)):
                yield from Report(
                    CallFailed(request.label, request_id, reason_of(outcome), attempts.number, self.upload_id)
                )
                if isinstance(outcome, Response):
                    raise status_error(request, outcome, attempts.number)
                raise attempts.failure(outcome, request_id)

    def _needs_renewal(self, response: Response, bearer: str, renewals: int) -> Flow[bool]:
        """Forget a token that the API refused (401), and return whether to repeat the call with another: once for a
        valid token, and up to _MAX_RENEWALS times for one that expired or was replaced on the way.
        """
        if response.status != 401 or not self.tokens.renewable or renewals >= _MAX_RENEWALS:
            return False
        if renewals and self.tokens.bearer((yield from _CLOCK)) == bearer:
            return False
        self.tokens.reject(bearer)
        return True

    def store(
        self,
        method: str,
        url: str,
        body: Body,
        headers: Headers = Headers(),
        *,
        md5: str | None = None,
        meter: Meter | None = None,
    ) -> Flow[Response]:
        """Send a form, or one part, to a presigned URL of the object storage. Transient failures are repeated, damaged
        bytes once (`md5` is that of the file's bytes, in base64). `meter` counts the repeats.

        Raises PixelStorageError (not 2xx), PixelConnectionError, PixelTimeoutError, PixelFileChangedError, ValueError.
        """
        origin, target = split_url(SecretText(url))
        timeouts = self.options.timeout_upload
        deadline = None if timeouts.total is None else Deadline.from_total(timeouts, (yield from _CLOCK))
        attempts = Attempts(self._storage_retries, self._correlation, deadline)
        request = Request(method, origin, target, headers, body, timeouts)
        redirects, damages = 0, 0
        while True:
            outcome = yield from attempts.send(request)
            again = True
            if isinstance(outcome, Response):
                verdict = classify(outcome, md5)
                if verdict is Verdict.STORED:
                    return outcome
                moved = redirect(request, outcome) if verdict is Verdict.MOVED else None
                if moved is not None and redirects < _MAX_STORAGE_REDIRECTS:
                    request, redirects = moved, redirects + 1
                    continue
                damages += verdict is Verdict.DAMAGED
                again = verdict is Verdict.TRANSIENT or (verdict is Verdict.DAMAGED and damages == 1)
            if not (yield from attempts.repeat(request.label, method, outcome, again)):
                if isinstance(outcome, Response):
                    raise storage_error(request, outcome, attempts.number)
                raise attempts.failure(outcome)
            if meter is not None:
                meter.retries += 1

    def _headers_for(self, bearer: str, request_id: str, has_body: bool) -> Headers:
        """Return the header fields of a call. The fields before the request id are made once a token."""
        shared = self._shared[has_body]
        if shared is None or shared.bearer != bearer:
            shared = self._shared[has_body] = _SharedFields(bearer, self._fields(bearer, has_body))
        fields = shared.fields
        return Headers(fields if self._has_own_id else (*fields, ("X-Request-ID", request_id)))

    def _fields(self, bearer: str, has_body: bool) -> tuple[tuple[str, str], ...]:
        fields = [
            ("Authorization", f"Bearer {bearer}"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, deflate"),
        ]
        if has_body:
            fields.append(("Content-Type", "application/json"))
        return (*(each for each in fields if each[0] not in self._headers), *self._headers)

    def authorise(
        self,
        correlation: Correlation = UNRELATED,
        deadline: Deadline | None = None,
        retries: RetryPolicy = RetryPolicy(),
    ) -> Flow[str]:
        """Return a valid token; log in, or renew the login, where needed. `correlation` is that of the call that
        needs the token; `deadline` and `retries` limit the login, also the wait for that of another call.
        """
        try:
            return (yield from log_in_once(self.tokens, self.url, correlation, deadline, retries))
        except PixelConnectionError as error:
            if not error.sent:
                raise
            unsent = copy(error)  # The call itself was not sent.
            unsent.sent = False
            raise unsent from error


def redirected(request: Request, response: Response) -> str | None:
    """Return the path and query to which a response redirects this request, if that is safe to follow: the same origin,
    and the same method (307, 308; RFC 9110, section 15.4), or a GET. No token is sent to another origin.
    """
    same_method = response.status in (307, 308) or (request.method == "GET" and response.status in (301, 302))
    location = response.headers.get("Location")
    if not same_method or not location:
        return None
    try:
        origin, target = resolve_location(request, location)
    except ValueError:
        return None
    return target if origin == request.origin and target != request.target else None


def _uuid4(bits: int) -> str:
    """Return 128 random bits as a version 4 UUID (RFC 9562, section 5.4)."""
    text = f"{bits & _UNSET | _VERSION_AND_VARIANT:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_UNSET = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_AND_VARIANT = 4 << 76 | 0x8000 << 48


def status_error(request: Request, response: Response, tries: int = 1) -> PixelStatusError:
    """Return the error for a response of the Pixel API that is not 2xx."""
    sensitive = isinstance(request.body, SecretBytes)
    secrets = header_secrets(request.headers)
    try:
        payload: Any = redact(response.json(), secrets)
    except ValueError:
        text = redact(response.body[: 64 * _TEXT_LIMIT].decode("utf-8", "replace"), secrets)
        payload = "(not shown: it may repeat what was sent)" if sensitive else text[:_TEXT_LIMIT]
    if sensitive:
        payload = redact_echo(payload, body_secrets(request.body))
    request_id = response.headers.get("X-Request-ID")
    request_id = None if request_id is None else printable(request_id)
    if 400 <= response.status < 500:
        sent = None if sensitive or not isinstance(request.body, bytes) else request.body.decode()
        kind = BAD_REQUESTS.get(response.status, PixelBadRequestError)
        return kind(payload, response.status, request.method, request.url, request_id, sent, tries=tries)
    what = "failed" if response.status >= 500 else "sent an unexpected status"
    own_id = request.headers.get("X-Request-ID")
    error = PixelServerError if response.status >= 500 else PixelStatusError
    return error(
        f"The server {what}: status {response.status} for {request.label} "
        f"(request ID: {request_id or own_id}), after {tries} {'try' if tries == 1 else 'tries'}",
        status_code=response.status,
        method=request.method,
        url=request.url,
        response_json=payload,
        request_id=request_id,
    )
