"""Every error of the library, in one tree::

    PixelError
    ├── PixelStatusError                a response whose status is not 2xx
    │   ├── PixelBadRequestError        4xx from the Pixel API
    │   │   ├── PixelAuthenticationError    401, after a renewed login
    │   │   ├── PixelPermissionError        403
    │   │   ├── PixelNotFoundError          404
    │   │   ├── PixelConflictError          409
    │   │   ├── PixelValidationError        422
    │   │   └── PixelRateLimitError         429
    │   ├── PixelServerError            5xx from the Pixel API
    │   └── PixelStorageError           the object storage refused an upload
    ├── PixelLoginError                 no token could be obtained
    ├── PixelConnectionError            no answer: refused, reset, closed too early
    │   ├── PixelTimeoutError           no answer in time (also a TimeoutError)
    │   └── PixelProxyError             a proxy could not be reached, or refused
    ├── PixelProtocolError              an answer that is invalid, or lacks a required field
    ├── PixelJobTimeoutError            a server job did not finish in time (also a TimeoutError)
    ├── PixelUploadJobError             a file was not accepted
    ├── PixelMultipleUploadJobError     several of those
    ├── PixelFileChangedError           a file changed while it was being uploaded
    ├── PixelSettingsError              a setting is missing or wrong (also a ValueError)
    ├── PixelCancelledError             the call was cancelled by its `cancel` (not by its event loop)
    └── PixelClosedError                the client was used after it was closed (also a RuntimeError)

Rules kept here:

* A message says what happened, to which request, after how many tries, and, where known, what to do next.
* No message holds a token, a password or a signature: URLs of the object storage are shown without their query, and
  payloads of sensitive calls are left out, also where the server repeats them.
* Text of a server is shown without control characters, and the reason that it gives for a refusal in one line.
* Every error can be pickled and copied.
* Invalid arguments raise ValueError, TypeError, FileNotFoundError or pydantic's ValidationError, before anything is
  sent; these are not in this tree. Settings are no arguments: a missing or wrong one is a PixelSettingsError.
"""

import json
from collections.abc import Sequence
from typing import Any

_MAX_FIELDS, _MAX_FIELD_CHARACTERS, _MAX_REASON_CHARACTERS = 10, 500, 2000
"""Limits of the reason that a message shows."""

_PLACES = ("body", "query", "path", "header", "cookie")
"""The parts of a request that FastAPI names before the field."""


def printable(text: str, lines: bool = False) -> str:
    """Return text of a server or of the disk with escapes in place of characters that could act on a terminal or break
    a line. With `lines`, line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or (lines and each in "\n\t") else each.encode("unicode_escape").decode()
        for each in text
    )


def refusal_reason(response_json: Any) -> str:
    """Return the reason of a refusal as one line: FastAPI's `detail`, for a 422 field by field ("name: Field
    required"). Other JSON is shown as it is, "" for none. Long reasons are shortened.
    """
    detail = response_json.get("detail", response_json) if isinstance(response_json, dict) else response_json
    if detail is None or detail in ("", {}, []):
        return ""
    if isinstance(detail, list) and all(isinstance(each, dict) and "msg" in each for each in detail):
        shown = [_field_reason(each) for each in detail[:_MAX_FIELDS]]
        more = len(detail) - len(shown)
        text = "; ".join(shown) + (f"; and {more} more" if more else "")
    else:
        text = detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)
    return _shorten(text, _MAX_REASON_CHARACTERS)


def _field_reason(problem: dict[str, Any]) -> str:
    """Return one item of FastAPI's `detail` as the path of the field, and what is wrong."""
    loc = problem.get("loc")
    parts = list(loc) if isinstance(loc, list) else []
    if len(parts) > 1 and parts[0] in _PLACES:
        parts = parts[1:]
    path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in parts).removeprefix(".")
    message = str(problem["msg"]).removeprefix("Value error, ")
    return _shorten(f"{path}: {message}" if path else message, _MAX_FIELD_CHARACTERS)


def _shorten(text: str, most: int) -> str:
    text = printable(text)
    return text if len(text) <= most else f"{text[:most]}..."


class PixelError(Exception):
    """Base class of the errors of this library."""

    def __reduce__(self) -> Any:
        """Pickle and copy errors by their fields, without calling the constructor."""
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[PixelError], arguments: tuple[Any, ...]) -> PixelError:
    error = kind.__new__(kind)
    error.args = arguments
    return error


_SHOWN = 4_000
"""The most characters of a body in a message."""


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text) - _SHOWN:,} more characters)"


class PixelStatusError(PixelError):
    """A response whose status is not 2xx. `status_code`, `method` and `url` are those of the exchange; `response_json`
    is the decoded body, or None; `request_id` is the `X-Request-ID` of the response.
    """

    def __init__(
        self, message: str, *, status_code: int, method: str, url: str, response_json: Any, request_id: str | None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.method = method
        self.url = url
        self.response_json = response_json
        self.request_id = request_id


class PixelBadRequestError(PixelStatusError):
    """The Pixel API refused a request: a status from 400 to 499.

    Attributes: `status_code`, `method`, `url` (with its query), `body` (the text of the request's body, "" without
    one, None if it is sensitive), `request_id`, `json_resp_msg` (the response as JSON text, indented by four),
    `reason` (what the server says is wrong, in one line, or "").
    Not raised for 5xx (PixelServerError), nor for responses of the object storage (PixelStorageError).
    """

    def __init__(
        self,
        response_json: Any,
        status_code: int,
        method: str,
        url: str,
        request_id: str | None = None,
        body: str | None = None,
        *,
        tries: int = 1,
    ) -> None:
        self.body = body
        self.json_resp_msg: str = json.dumps(response_json, indent=4)
        message = f"Bad request {status_code} for {method} {url} (request ID: {request_id})"
        self.reason: str = refusal_reason(response_json)
        if tries > 1:
            message += f", after {tries} tries"
        if self.reason:
            message += f": {self.reason.removesuffix('.')}"
        if self.hint:
            message += f". {self.hint}"
        if body:
            message += f"\nPayload:\n{_shortened(body)}"
        message += f"\nResponse: \n{_shortened(self.json_resp_msg)}"
        super().__init__(
            message, status_code=status_code, method=method, url=url, response_json=response_json, request_id=request_id
        )

    hint = ""

    def __str__(self) -> str:
        return self.message


class PixelAuthenticationError(PixelBadRequestError):
    """401, also after the login was renewed: this tenant's API does not accept the user."""

    hint = "A new token was refused too, or there is none: check PIXEL_TENANT and PIXEL_API_URL, or the token given"


class PixelPermissionError(PixelBadRequestError):
    """403: the user may not do this."""


class PixelNotFoundError(PixelBadRequestError):
    """404: the resource does not exist, or is not visible to the user."""


class PixelConflictError(PixelBadRequestError):
    """409: the present state of the resource does not allow the request."""


class PixelValidationError(PixelBadRequestError):
    """422: an argument is invalid; `reason` says which and why, `response_json["detail"]` in the server's form."""


class PixelRateLimitError(PixelBadRequestError):
    """429: too many requests, also after waiting and repeating."""


BAD_REQUESTS: dict[int, type[PixelBadRequestError]] = {
    401: PixelAuthenticationError,
    403: PixelPermissionError,
    404: PixelNotFoundError,
    409: PixelConflictError,
    422: PixelValidationError,
    429: PixelRateLimitError,
}


class PixelServerError(PixelStatusError):
    """The Pixel API failed: a status of 500 or above. Whether the request took effect is unknown."""


class PixelStorageError(PixelStatusError):
    """The object storage refused an upload. `code` is S3's error code ("AccessDenied"), or "" without one; `expired`
    is true if the signature was too old; `renewable` if a new upload job is the remedy, for that or another reason.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        expired: bool,
        status_code: int,
        method: str,
        url: str,
        renewable: bool = False,
    ) -> None:
        super().__init__(message, status_code=status_code, method=method, url=url, response_json=None, request_id=None)
        self.code = code
        self.expired = expired
        self.renewable: bool = renewable or expired


class PixelLoginError(PixelError):
    """No token could be obtained: wrong user or password, unknown tenant, or a failing token endpoint. `error` is the
    OAuth error code (RFC 6749, section 5.2), or "" without one. Not raised when the token endpoint cannot be reached:
    that is a PixelConnectionError.
    """

    def __init__(self, message: str, *, error: str = "", status_code: int | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.status_code = status_code


class PixelConnectionError(PixelError):
    """No answer: the connection could not be made, was reset, or closed before the answer was complete. `sent` is False
    if no byte of the request can have reached the peer, so that the request had no effect. `lasting` is True if another
    try would meet the same, as with a certificate that is refused: the request is not repeated.
    """

    def __init__(self, message: str, *, sent: bool = False, lasting: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.lasting = lasting


class PixelTimeoutError(PixelConnectionError, TimeoutError):
    """No answer in time: connecting, writing, reading or the wait for a free connection took too long."""


class PixelProxyError(PixelConnectionError):
    """A proxy could not be reached, or refused. `status` is that of its response (407: it requires other credentials),
    or None without one. The request had no effect. Not raised when it takes too long (PixelTimeoutError), nor for 502
    and 504 from a proxy that forwards, which may be the origin's.
    """

    def __init__(self, message: str, *, status: int | None = None, sent: bool = False, lasting: bool = False) -> None:
        super().__init__(message, sent=sent, lasting=lasting)
        self.status = status


class PixelProtocolError(PixelError):
    """A response that is not valid HTTP or JSON, or that lacks a field which the next step needs."""


class PixelJobTimeoutError(PixelError, TimeoutError):
    """A job on the server was not completed in time. It may still complete later."""


class PixelUploadJobError(PixelError):
    """A file was not accepted. `job_id` is its upload job (None if none was made), `status` and `detail` its last
    state, `file` its path as a string.
    """

    def __init__(self, job_id: Any, status: str, detail: Any, file: str | None = None) -> None:
        shown = printable(str(detail), lines=True)
        super().__init__(f"Upload job {job_id} failed with status '{printable(status)}', detail: \n{shown}")
        self.job_id = job_id
        self.status = status
        self.detail = detail
        self.file = file


class PixelMultipleUploadJobError(PixelError):
    """Several files were not accepted; `errors` holds a PixelUploadJobError for each."""

    def __init__(self, errors: Sequence[PixelUploadJobError]) -> None:
        super().__init__("Multiple upload jobs failed:\n" + "\n".join(str(error) for error in errors))
        self.errors: list[PixelUploadJobError] = list(errors)


class PixelFileChangedError(PixelError):
    """A file changed between the time it was hashed and the time it was sent."""


class PixelCancelledError(PixelError):
    """The call was cancelled: its `cancel` was set. `done` of the `total` files of an upload were uploaded; both are 0
    for other calls. With a journal, the same call continues an upload. Whether a request that was under way took effect
    is unknown. Not raised when the call had ended before, nor when a task or a scope of an event loop is cancelled.
    """

    def __init__(self, message: str, *, done: int = 0, total: int = 0) -> None:
        super().__init__(message)
        self.done = done
        self.total = total


class PixelClosedError(PixelError, RuntimeError):
    """The client was closed. Enter it again, or take one from `get_client()`."""


class PixelSettingsError(PixelError, ValueError):
    """A setting is missing or wrong, or a file of settings cannot be read. Nothing was sent. `missing` and `wrong` are
    the names of the settings, `problem` is what is wrong with them, without `advice`, which is what to do. No value of
    a setting is shown. Not raised for wrong keywords of a client (TypeError, ValueError).
    """

    def __init__(self, problem: str, advice: str = "", missing: Sequence[str] = (), wrong: Sequence[str] = ()) -> None:
        super().__init__(f"{problem}. {advice}" if advice else problem)
        self.problem = problem
        self.advice = advice
        self.missing: tuple[str, ...] = tuple(missing)
        self.wrong: tuple[str, ...] = tuple(wrong)
