"""Users: accounts, and their request handlers.

Rules kept here:

* Users log in with their e-mail address, which is unique (409), ignoring case.
* A disabled user cannot log in; earlier tokens stay valid until they expire.
* The rights of user types are not known: every user may do everything, and is a member of every project.
* `extended` adds the user's projects.
"""

from dataclasses import dataclass
from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.schemas import ExtendedQuery, parse_body, parse_query
from pixel_transports.sandbox.schemas_services import UserBody, UserChange
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tracking import Tracked


@dataclass(slots=True, kw_only=True)
class Account(Tracked):
    """One user. `view` has no password."""

    id: int
    email: str
    password: str
    first_name: str
    last_name: str
    user_type: str
    enabled: bool = True

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "user_type": self.user_type,
            "enabled": self.enabled,
        }


class Accounts:
    """All users by id and by e-mail address. The first one is created here."""

    def __init__(self, username: str, password: str) -> None:
        self.by_id: dict[int, Account] = {}
        self._by_email: dict[str, Account] = {}
        self.add(email=username, password=password, first_name="Sandbox", last_name="User", user_type="superuser")

    def add(self, **fields: Any) -> Account:
        """Add a user with a new address."""
        account = Account(id=len(self.by_id) + 1, **fields)
        self.put(account)
        return account

    def put(self, account: Account) -> None:
        """Put a user in the place of the one with the same id."""
        self.by_id[account.id] = self._by_email[account.email.lower()] = account

    def find(self, email: str) -> Account | None:
        """Return the user with this address, or None."""
        return self._by_email.get(email.lower())

    def get(self, account_id: int) -> Account | None:
        """Return the user with this id, or None."""
        return self.by_id.get(account_id)


class UserHandlers:
    """Request handlers of users."""

    def __init__(self, state: State, accounts: Accounts) -> None:
        self._state = state
        self._accounts = accounts

    def me(self, request: IncomingRequest, account: Account) -> dict[str, Any]:
        if not parse_query(request, ExtendedQuery).extended:
            return account.view()
        projects = filter(self._state.is_project_visible, self._state.projects.values())
        return {**account.view(), "projects": [project.view() for project in projects]}

    def create(self, request: IncomingRequest) -> dict[str, Any]:
        body = parse_body(request, UserBody)
        if self._accounts.find(body.email) is not None:
            raise http_error(409, f"A user with the e-mail address {body.email} exists")
        return self._accounts.add(**body.model_dump()).view()

    def update(self, request: IncomingRequest, user_id: int) -> dict[str, Any]:
        body = parse_body(request, UserChange)
        account = self._accounts.get(user_id)
        if account is None:
            raise http_error(404, "User not found")
        for name, value in body.model_dump(exclude_none=True).items():
            setattr(account, name, value)
        return account.view()
