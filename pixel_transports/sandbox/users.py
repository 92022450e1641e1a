"""Users: who may log in, and the room in which they are made and changed.

Rules kept here:

* Users log in with their e-mail address, which no two of them share (409), in whatever case it is written.
* A user who is not enabled cannot log in; tokens that were given before stay good until their time has come.
* What users of each type may do is not known: the sandbox lets all of them do everything.
"""

from dataclasses import dataclass
from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.schemas import ExtendedQuery, parse_body, parse_query
from pixel_transports.sandbox.schemas_services import UserBody, UserChange


@dataclass(slots=True, kw_only=True)
class Account:
    """One user. The password never leaves."""

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
    """All users by id and by e-mail address; the first one is there from the start."""

    def __init__(self, username: str, password: str) -> None:
        self._by_id: dict[int, Account] = {}
        self._by_email: dict[str, Account] = {}
        self.add(email=username, password=password, first_name="Sandbox", last_name="User", user_type="superuser")

    def add(self, **fields: Any) -> Account:
        """Make a user, whose address has to be new."""
        account = Account(id=len(self._by_id) + 1, **fields)
        self._by_id[account.id] = self._by_email[account.email.lower()] = account
        return account

    def find(self, email: str) -> Account | None:
        """The user with this address."""
        return self._by_email.get(email.lower())

    def get(self, account_id: int) -> Account | None:
        """The user with this id."""
        return self._by_id.get(account_id)


class UserHandlers:
    """The room of the users."""

    def __init__(self, accounts: Accounts, tenant: str) -> None:
        self._accounts = accounts
        self._tenant = tenant

    def me(self, request: IncomingRequest, account: Account) -> dict[str, Any]:
        extended = parse_query(request, ExtendedQuery).extended
        return {**account.view(), "tenant": self._tenant} if extended else account.view()

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
