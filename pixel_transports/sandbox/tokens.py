"""What the sandbox makes up: ids, tokens and signatures, all from one secret and one counter.

Rules kept here:

* Nothing is drawn from a random source: the same requests in the same order give the same names and tokens.
* Without the secret no token and no signature can be made.
* Signatures are compared in constant time.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

from pydantic_core import from_json, to_json


class TokenIssuer:
    """Makes ids and tokens from `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._count = 0

    def new_id(self, kind: str) -> str:
        """A new name of 32 hexadecimal digits in the shape of a UUID."""
        self._count += 1
        digits = hmac.digest(self._secret, f"{kind}:{self._count}".encode(), "sha256").hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"

    def encode(self, claims: dict[str, Any]) -> str:
        """A JWT over `claims`: header, payload and signature (RFC 7519), signed with HS256."""
        signed = ".".join(map(_encode, (b'{"alg":"HS256","typ":"JWT","kid":"sandbox"}', to_json(claims))))
        return f"{signed}.{_encode(self._sign(signed))}"

    def decode(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that was made here, or None for anything else. Its times are not looked at."""
        signed, _, signature = token.rpartition(".")
        if not token.isascii() or not hmac.compare_digest(_encode(self._sign(signed)), signature):
            return None
        try:
            claims = from_json(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        except (ValueError, binascii.Error):
            return None
        return claims if isinstance(claims, dict) else None

    def _sign(self, signed: str) -> bytes:
        return hmac.digest(self._secret, b"token:" + signed.encode(), "sha256")

    @property
    def storage_secret(self) -> str:
        """The secret access key of the storage."""
        return hmac.digest(self._secret, b"storage", "sha256").hex()[:40]


def md5_hex(base64_digest: str) -> str | None:
    """The MD5 of a `Content-MD5` value (RFC 1864: base64 of the 16 bytes) in hex, or None when it is none."""
    try:
        digest = base64.b64decode(base64_digest, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest.hex() if len(digest) == hashlib.md5(usedforsecurity=False).digest_size else None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
