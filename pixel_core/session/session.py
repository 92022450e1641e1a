"""The session: what stands between an operation and one HTTP exchange. Authorise, send, try again, raise.

Rules kept here:

* An operation says method, path and body (`call`); the session adds the address, the token and the request id, and
  gives back a successful answer or raises.
* One renewal serves all who wait for it (`SingleFlight`). A 401 renews the login and repeats the request; a second one for a
  token that should be good goes to the caller.
* Requests to the object storage carry neither token nor request id (`store`).
* The request id is drawn once a call and kept through its repeats, so that one id finds all of them in a log.
"""

import json
from copy import copy
from dataclasses import field, replace
from typing import Any, Unpack
from urllib.parse import urljoin

from pixel_core.effects import CallTokenProvider, Clock, Exchange, Flow, Random, Report, SingleFlight, Sleep
from pixel_core.errors import (
    BAD_REQUESTS,
    PixelBadRequestError,
    PixelConnectionError,
    PixelError,
    PixelLoginError,
    PixelServerError,
    PixelStatusError,
    PixelTimeoutError,
)
from pixel_core.events import CallFailed, CallRepeated, LoginFailed, LoginRenewed
from pixel_core.messages import Body, Headers, Meter, Request, Response, Timeouts, encode_json, split_url
from pixel_core.session.answers import Answer
from pixel_core.session.options import CallOptions, Options
from pixel_core.session.retries import RetryPolicy
from pixel_core.session.storage import Verdict, classify, redirect, storage_error
from pixel_core.session.tokens import Account, ProvidedToken, Tokens, TokenSource
from pixel_core.values import value

_MOST_MOVES = 3
"""How often one request to the object storage is sent elsewhere (307)."""

_MOST_RENEWALS = 5
"""How often one call waits for another token because the one that it had ended on its way."""

_MOST_REDIRECTS = 5
"""How often one call of the API is sent to another path."""

_CLOCK, _RANDOM = Clock(), Random()

_TEXT_LIMIT = 2000
"""How much of an answer that is not JSON goes into an error, in characters."""


@value
class _Block:
    """The header fields that calls with one token share."""

    bearer: str = field(repr=False)
    headers: Headers


class Session:
    """One login at one Pixel API. It holds the tokens and nothing else that changes; its methods are flows."""

    def __init__(
        self, url: str, account: Account, options: Options = Options(), token: TokenSource | None = None
    ) -> None:
        self.url: str = url.rstrip("/")
        self.options = options
        self.tokens: Tokens | ProvidedToken = (
            Tokens(account, options.timeout_pixel) if token is None else ProvidedToken(token)
        )
        self._origin, path = split_url(self.url)
        self._base = path.rstrip("/")
        self._retries = RetryPolicy()
        self._login_retries = RetryPolicy(repeatable=True)
        self._storage_retries = RetryPolicy(tries=options.upload_num_retries, repeatable=True)
        self._headers = Headers()
        self._has_own_id = False
        self._blocks: list[_Block | None] = [None, None]
        self._answers: list[Answer] | None = None

    def with_options(self, **changes: Unpack[CallOptions]) -> "Session":
        """The same login with other options. Raises TypeError and ValueError for wrong ones."""
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
            twin._blocks = [None, None]
            twin._has_own_id = "X-Request-ID" in twin._headers
            if "Authorization" in twin._headers:
                raise ValueError("the header Authorization carries the token, and cannot be set")
        if "answers" in changes:
            twin._answers = changes["answers"]
        return twin

    def with_defaults(self, options: Options) -> "Session":
        """The same login with other options of the client."""
        twin = copy(self)
        twin.options = options
        return twin

    @property
    def upload_retries(self) -> RetryPolicy:
        """The policy for what an upload asks of the API and may ask twice, as often as of the object storage."""
        return self._storage_retries

    def __repr__(self) -> str:
        return f"<Session at {self.url}, {self.tokens!r}>"

    def call(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        json: Any = None,
        sensitive: bool = False,
        retries: RetryPolicy | None = None,
    ) -> Flow[Answer]:
        """Call the Pixel API. `path` starts with a slash and is relative to its address; `json` is the body.

        With `sensitive`, neither the payload nor what the server repeats of it stands in an error. `retries` takes the
        place of the client's own policy.
        Raises PixelBadRequestError (4xx), PixelServerError (5xx), PixelStatusError (anything else that is no 2xx),
        PixelLoginError, PixelConnectionError, PixelTimeoutError, PixelProtocolError.
        """
        body = b"" if json is None else encode_json(json)
        target = f"{self._base}{path}?{query}" if query else self._base + path
        request_id = _uuid4((yield from _RANDOM))
        renewals, attempt, redirects, sends = 0, 1, 0, 0
        limits, until = self.options.timeout_pixel, None
        if limits.total is not None:
            until = (yield from Clock()) + limits.total
        while True:
            bearer = self.tokens.bearer((yield from _CLOCK))
            if bearer is None:
                bearer = yield from self.authorise(until, request_id)
            headers = self._headers_for(bearer, request_id, bool(body))
            if until is not None:
                limits = yield from _left(
                    self.options.timeout_pixel, until, f"{method} {self._origin}{target.partition('?')[0]}"
                )
            request = Request(method, self._origin, target, headers, body, limits)
            outcome = yield from self._send(request, request_id, sends)
            sends += 1
            if isinstance(outcome, Response):
                answer = Answer(outcome, request, request_id)
                if self._answers is not None:
                    self._answers.append(answer)
                if 200 <= outcome.status < 300:
                    return answer
                if outcome.status == 401 and self.tokens.renewable and renewals < _MOST_RENEWALS:
                    # One whose life was over by now, or that was replaced, ended on its way: that is no refusal.
                    ended = self.tokens.bearer((yield from Clock())) != bearer
                    if ended or not renewals:
                        self.tokens.rejected(bearer)
                        renewals += 1
                        continue
                elsewhere = redirected(request, outcome)
                if elsewhere is not None and redirects < _MOST_REDIRECTS:
                    target, redirects = elsewhere, redirects + 1
                    continue
            delay = yield from self._delay(retries or self._retries, method, attempt, outcome)
            if delay is not None and until is not None and (yield from Clock()) + delay >= until:
                delay = None
            if delay is None:
                yield from Report(CallFailed(request.label, request_id, reason_of(outcome), attempt))
                if isinstance(outcome, Response):
                    raise status_error(request, outcome, attempt, sensitive)
                raise _after(outcome, attempt, request_id)
            yield from Report(CallRepeated(request.label, request_id, reason_of(outcome), attempt, delay))
            yield from Sleep(delay)
            attempt += 1

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
        """Send to the object storage: a form, or one part, to a presigned URL. Repeated on whatever may pass, and once
        where the bytes did not arrive as they are (`md5` of the file's bytes, in base64). `meter` counts the repeats. A
        total limit holds for all tries of it together.

        Raises PixelStorageError for an answer that is no 2xx, PixelConnectionError, PixelTimeoutError,
        PixelFileChangedError, and ValueError for a URL that is none.
        """
        origin, target = split_url(url)
        limits, until = self.options.timeout_upload, None
        if limits.total is not None:
            until = (yield from Clock()) + limits.total
        request = Request(method, origin, target, headers, body, limits)
        attempt, moves, damages = 1, 0, 0
        while True:
            if until is not None:
                request = replace(request, timeouts=(yield from _left(limits, until, request.label)))
            outcome = yield from self._send(request, "", attempt - 1 + moves)
            again = True
            if isinstance(outcome, Response):
                verdict = classify(outcome, md5)
                if verdict is Verdict.STORED:
                    return outcome
                if verdict is Verdict.MOVED and moves < _MOST_MOVES:
                    try:
                        request, moves = redirect(request, outcome), moves + 1
                    except ValueError:
                        raise storage_error(request, outcome, attempt) from None
                    continue
                damages += verdict is Verdict.DAMAGED
                again = verdict is Verdict.TRANSIENT or (verdict is Verdict.DAMAGED and damages == 1)
            delay = yield from self._delay(self._storage_retries, method, attempt, outcome, again)
            if delay is not None and until is not None and (yield from Clock()) + delay >= until:
                delay = None
            if delay is None:
                if isinstance(outcome, Response):
                    raise storage_error(request, outcome, attempt)
                raise _after(outcome, attempt)
            yield from Report(CallRepeated(request.label, "", reason_of(outcome), attempt, delay))
            yield from Sleep(delay)
            attempt += 1
            if meter is not None:
                meter.retries += 1

    def _headers_for(self, bearer: str, request_id: str, has_body: bool) -> Headers:
        """The header fields of a call. What does not change is made once a token."""
        block = self._blocks[has_body]
        if block is None or block.bearer != bearer:
            block = self._blocks[has_body] = _Block(bearer, self._block(bearer, has_body))
        shared = block.headers
        return shared if self._has_own_id else Headers((*shared, ("X-Request-ID", request_id)))

    def _block(self, bearer: str, has_body: bool) -> Headers:
        fields = [
            ("Authorization", f"Bearer {bearer}"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, deflate"),
        ]
        if has_body:
            fields.append(("Content-Type", "application/json"))
        return Headers([field for field in fields if field[0] not in self._headers] + list(self._headers))

    def authorise(self, until: float | None = None, request_id: str = "") -> Flow[str]:
        """A token that is good now; logs in, or renews the login, where needed. At `until` on the clock it is given up
        (by whoever renews for all: each of the others has limits of its own for its exchanges only). `request_id` is
        that of the call which needs it.
        """
        bearer = self.tokens.bearer((yield from Clock()))
        if bearer is None:
            bearer = yield from SingleFlight(("login", self.tokens), self._renew(until, request_id))
        return bearer

    def _renew(self, until: float | None, request_id: str) -> Flow[str]:
        """A new token, from wherever they come. What goes wrong is told, and raised."""
        tokens = self.tokens
        try:
            if isinstance(tokens, ProvidedToken):
                return (yield from self._ask(tokens, (yield from Clock()), request_id))
            return (yield from self._log_in(tokens, until, request_id))
        except PixelError as error:
            yield from Report(LoginFailed(tokens.realm, str(error), request_id))
            raise

    def _log_in(self, tokens: Tokens, until: float | None, request_id: str) -> Flow[str]:
        """A token from the token endpoint. It is used even where its life was over before it came, since asking again
        would bring no longer one.
        """
        asked_at = yield from Clock()
        attempt, sends = 1, 0
        while (bearer := tokens.bearer(asked_at)) is None:
            request = tokens.grant(asked_at)
            if until is not None:
                limits = yield from _left(self.options.timeout_pixel, until, request.label)
                request = replace(request, timeouts=limits)
            outcome = yield from self._send(request, request_id, sends)
            sends += 1
            delay = yield from self._delay(self._login_retries, request.method, attempt, outcome)
            if delay is not None and until is not None and (yield from Clock()) + delay >= until:
                delay = None
            if delay is not None:
                yield from Report(CallRepeated(request.label, request_id, reason_of(outcome), attempt, delay))
                yield from Sleep(delay)
                asked_at = yield from Clock()
                attempt += 1
                continue
            if isinstance(outcome, PixelConnectionError):
                raise _after(outcome, attempt)
            tokens.answered(request, outcome, asked_at, (yield from Clock()))
            yield from Report(LoginRenewed(tokens.realm, request.label, request_id))
        return bearer

    def _ask(self, tokens: ProvidedToken, asked_at: float, request_id: str) -> Flow[str]:
        """A token from whoever gives them. What their function raises is raised as it is."""
        bearer = tokens.bearer(asked_at)
        if bearer is None and tokens.function is not None:
            bearer = tokens.take((yield from CallTokenProvider(tokens.function)), asked_at)
            yield from Report(LoginRenewed("", "the function that was given", request_id))
        if bearer is None:
            raise PixelLoginError("There is no token")
        return bearer

    def _send(self, request: Request, request_id: str, resend: int) -> Flow[Response | PixelConnectionError]:
        try:
            return (yield from Exchange(request, request_id, resend))
        except PixelConnectionError as error:
            return error

    def _delay(
        self,
        policy: RetryPolicy,
        method: str,
        attempt: int,
        outcome: Response | PixelConnectionError,
        again: bool | None = None,
    ) -> Flow[float | None]:
        """The policy's word; the random number is drawn only where something failed. `again` overrules its table."""
        if again is None and isinstance(outcome, Response) and outcome.status < 400:
            return None
        return policy.delay(method, attempt, outcome, (yield from Random()), again)


def _left(limits: Timeouts, until: float, what: str) -> Flow[Timeouts]:
    """The limits of an exchange when a call has to end. Raises PixelTimeoutError when no time is left for one."""
    left = until - (yield from Clock())
    if left <= 0:
        raise PixelTimeoutError(f"{what}: the call was to take no more than {limits.total:g} seconds", sent=False)
    return limits.within(left)


def redirected(request: Request, response: Response) -> str | None:
    """The path and query to which an answer sends this request, where that is safe to follow: to the same origin, and
    with the same method (307, 308; RFC 9110, section 15.4), or a GET. No token ever leaves for another origin.
    """
    same_method = response.status in (307, 308) or (request.method == "GET" and response.status in (301, 302))
    location = response.headers.get("Location")
    if not same_method or not location:
        return None
    try:
        origin, target = split_url(urljoin(request.url, location))
    except ValueError:
        return None
    return target if origin == request.origin and target != request.target else None


def reason_of(outcome: Response | PixelConnectionError) -> str:
    """What went wrong, fit to be shown."""
    return f"status {outcome.status}" if isinstance(outcome, Response) else str(outcome)


def _uuid4(bits: int) -> str:
    """128 random bits as a version 4 UUID (RFC 9562, section 5.4)."""
    text = f"{bits & _UNSET | _VERSION_AND_VARIANT:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_UNSET = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_AND_VARIANT = 4 << 76 | 0x8000 << 48


def _after(error: PixelConnectionError, tries: int, request_id: str = "") -> PixelConnectionError:
    """The error of the last try, which says how many there were, and which call it was."""
    told = [f"after {tries} tries"] if tries > 1 else []
    told += [f"request ID: {request_id}"] if request_id else []
    if not told:
        return error
    raised = copy(error)  # with all that it knows
    raised.args = (f"{error} ({', '.join(told)})",)
    raised.__cause__ = error
    return raised


def status_error(request: Request, response: Response, tries: int = 1, sensitive: bool = False) -> PixelStatusError:
    """The error for an answer of the Pixel API that is no success."""
    try:
        told: Any = response.json()
    except ValueError:
        text = _without(response.body[: 64 * _TEXT_LIMIT].decode("utf-8", "replace"), _secrets_among(request.headers))
        told = "(not shown: it may repeat what was sent)" if sensitive else text[:_TEXT_LIMIT]
    told = _without(told, _secrets_among(request.headers))
    if sensitive:
        told = _hidden(told, _secrets_of(request.body))
    request_id = response.headers.get("X-Request-ID")
    if 400 <= response.status < 500:
        payload = None if sensitive or not isinstance(request.body, bytes) else request.body.decode()
        kind = BAD_REQUESTS.get(response.status, PixelBadRequestError)
        return kind(told, response.status, request.method, request.url, request_id, payload, tries=tries)
    what = "failed" if response.status >= 500 else "gave an answer that is no success"
    own_id = request.headers.get("X-Request-ID")
    error = PixelServerError if response.status >= 500 else PixelStatusError
    return error(
        f"The server {what}: status {response.status} for {request.label} "
        f"(request ID: {request_id or own_id}), after {tries} {'try' if tries == 1 else 'tries'}",
        status_code=response.status,
        method=request.method,
        url=request.url,
        response_json=told,
        request_id=request_id,
    )


_OPEN_HEADERS = frozenset({"x-request-id", "accept", "accept-encoding", "content-type"})


def _secrets_among(headers: Headers) -> list[str]:
    """What a server may not repeat of a request's header fields: the token, and what was added by `with_options`. What
    is shorter than 8 characters stands in any text.
    """
    values = (value.removeprefix("Bearer ") for name, value in headers if name.lower() not in _OPEN_HEADERS)
    return sorted((value for value in values if len(value) >= 8), key=len, reverse=True)


def _without(told: Any, secrets: list[str]) -> Any:
    """An answer with stars in place of these."""
    if isinstance(told, dict):
        return {_without(name, secrets): _without(value, secrets) for name, value in told.items()}
    if isinstance(told, list):
        return [_without(item, secrets) for item in told]
    if isinstance(told, str):
        for secret in secrets:
            told = told.replace(secret, "***")
    return told


_SECRET_FIELDS = frozenset({"password", "api_key"})


def _secrets_of(body: Body) -> list[str]:
    """The secrets of a sensitive payload, the longest first."""
    found: set[str] = set()

    def look(value: Any, secret: bool) -> None:
        if isinstance(value, dict):
            for name, each in value.items():
                look(each, name in _SECRET_FIELDS)
        elif isinstance(value, list):
            for each in value:
                look(each, secret)
        elif secret and isinstance(value, str) and value:
            found.add(value)

    if isinstance(body, bytes) and body:
        look(json.loads(body), False)
    return sorted(found, key=len, reverse=True)


def _hidden(told: Any, secrets: list[str]) -> Any:
    """An answer without what it repeats of a sensitive request: FastAPI's 422 holds the `input`, and any text may quote
    a secret.
    """
    if isinstance(told, dict):
        return {
            _hidden(name, secrets): _hidden(value, secrets)
            for name, value in told.items()
            if name not in ("input", "ctx")
        }
    if isinstance(told, list):
        return [_hidden(item, secrets) for item in told]
    if not isinstance(told, str):
        return told
    for secret in secrets:
        told = told.replace(secret, "***")
    return told[:200]
