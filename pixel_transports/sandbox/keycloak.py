"""The login server: Keycloak's token endpoint with the password and refresh grants.

Rules kept here:

* Responses and errors are Keycloak's (RFC 6749, sections 4.3, 5.1, 5.2 and 6), checked in its order: realm, media type,
  grant type, client, grant.
* A refresh token works once and is replaced (rotation). An expired or used one, and one of an ended session, are
  refused, each with its own description.
* A disabled user gets no token, whatever the password.
* An access token is valid if its signature is right, it has not expired and its session is there. A session is dropped
  at the first login or renewal after all its tokens expired, so that many logins take no more and more memory.
* No response may be cached: `Cache-Control: no-store`.
"""

import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from pixel_core.messages import Response
from pixel_transports.sandbox.http import HttpError, IncomingRequest, json_response
from pixel_transports.sandbox.tokens import TokenIssuer
from pixel_transports.sandbox.tracking import Tracked, TrackedDict
from pixel_transports.sandbox.users import Account, Accounts

CLIENT_ID = "frontend"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _oauth_error(status: int, error: str, description: str | None = None) -> HttpError:
    body = {"error": error} if description is None else {"error": error, "error_description": description}
    return HttpError(json_response(body, status, NO_STORE))


@dataclass(slots=True)
class Session(Tracked):
    """A login until `expires_at`, when its last token expires (0: never). Only its newest refresh token works."""

    id: str
    account: Account
    refresh_id: str = ""
    expires_at: float = 0.0


class Keycloak:
    """The token endpoint of one realm. With `refresh_seconds` 0, refresh tokens do not expire."""

    def __init__(
        self, issuer: TokenIssuer, accounts: Accounts, realm: str, token_seconds: float, refresh_seconds: float
    ) -> None:
        self.realm = realm
        self._accounts = accounts
        self._token_seconds = token_seconds
        self._refresh_seconds = refresh_seconds
        self._issuer = issuer
        self.sessions: TrackedDict[str, Session] = TrackedDict()
        self._next_expiry = 0.0
        """No session expires before."""

    def revoke(self) -> None:
        """End every session: their access and refresh tokens are refused from now on."""
        for session_id in list(self.sessions):
            del self.sessions[session_id]

    def _drop_expired(self, now: float) -> None:
        if now < self._next_expiry:
            return
        for session in list(self.sessions.values()):
            if session.expires_at and session.expires_at <= now:
                del self.sessions[session.id]
        expiries = (session.expires_at for session in self.sessions.values() if session.expires_at)
        self._next_expiry = min(expiries, default=math.inf)

    def authenticate(self, access_token: str, now: float) -> Account | None:
        """Return the user of an access token, or None if it is not valid at `now`."""
        claims = self._issuer.decode(access_token)
        if claims is None or claims.get("typ") != "Bearer" or not now < claims["exp"]:
            return None
        session = self.sessions.get(claims["sid"])
        return None if session is None else session.account

    def handle(self, request: IncomingRequest, path: tuple[str, ...]) -> Response:
        """Return the response to a request; `path` is the part after `/auth`."""
        match path:
            case ("realms", realm, "protocol", "openid-connect", "token"):
                if realm != self.realm:
                    raise _oauth_error(404, "Realm does not exist")
                if request.method != "POST":
                    raise _oauth_error(405, "HTTP 405 Method Not Allowed")
                return self._token(request)
        raise _oauth_error(404, "HTTP 404 Not Found")

    def _token(self, request: IncomingRequest) -> Response:
        form = self._form(request)
        grant = form.get("grant_type")
        if not grant:
            raise _oauth_error(400, "invalid_request", "Missing form parameter: grant_type")
        if grant not in ("password", "refresh_token"):
            raise _oauth_error(400, "unsupported_grant_type", "Unsupported grant_type")
        if form.get("client_id") != CLIENT_ID:
            raise _oauth_error(401, "invalid_client", "Invalid client or Invalid client credentials")
        self._drop_expired(request.now)
        session = self._login(form) if grant == "password" else self._refresh(form, request.now)
        scope = form.get("scope") or "openid email profile"
        return json_response(self._grant(request, session, scope), 200, NO_STORE)

    @staticmethod
    def _form(request: IncomingRequest) -> dict[str, str]:
        if request.media_type != "application/x-www-form-urlencoded":
            raise _oauth_error(415, "HTTP 415 Unsupported Media Type")
        try:
            pairs = parse_qsl(str(request.content, "utf-8"), keep_blank_values=True, max_num_fields=100)
        except ValueError:
            raise _oauth_error(400, "invalid_request", "The form is invalid") from None
        if len(pairs) != len(dict(pairs)):
            raise _oauth_error(400, "invalid_request", "duplicated parameter")
        return dict(pairs)

    def _login(self, form: dict[str, str]) -> Session:
        username, password = form.get("username"), form.get("password")
        if not username:
            raise _oauth_error(400, "invalid_request", "Missing parameter: username")
        account = self._accounts.find(username)
        if account is not None and not account.enabled:
            raise _oauth_error(400, "invalid_grant", "Account disabled")
        if account is None or password != account.password:
            raise _oauth_error(401, "invalid_grant", "Invalid user credentials")
        session = Session(self._issuer.new_id("session"), account)
        self.sessions[session.id] = session
        return session

    def _refresh(self, form: dict[str, str], now: float) -> Session:
        token = form.get("refresh_token")
        if not token:
            raise _oauth_error(400, "invalid_request", "No refresh token")
        claims = self._issuer.decode(token)
        if claims is None or claims.get("typ") != "Refresh":
            raise _oauth_error(400, "invalid_grant", "Invalid refresh token")
        # First, as in Keycloak: the session of an expired token may be gone.
        if claims["exp"] and not now < claims["exp"]:
            raise _oauth_error(400, "invalid_grant", "Token is not active")
        session = self.sessions.get(claims["sid"])
        if session is None:
            raise _oauth_error(400, "invalid_grant", "Session not active")
        if claims["jti"] != session.refresh_id:
            raise _oauth_error(400, "invalid_grant", "Maximum allowed refresh token reuse exceeded")
        if not session.account.enabled:
            raise _oauth_error(400, "invalid_grant", "User disabled")
        return session

    def _grant(self, request: IncomingRequest, session: Session, scope: str) -> dict[str, Any]:
        now, email = request.now, session.account.email
        common = {
            "iat": math.floor(now),
            "iss": f"{request.origin}/auth/realms/{self.realm}",
            "sub": email,
            "azp": CLIENT_ID,
            "sid": session.id,
            "scope": scope,
        }

        def token(kind: str, lifetime: float, **claims: Any) -> str:
            expires = now + lifetime if lifetime else 0
            return self._issuer.encode(
                {"exp": expires, **common, "jti": self._issuer.new_id("jti"), "typ": kind, **claims}
            )

        session.refresh_id = self._issuer.new_id("jti")
        session.expires_at = now + max(self._token_seconds, self._refresh_seconds) if self._refresh_seconds else 0.0
        self._next_expiry = min(self._next_expiry, session.expires_at or math.inf)

        response = {
            "access_token": token("Bearer", self._token_seconds, preferred_username=email),
            "expires_in": math.floor(self._token_seconds),
            "refresh_expires_in": math.floor(self._refresh_seconds),
            "refresh_token": token("Refresh", self._refresh_seconds, jti=session.refresh_id),
            "token_type": "Bearer",
            "not-before-policy": 0,
            "session_state": session.id,
            "scope": scope,
        }
        if "openid" in scope.split():
            response["id_token"] = token("ID", self._token_seconds, email=email, aud=CLIENT_ID)
        return response
