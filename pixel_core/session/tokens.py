"""The life of a login at Keycloak: which grant to send next, and which token is good for now.

Rules kept here:

* No I/O and no clock: `now` is an argument, in seconds on a monotonic clock.
* A token's life is measured from when it was asked for, never from times inside it: clocks differ.
* A token is renewed a little before it ends, so that it does not end on its way: 30 s, or a tenth of a short life.
* A refresh token is used once: the answer brings the next. One that is refused is given up for the password
  (RFC 6749, section 6); a refused password stays refused for a few seconds, so that no account gets locked by a loop.
* Nothing here shows a token or a password.

States, as `state(now)` tells them::

    EMPTY ──granted──▶ FRESH ──time──▶ EXPIRING ──granted──▶ FRESH
      ▲                  │ rejected by the API      │ refresh token refused
      └──────────────────┴──────────────────────────┘
    EMPTY ──password refused──▶ REFUSED ──some seconds──▶ EMPTY
"""

import enum
import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from pixel_core.errors import PixelLoginError, PixelProtocolError
from pixel_core.messages import Headers, Request, Response, Timeouts, split_url
from pixel_core.values import value

REFUSAL_SECONDS = 5.0
"""How long a refused password is not sent again, in seconds."""


class TokenState(enum.Enum):
    EMPTY = enum.auto()
    FRESH = enum.auto()
    EXPIRING = enum.auto()
    REFUSED = enum.auto()


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in, and where. `auth_url` is the Keycloak server's, without `/realms`."""

    auth_url: str
    realm: str
    client_id: str
    username: str
    password: str = field(repr=False)

    @property
    def token_url(self) -> str:
        realm = quote(self.realm, safe="")
        return f"{self.auth_url.rstrip('/')}/realms/{realm}/protocol/openid-connect/token"


@value
class _Held:
    access: str = field(repr=False)
    renew_at: float
    refresh: str | None = field(repr=False)
    refresh_until: float


_NOTHING = _Held("", float("-inf"), None, float("-inf"))


class Tokens:
    """The tokens of one account. Drive it so: while `bearer(now)` is None, send `grant(now)` and hand the answer to
    `answered`. What it holds is replaced as a whole, so it can be read from any thread while one renews.
    """

    def __init__(self, account: Account, timeouts: Timeouts = Timeouts()) -> None:
        self._account = account
        self._timeouts = timeouts
        self._origin, self._target = split_url(account.token_url)
        self._held = _NOTHING
        self._refusal: tuple[PixelLoginError, float] | None = None

    renewable = True
    """Whether there may be another token after one that was refused."""

    @property
    def realm(self) -> str:
        """The tenant."""
        return self._account.realm

    def __repr__(self) -> str:
        return f"<Tokens of {self._account.username} at {self._account.realm}>"

    def state(self, now: float) -> TokenState:
        if self._refusal is not None and now < self._refusal[1]:
            return TokenState.REFUSED
        if not self._held.access:
            return TokenState.EMPTY
        return TokenState.FRESH if now < self._held.renew_at else TokenState.EXPIRING

    def bearer(self, now: float) -> str | None:
        """The access token, or None when a new one has to be asked for."""
        held = self._held
        return held.access if held.access and now < held.renew_at else None

    def grant(self, now: float) -> Request:
        """The token request to send next: a refresh grant where there is a refresh token, else the password grant.

        Raises PixelLoginError while a refused password is not to be sent again.
        """
        if self._refusal is not None and now < self._refusal[1]:
            raise copy(self._refusal[0])
        held, account = self._held, self._account
        if held.refresh is not None and now < held.refresh_until:
            fields = {
                "client_id": account.client_id,
                "refresh_token": held.refresh,
                "grant_type": "refresh_token",
            }
        else:
            fields = {
                "client_id": account.client_id,
                "username": account.username,
                "password": account.password,
                "scope": "openid email profile",
                "grant_type": "password",
            }
        headers = Headers((("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")))
        return Request("POST", self._origin, self._target, headers, urlencode(fields).encode(), self._timeouts)

    def answered(self, request: Request, response: Response, asked_at: float, now: float) -> None:
        """Take the answer to a grant. Afterwards `bearer` has a token, or (a refused refresh token) `grant` gives the
        password grant. Raises PixelLoginError when the password was refused, PixelProtocolError when the answer is
        no token answer (RFC 6749, sections 5.1 and 5.2). Event loops renew each for itself: that a refresh token is
        refused which another renewal has replaced meanwhile takes nothing away.
        """
        if response.status == 200:
            self._held = self._accepted(response, asked_at)
            self._refusal = None
            return
        error, description = _oauth_error(request, response)
        sent = dict(parse_qsl(_bytes(request).decode()))
        if sent["grant_type"] == "refresh_token" and error in ("invalid_grant", "invalid_token"):
            if sent["refresh_token"] == self._held.refresh:
                self._held = _NOTHING
            return
        refusal = self._refused(response.status, error, description)
        if response.status < 500 and response.status != 429:
            self._held = _NOTHING
            self._refusal = (copy(refusal), now + REFUSAL_SECONDS)
        raise refusal

    def rejected(self, bearer: str) -> None:
        """The API did not accept this token: forget it, unless it was replaced meanwhile."""
        held = self._held
        if held.access == bearer:
            self._held = _Held("", float("-inf"), held.refresh, held.refresh_until)

    def _accepted(self, response: Response, asked_at: float) -> _Held:
        where = f"The answer of the token endpoint {self._account.token_url}"
        try:
            answer = response.json()
        except ValueError:
            raise PixelProtocolError(f"{where} is not JSON: is PIXEL_AUTH_SERVER_URL a Keycloak server?") from None
        access = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(access, str) or not re.fullmatch("[!-~]+", access):
            raise PixelProtocolError(f"{where} has no usable field 'access_token'")
        life = _seconds(answer.get("expires_in"))
        refresh = answer.get("refresh_token")
        refresh_life = _seconds(answer.get("refresh_expires_in")) or float("inf")  # 0 is an offline token: no end
        return _Held(
            access,
            asked_at + life - min(30.0, life / 10) if life is not None else float("inf"),
            refresh if isinstance(refresh, str) and refresh else None,
            asked_at + refresh_life,
        )

    def _refused(self, status: int, error: str, description: str) -> PixelLoginError:
        account = self._account
        who = f"{account.username} at tenant {account.realm} ({account.token_url})"
        said = f"{status} {error}: {description}".rstrip(": ") if error else f"status {status}"
        if status == 404:
            advice = f"there is no tenant {account.realm!r}: check PIXEL_TENANT and PIXEL_AUTH_SERVER_URL"
        elif error == "invalid_grant":
            advice = "check PIXEL_USERNAME and PIXEL_PASSWORD, or wait if there were many failed logins"
        elif status >= 500 or status == 429:
            advice = "the login server cannot answer now, try again later"
        else:
            advice = "check PIXEL_TENANT and PIXEL_AUTH_SERVER_URL"
        return PixelLoginError(f"Login refused for {who}: {said}; {advice}", error=error, status_code=status)


TokenSource: TypeAlias = str | Callable[[], Any]
"""What may be given in place of a password: a token, or a function that gives one, or one and its life in seconds."""


class ProvidedToken:
    """Tokens that come from somebody else: the same one always, or what a function gives. A function is asked at the
    first use, when the life that it told is over, and when the API refuses what it gave.
    """

    def __init__(self, source: TokenSource) -> None:
        self.function: Callable[[], Any] | None = None if isinstance(source, str) else source
        self._held = _NOTHING
        if isinstance(source, str):
            self.take(source, 0.0)
        elif not callable(source):
            raise TypeError(f"token is a string, or a function that gives one, not {type(source).__name__}")

    def __repr__(self) -> str:
        return f"<ProvidedToken, {'always the same' if self.function is None else 'from a function'}>"

    @property
    def realm(self) -> str:
        return ""

    @property
    def renewable(self) -> bool:
        """Whether there may be another token after one that was refused."""
        return self.function is not None

    def bearer(self, now: float) -> str | None:
        """The token, or None when the function has to be asked."""
        held = self._held
        return held.access if held.access and now < held.renew_at else None

    def take(self, given: object, asked_at: float) -> str:
        """Take what was given, a token or a token and its life in seconds. Raises PixelLoginError for anything else."""
        token, life = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
        seconds = _seconds(life)
        if not isinstance(token, str) or not re.fullmatch("[!-~]+", token) or (life is not None and seconds is None):
            raise PixelLoginError("The token that was given is none: it is a string of visible ASCII characters")
        until = float("inf") if seconds is None else asked_at + seconds - min(30.0, seconds / 10)
        self._held = _Held(token, until, None, float("-inf"))
        return token

    def rejected(self, bearer: str) -> None:
        """The API did not accept this token: the function is asked for another."""
        if self.renewable and self._held.access == bearer:
            self._held = _NOTHING


def _bytes(request: Request) -> bytes:
    return request.body if isinstance(request.body, bytes) else b""


def _oauth_error(request: Request, response: Response) -> tuple[str, str]:
    """The error and its description (RFC 6749, section 5.2), without what they repeat of the grant's secrets."""
    try:
        answer = response.json()
    except ValueError:
        return "", ""
    if not isinstance(answer, dict):
        return "", ""
    told = [each if isinstance(each, str) else "" for each in (answer.get("error"), answer.get("error_description"))]
    secrets = [value for name, value in parse_qsl(_bytes(request).decode()) if name in ("password", "refresh_token")]
    error, description = (_without(each, secrets) for each in told)
    # A code is a word of the standard: it is shown as it is, even where a password is a part of it.
    return (told[0] if re.fullmatch("[a-z_]{1,40}", told[0]) and told[0] not in secrets else error), description


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***").replace(quote_plus(secret), "***")
    return text


def _seconds(value: object) -> float | None:
    """A positive number of seconds, or None: servers leave the field out, or send 0 for no end."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return float(min(value, 1e9))
    return None
