"""Classifies responses of the object storage to presigned S3 requests.

Rules kept here:

* Of S3's XML errors only `Code` is used, and `Message` to distinguish an expired signature from a wrong one.
* An object is stored when the status is 2xx and the ETag, if it is an MD5, is the declared one. ETags of objects that
  the storage encrypts with its own keys (SSE-KMS, SSE-C) are no MD5.
* Damaged bytes (BadDigest, another ETag) are sent again once. If they are refused again, the file has changed since it
  was hashed.
"""

import enum
import re
from base64 import b64decode
from dataclasses import replace

from pixel_core.errors import PixelStorageError, printable
from pixel_core.messages import Request, Response, resolve_location
from pixel_core.session.retries import TRANSIENT_STATUSES

_EXPIRED = ("request has expired", "policy expired")
_TOO_EARLY = "request is not valid yet"  # MinIO's message for RequestTimeTooSkewed
_TRANSIENT_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"})
_DAMAGED_CODES = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"})
_LOST_CODES = frozenset({"NoSuchUpload"})
_MD5 = re.compile(r'"?([0-9a-fA-F]{32})"?')


class Verdict(enum.Enum):
    """Meaning of a response. TRANSIENT and DAMAGED are tried again, MOVED at another URL."""

    STORED = enum.auto()
    MOVED = enum.auto()
    TRANSIENT = enum.auto()
    DAMAGED = enum.auto()
    REFUSED = enum.auto()


def classify(response: Response, md5: str | None) -> Verdict:
    """Return the meaning of the response to a request whose bytes have this MD5 (base64)."""
    if 200 <= response.status < 300:
        return Verdict.STORED if md5 is None or _has_md5(response, md5) else Verdict.DAMAGED
    if response.status in (307, 308) and "Location" in response.headers:
        return Verdict.MOVED
    code = code_of(response)
    if code in _DAMAGED_CODES:
        return Verdict.DAMAGED
    if code in _TRANSIENT_CODES or response.status in TRANSIENT_STATUSES:
        return Verdict.TRANSIENT
    return Verdict.REFUSED


def _has_md5(response: Response, md5: str) -> bool:
    encryption = response.headers.get("x-amz-server-side-encryption", "")
    if encryption.startswith("aws:kms") or "x-amz-server-side-encryption-customer-algorithm" in response.headers:
        return True
    found = _MD5.fullmatch(response.headers.get("ETag", "").strip())
    return found is None or found[1].lower() == b64decode(md5).hex()


def redirect(request: Request, response: Response) -> Request | None:
    """Return the request to the URL of a redirect (307, 308); None for an invalid one, or one from https to http."""
    try:
        origin, target = resolve_location(request, response.headers["Location"])
    except ValueError:
        return None
    if request.origin.scheme == "https" and origin.scheme != "https":
        return None
    return replace(request, origin=origin, target=target)


def code_of(response: Response) -> str:
    """Return S3's error code, or "" without one."""
    return _between(_text(response), "<Code>", "</Code>")


def storage_error(request: Request, response: Response, tries: int = 1) -> PixelStorageError:
    """Return the error for a response of the object storage that is not 2xx."""
    text = _text(response)
    code = _between(text, "<Code>", "</Code>")
    message = text.lower()
    expired = code == "AccessDenied" and any(each in message for each in _EXPIRED)
    skewed = code == "RequestTimeTooSkewed" or (code == "AccessDenied" and _TOO_EARLY in message)
    renewable = expired or skewed or code in _LOST_CODES
    if 200 <= response.status < 300:
        reason = "it stored other bytes than were sent"
    elif expired:
        reason = f"{code}, the signature has expired"
    elif skewed:
        reason = f"{code}, the clocks of the server and of the storage differ"
    else:
        reason = printable(code) or "no reason given"
    return PixelStorageError(
        f"The object storage refused {request.label}: status {response.status}, {reason}, "
        f"after {tries} {'try' if tries == 1 else 'tries'}",
        code=code,
        expired=expired,
        renewable=renewable,
        status_code=response.status,
        method=request.method,
        url=f"{request.origin}{request.path}",
    )


def _text(response: Response) -> str:
    return response.body[:65536].decode("utf-8", "replace")


def _between(text: str, start: str, end: str) -> str:
    _, found, rest = text.partition(start)
    value, closed, _ = rest.partition(end)
    return value.strip() if found and closed and len(value) < 100 else ""
