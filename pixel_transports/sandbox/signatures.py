"""AWS Signature Version 4, both sides: signs forms and URLs, and checks them.

Rules kept here:

* A form is signed over its policy, the base64 text as it is; a URL over the canonical request of "Authenticating
  Requests: Using Query Parameters" in the S3 API reference, with an unsigned payload.
* A policy has every field that may be sent; `x-amz-signature`, `file`, `policy` and `x-ignore-*` need no condition
  ("POST Policy" in the S3 API reference).
* The signature is checked before anything else in a request is used. Errors are S3's own.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json, to_json

ALGORITHM = "AWS4-HMAC-SHA256"
ACCESS_KEY = "SANDBOX"
REGION = "eu-north-1"
MAX_OBJECT_BYTES = 5 * 1024**3
_UNCONDITIONAL = frozenset({"x-amz-signature", "file", "policy"})


class StorageError(Exception):
    """An error response of S3."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=256)  # a stamp is read for each form and each part of a second: 12 µs
def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


@lru_cache(maxsize=256)  # the same for a whole day: four of five digests of a signature
def _signing_key(secret: str, day: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for scope in (day, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, scope.encode(), "sha256")
    return key


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


class Signer:
    """Signs with one key for one bucket. Signatures are valid for `seconds`."""

    def __init__(self, secret: str, bucket: str, seconds: float) -> None:
        self.bucket = bucket
        self._secret = secret
        self._seconds = seconds

    def _sign(self, text: str, day: str) -> str:
        return hmac.digest(_signing_key(self._secret, day), text.encode(), "sha256").hex()

    def _credential(self, stamp: str) -> str:
        return f"{ACCESS_KEY}/{stamp[:8]}/{REGION}/s3/aws4_request"

    # Forms

    def sign_form(self, key: str, md5: str, now: float, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the fields of a form that stores one object with this MD5 (base64) at `key`, with `more` fields."""
        stamp = _stamp(now)
        expires = datetime.fromtimestamp(now + self._seconds, UTC)
        fields = {
            "key": key,
            "Content-MD5": md5,
            **(more or {}),
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": self._credential(stamp),
            "x-amz-date": stamp,
        }
        conditions: list[Any] = [{"bucket": self.bucket}, ["content-length-range", 0, MAX_OBJECT_BYTES]]
        conditions += [{name: value} for name, value in fields.items()]
        expiration = expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        policy = base64.b64encode(to_json({"expiration": expiration, "conditions": conditions})).decode()
        return {**fields, "policy": policy, "x-amz-signature": self._sign(policy, stamp[:8])}

    def check_form(self, fields: Mapping[str, str], size: int, now: float) -> None:
        """Check a form with lower-case names and a file of `size` bytes. Raises StorageError."""
        for name in ("key", "policy", "x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm"):
            if name not in fields:
                message = f"Bucket POST must contain a field named '{name}'."
                raise StorageError(400, "InvalidArgument", message, ArgumentName=name)
        self._check_credential(fields["x-amz-algorithm"], fields["x-amz-credential"], fields["x-amz-date"])
        signature = self._sign(fields["policy"], fields["x-amz-date"][:8])
        if not _equal(signature, fields["x-amz-signature"]):
            raise _signature_mismatch()
        policy = from_json(base64.b64decode(fields["policy"]), cache_strings="keys")  # values do not repeat
        if not now < datetime.fromisoformat(policy["expiration"]).timestamp():
            raise StorageError(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
        self._check_conditions(policy["conditions"], {**fields, "bucket": self.bucket}, size)

    @staticmethod
    def _check_conditions(conditions: list[Any], fields: dict[str, str], size: int) -> None:
        conditional = {"bucket"}
        for condition in conditions:
            if isinstance(condition, dict):
                ((name, value),) = condition.items()
                conditional.add(name.lower())
                if fields.get(name.lower()) != value:
                    condition_text = f'["eq", "${name}", "{value}"]'
                    message = f"Invalid according to Policy: Policy Condition failed: {condition_text}"
                    raise StorageError(403, "AccessDenied", message)
            else:
                _, minimum, maximum = condition
                if size > maximum:
                    message = "Your proposed upload exceeds the maximum allowed size"
                    raise StorageError(
                        400, "EntityTooLarge", message, ProposedSize=str(size), MaxSizeAllowed=str(maximum)
                    )
                if size < minimum:
                    raise StorageError(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum size")
        extra = [
            name for name in fields if name not in conditional | _UNCONDITIONAL and not name.startswith("x-ignore-")
        ]
        if extra:
            message = f"Invalid according to Policy: Extra input fields: {', '.join(extra)}"
            raise StorageError(403, "AccessDenied", message)

    def _check_credential(self, algorithm: str, credential: str, stamp: str) -> None:
        try:
            _seconds(stamp)
        except ValueError:
            raise StorageError(400, "InvalidArgument", "X-Amz-Date must be in the ISO8601 Long Format") from None
        if algorithm != ALGORITHM:
            raise StorageError(400, "InvalidArgument", f"X-Amz-Algorithm only supports {ALGORITHM}")
        if credential.partition("/")[0] != ACCESS_KEY:
            message = "The AWS Access Key Id you provided does not exist in our records."
            raise StorageError(403, "InvalidAccessKeyId", message)
        if credential != self._credential(stamp):
            raise StorageError(400, "InvalidArgument", "The credential does not fit the date, region or service")

    # URLs

    def sign_query(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], now: float
    ) -> str:
        """Return the query of a URL for `method` and exactly these headers (lower-case names)."""
        stamp = _stamp(now)
        full_query = {
            **query,
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": self._credential(stamp),
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(int(self._seconds)),
            "X-Amz-SignedHeaders": ";".join(sorted(headers)),
        }
        signature = self._sign(self._string_to_sign(method, path, full_query, headers), stamp[:8])
        return f"{_canonical_query(full_query)}&X-Amz-Signature={signature}"

    @staticmethod
    def _string_to_sign(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        names = query["X-Amz-SignedHeaders"].split(";")
        lines = [method, path, _canonical_query(query)]
        lines += [f"{name}:{' '.join(headers.get(name, '').split())}" for name in names]
        canonical = "\n".join([*lines, "", ";".join(names), "UNSIGNED-PAYLOAD"])
        digest = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
        scope = query["X-Amz-Credential"].partition("/")[2]
        return "\n".join((ALGORITHM, query["X-Amz-Date"], scope, digest))

    def check_query(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], now: float
    ) -> None:
        """Check a signed URL; header names are in lower case. Raises StorageError."""
        names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
        present = [f"X-Amz-{name}" in query for name in names]
        if not any(present):
            raise StorageError(403, "AccessDenied", "Access Denied")
        if not all(present) or not query["X-Amz-Expires"].isdecimal():
            message = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            message += "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            raise StorageError(400, "AuthorizationQueryParametersError", message)
        stamp = query["X-Amz-Date"]
        self._check_credential(query["X-Amz-Algorithm"], query["X-Amz-Credential"], stamp)
        expires = _seconds(stamp) + float(query["X-Amz-Expires"])
        if not now < expires:
            raise StorageError(403, "AccessDenied", "Request has expired")
        unsigned = {name: value for name, value in query.items() if name != "X-Amz-Signature"}
        signature = self._sign(self._string_to_sign(method, path, unsigned, headers), stamp[:8])
        if not _equal(signature, query["X-Amz-Signature"]):
            raise _signature_mismatch()


def _equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "replace"))


def _canonical_query(query: Mapping[str, str]) -> str:
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in sorted(query.items()))


def _signature_mismatch() -> StorageError:
    message = "The request signature we calculated does not match the signature you provided. Check your key and "
    return StorageError(403, "SignatureDoesNotMatch", message + "signing method.")
