"""What the answers of the object storage mean ("S3 presigned uploads").

Rules kept here:

* Only `Code` of S3's XML errors is relied on, and the words of its `Message` to tell an old signature from a wrong one.
* An object is stored when the answer is 2xx and its ETag, where that is an MD5, is the MD5 that was declared. ETags of
  objects that the storage encrypts with keys of its own (SSE-KMS, SSE-C) are none.
* Bytes that arrived otherwise than they were declared (BadDigest, another ETag) are sent again once: they may have been
  damaged on their way. If they are refused again, the file is no longer what was hashed.
"""

import enum
import re
from base64 import b64decode
from urllib.parse import urljoin

from pixel_core.errors import PixelStorageError
from pixel_core.messages import Request, Response, split_url

_EXPIRED = ("request has expired", "policy expired")
_TOO_EARLY = "request is not valid yet"  # MinIO's word for RequestTimeTooSkewed
_TRANSIENT_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"})
_DAMAGED_CODES = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"})
_LOST_CODES = frozenset({"NoSuchUpload"})
_MD5 = re.compile(r'"?([0-9a-fA-F]{32})"?')


class Verdict(enum.Enum):
    """What to make of an answer: TRANSIENT and DAMAGED are worth another try, MOVED one elsewhere."""

    STORED = enum.auto()
    MOVED = enum.auto()
    TRANSIENT = enum.auto()
    DAMAGED = enum.auto()
    REFUSED = enum.auto()


def classify(response: Response, md5: str | None) -> Verdict:
    """What an answer means for a request whose bytes have this MD5 (base64)."""
    if 200 <= response.status < 300:
        return Verdict.STORED if md5 is None or _fits(response, md5) else Verdict.DAMAGED
    if response.status in (307, 308) and "Location" in response.headers:
        return Verdict.MOVED
    code = code_of(response)
    if code in _DAMAGED_CODES:
        return Verdict.DAMAGED
    if code in _TRANSIENT_CODES or response.status in (408, 429, 500, 502, 503, 504):
        return Verdict.TRANSIENT
    return Verdict.REFUSED


def _fits(response: Response, md5: str) -> bool:
    encryption = response.headers.get("x-amz-server-side-encryption", "")
    if encryption.startswith("aws:kms") or "x-amz-server-side-encryption-customer-algorithm" in response.headers:
        return True
    found = _MD5.fullmatch(response.headers.get("ETag", "").strip())
    return found is None or found[1].lower() == b64decode(md5).hex()


def redirect(request: Request, response: Response) -> Request:
    """The same request to where the storage says (307): another host of the same scheme. Raises ValueError."""
    url = urljoin(request.url, response.headers["Location"])
    origin, target = split_url(url)
    if request.origin.scheme == "https" and origin.scheme != "https":
        raise ValueError("the storage redirects from https to http")
    return Request(request.method, origin, target, request.headers, request.body, request.timeouts)


def code_of(response: Response) -> str:
    """S3's error code, or "" without one."""
    return _between(_text(response), "<Code>", "</Code>")


def storage_error(request: Request, response: Response, tries: int = 1) -> PixelStorageError:
    """The error for an answer of the object storage that is no success."""
    text = _text(response)
    code = _between(text, "<Code>", "</Code>")
    words = text.lower()
    expired = code == "AccessDenied" and any(each in words for each in _EXPIRED)
    skewed = code == "RequestTimeTooSkewed" or (code == "AccessDenied" and _TOO_EARLY in words)
    renewable = expired or skewed or code in _LOST_CODES
    if 200 <= response.status < 300:
        reason = "it says that it stored other bytes than were sent"
    elif expired:
        reason = f"{code}, the signature has expired"
    elif skewed:
        reason = f"{code}, the clocks of the server and of the storage differ"
    else:
        reason = code or "no reason given"
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
