"""The tokens of a login at Keycloak: the grant to send next, and the valid token.

Rules kept here:

* No I/O and no clock: `now` is an argument, in seconds on a monotonic clock.
* A token's lifetime is measured from when it was requested, never from times inside it: clocks differ.
* A token is renewed before it expires, so that it stays valid on its way: by 30 s, or by a tenth of a short lifetime.
* A refresh token is used once: the response has the next. After a refused one the password is used (RFC 6749,
  section 6). A refused password is not sent again for a few seconds, so that no loop locks the account.
* No `repr` and no error shows a token or a password.

States::

    EMPTY ──granted──▶ FRESH ──time──▶ EXPIRING ──granted──▶ FRESH
      ▲                  │ rejected by the API      │ refresh token refused
      └──────────────────┴──────────────────────────┘
    EMPTY ──password refused──▶ REFUSED ──some seconds──▶ EMPTY
"""

import re
from collections.abc import Callable
from copy import copy
from dataclasses import field, replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from pixel_core.errors import PixelLoginError, PixelProtocolError, printable
from pixel_core.messages import Headers, Request, Response, Timeouts, split_base_url, split_url
from pixel_core.redaction import SecretBytes, SecretText, redact
from pixel_core.session.retries import TRANSIENT_STATUSES
from pixel_core.values import hash_of_fields, value

REFUSAL_SECONDS = 5.0
"""Seconds for which a refused password is not sent again."""


@value
class Account:
    """Credentials of a user at a realm (tenant) of Keycloak. `auth_url` is the server's URL, without `/realms`."""

    auth_url: str
    realm: str
    client_id: str
    username: str
    password: str = field(repr=False)

    __hash__ = hash_of_fields

    @property
    def token_url(self) -> str:
        """URL of the token endpoint."""
        realm = quote(self.realm, safe="")
        return f"{self.auth_url.rstrip('/')}/realms/{realm}/protocol/openid-connect/token"


@value
class _TokenSet:
    """An access token, its refresh token, and the times until which they are used."""

    access: str = field(default="", repr=False)
    renew_at: float = float("-inf")
    refresh: str | None = field(default=None, repr=False)
    refresh_until: float = float("-inf")
    expires_at: float = float("-inf")


_EMPTY = _TokenSet()


class _Held:
    """The tokens of `Tokens` and `ProvidedToken`. They are replaced as a whole, so any thread may read them while
    another renews them.
    """

    _tokens = _EMPTY

    def bearer(self, now: float) -> str | None:
        """Return the access token, or None when a new one has to be obtained."""
        tokens = self._tokens
        return tokens.access if tokens.access and now < tokens.renew_at else None

    def unexpired(self, now: float) -> str | None:
        """Return the access token until it expires, though a new one should be obtained."""
        tokens = self._tokens
        return tokens.access if tokens.access and now < tokens.expires_at else None

    def postpone(self, now: float) -> None:
        """Use the present token a little longer, after a renewal that failed."""
        tokens = self._tokens
        self._tokens = replace(tokens, renew_at=min(now + REFUSAL_SECONDS, tokens.expires_at))


class Tokens(_Held):
    """The tokens of one account. While `bearer(now)` is None, send `grant(now)` and pass its response to `receive`."""

    renewable = True
    """True if there may be another token after a refused one."""

    def __init__(self, account: Account, timeouts: Timeouts = Timeouts()) -> None:
        self._account = account
        self._timeouts = timeouts
        split_base_url(account.auth_url)
        self._origin, self._target = split_url(account.token_url)
        self._refusal: tuple[PixelLoginError, float] | None = None

    @property
    def realm(self) -> str:
        """Name of the tenant."""
        return self._account.realm

    def __repr__(self) -> str:
        return f"<Tokens of {self._account.username} at {self._account.realm}>"

    def grant(self, now: float) -> Request:
        """Return the token request to send next: a refresh grant if there is a refresh token, else a password grant.
        Raises PixelLoginError for some seconds after a refused password.
        """
        if self._refusal is not None and now < self._refusal[1]:
            raise copy(self._refusal[0])
        tokens, account = self._tokens, self._account
        if tokens.refresh is not None and now < tokens.refresh_until:
            fields = {"client_id": account.client_id, "refresh_token": tokens.refresh, "grant_type": "refresh_token"}
        else:
            fields = {
                "client_id": account.client_id,
                "username": account.username,
                "password": account.password,
                "scope": "openid email profile",
                "grant_type": "password",
            }
        headers = Headers((("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")))
        return Request(
            "POST", self._origin, self._target, headers, SecretBytes(urlencode(fields).encode()), self._timeouts
        )

    def receive(self, request: Request, response: Response, sent_at: float, now: float) -> None:
        """Handle the response to a grant that was sent at `sent_at`. Afterwards `bearer` returns a token or, after a
        refused refresh token, `grant` returns the password grant. A refused refresh token that another event loop has
        replaced meanwhile changes nothing.

        Raises PixelLoginError for a refused password, PixelProtocolError for an invalid response (RFC 6749, sections
        5.1 and 5.2).
        """
        if response.status == 200:
            self._tokens = self._accepted(response, sent_at)
            self._refusal = None
            return
        error, description = _oauth_error(request, response)
        sent_refresh = dict(_fields(request)).get("refresh_token")
        if sent_refresh is not None and error in ("invalid_grant", "invalid_token"):
            if sent_refresh == self._tokens.refresh:
                self._tokens = replace(self._tokens, refresh=None, renew_at=float("-inf"))
            return
        refusal = self._refused(response.status, error, description)
        if response.status not in TRANSIENT_STATUSES and response.status < 500:
            self._tokens = _EMPTY
            self._refusal = (copy(refusal), now + REFUSAL_SECONDS)
        raise refusal

    def reject(self, bearer: str) -> None:
        """Forget this access token, which the API refused, unless it was replaced meanwhile."""
        tokens = self._tokens
        if tokens.access == bearer:
            self._tokens = _TokenSet(refresh=tokens.refresh, refresh_until=tokens.refresh_until)

    def _accepted(self, response: Response, sent_at: float) -> _TokenSet:
        where = f"The answer of the token endpoint {self._account.token_url}"
        try:
            answer = response.json()
        except ValueError:
            raise PixelProtocolError(f"{where} is not JSON: is PIXEL_AUTH_SERVER_URL a Keycloak server?") from None
        access = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(access, str) or not _TOKEN.fullmatch(access):
            raise PixelProtocolError(f"{where} has no usable field 'access_token'")
        refresh = answer.get("refresh_token")
        refresh_lifetime = _seconds(answer.get("refresh_expires_in")) or float("inf")  # 0 is an offline token
        lifetime = _seconds(answer.get("expires_in"))
        return _TokenSet(
            SecretText(access),
            _renewal_time(sent_at, lifetime),
            SecretText(refresh) if isinstance(refresh, str) and refresh else None,
            sent_at + refresh_lifetime,
            sent_at + (lifetime or float("inf")),
        )

    def _refused(self, status: int, error: str, description: str) -> PixelLoginError:
        account = self._account
        user = f"{account.username} at tenant {account.realm} ({account.token_url})"
        reason = f"{status} {error}: {description}".rstrip(": ") if error else f"status {status}"
        if status == 404:
            advice = f"there is no tenant {account.realm!r}: check PIXEL_TENANT and PIXEL_AUTH_SERVER_URL"
        elif error == "invalid_grant":
            advice = "check PIXEL_USERNAME and PIXEL_PASSWORD, or wait if there were many failed logins"
        elif status >= 500 or status in TRANSIENT_STATUSES:
            return PixelLoginError(
                f"Login failed for {user}: {reason}; the login server cannot answer now, try again later",
                error=error,
                status_code=status,
            )
        else:
            advice = "check PIXEL_TENANT and PIXEL_AUTH_SERVER_URL"
        return PixelLoginError(f"Login refused for {user}: {reason}; {advice}", error=error, status_code=status)


TokenSource: TypeAlias = str | Callable[[], Any]
"""What replaces a password: a token, or a function that returns one, or one and its lifetime in seconds."""


class ProvidedToken(_Held):
    """The token of a user who logs in elsewhere: a constant, or the result of a function. The function is called at the
    first use, when the lifetime that it returned is over, and when the API refuses the token.
    """

    realm = ""

    def __init__(self, source: TokenSource) -> None:
        source = SecretText(source) if isinstance(source, str) else source  # in a traceback
        self.function: Callable[[], Any] | None = None if isinstance(source, str) else source
        if isinstance(source, str):
            self.accept(source, 0.0)
        elif not callable(source):
            raise TypeError(f"token is a string, or a function that gives one, not {type(source).__name__}")

    def __repr__(self) -> str:
        return f"<ProvidedToken, {'always the same' if self.function is None else 'from a function'}>"

    @property
    def renewable(self) -> bool:
        """True if there may be another token after a refused one."""
        return self.function is not None

    def accept(self, result: object, called_at: float) -> str:
        """Store a result of the function, which was called at `called_at`, and return its token. Raises PixelLoginError
        for anything but a token, or a token and its lifetime in seconds.
        """
        token, lifetime = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
        del result  # It is in no traceback.
        seconds = _seconds(lifetime)
        token = SecretText(token) if isinstance(token, str) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or (lifetime is not None and seconds is None):
            raise PixelLoginError(
                "Invalid token: it must be a string of visible ASCII characters, or that and its lifetime in seconds"
            )
        expires_at = called_at + (seconds or float("inf"))
        self._tokens = _TokenSet(token, _renewal_time(called_at, seconds), expires_at=expires_at)
        return token

    def reject(self, bearer: str) -> None:
        """Forget this token, which the API refused, so that the function is called again."""
        if self.renewable and self._tokens.access == bearer:
            self._tokens = _EMPTY


_TOKEN = re.compile("[!-~]+")


def _renewal_time(start: float, lifetime: float | None) -> float:
    """Return when to renew a token; None is a token that does not expire."""
    return float("inf") if lifetime is None else start + lifetime - min(30.0, lifetime / 10)


def _fields(request: Request) -> list[tuple[str, SecretText]]:
    """The form fields of a grant."""
    body = request.body if isinstance(request.body, bytes) else b""
    return [(name, SecretText(text)) for name, text in parse_qsl(body.decode())]


def _oauth_error(request: Request, response: Response) -> tuple[str, str]:
    """Return the error code and its description (RFC 6749, section 5.2), without the secrets of the grant."""
    try:
        payload = response.json()
    except ValueError:
        return "", ""
    if not isinstance(payload, dict):
        return "", ""
    texts = [payload.get("error"), payload.get("error_description")]
    error, description = (each if isinstance(each, str) else "" for each in texts)
    secrets = [text for name, text in _fields(request) if name in ("password", "refresh_token")]
    spellings = [*secrets, *map(quote_plus, secrets)]
    # An error code is a word of the standard: it is shown even if a password is a part of it.
    is_code = re.fullmatch("[a-z_]{1,40}", error) is not None and error not in secrets
    return error if is_code else printable(redact(error, spellings)), printable(redact(description, spellings))


def _seconds(value: object) -> float | None:
    """Return a positive number of seconds, or None: servers leave the field out, or send 0 for a token without end."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(min(value, 1e9))
    return None
