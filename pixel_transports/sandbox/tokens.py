"""Ids and tokens, derived from one secret and one counter.

Rules kept here:

* Nothing is random: the same requests in the same order give the same ids and tokens.
* Without the secret no token can be made.
* Signatures are compared in constant time.
"""

import base64
import binascii
import hmac
import secrets
from typing import Any

from pydantic_core import from_json, to_json


class TokenIssuer:
    """Issues ids and tokens."""

    def __init__(self, secret: str | bytes) -> None:
        self._secret = secret.encode() if isinstance(secret, str) else secret
        self.issued: int = 0

    def new_id(self, kind: str) -> str:
        """Return a new id: 32 hexadecimal digits in the format of a UUID."""
        self.issued += 1
        digits = hmac.digest(self._secret, f"{kind}:{self.issued}".encode(), "sha256").hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"

    def encode(self, claims: dict[str, Any]) -> str:
        """Return a JWT (RFC 7519) with these claims, signed with HS256."""
        signed = ".".join(map(_base64url, (b'{"alg":"HS256","typ":"JWT","kid":"sandbox"}', to_json(claims))))
        return f"{signed}.{_base64url(self._sign(signed))}"

    def decode(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token from here, or None for any other text. Expiry is not checked."""
        signed, _, signature = token.rpartition(".")
        if not token.isascii() or not hmac.compare_digest(_base64url(self._sign(signed)), signature):
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


def random_first_id() -> int:
    """Return a first id for records; two sandboxes with up to a thousand records rarely share one."""
    return 1000 * (1 + secrets.randbelow(2_000_000))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
