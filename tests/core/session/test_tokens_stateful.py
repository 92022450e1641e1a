"""Tokens against a model: any order of renewals, refusals, rotations and ticks; alone and in a session.

The token endpoint behaves as Keycloak and other servers do: refresh tokens rotate and are used once, sessions end,
passwords are refused with 401 or with 400, and servers are down, slow, or return HTML. Several renewals may run at once
(each event loop has its own), and end in any order. Sessions have the single flights of the drivers.
"""

from dataclasses import dataclass
from functools import partial
from itertools import cycle, pairwise
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pixel_core import Account, Effect, Flow, Request, Response, SingleFlight, Sleep
from pixel_core.errors import PixelAuthenticationError, PixelLoginError, PixelProtocolError
from pixel_core.session.tokens import REFUSAL_SECONDS, Tokens
from pixel_transports.drivers.single_flight import SingleFlights
from tests.core.uploads.simulated import Signal, Simulation, Steps, Task, Wait
from tests.support.scripted_api import TOKEN_TARGET, json_response

LIVES = st.sampled_from([0.5, 1, 60, 300, 3600, None, 0])
REFRESH_LIVES = st.sampled_from([0, 1, 1800, None])
TICKS = st.sampled_from([0.0, 0.1, 0.5, 4.9, 5.0, 30.0, 290.0, 1800.0])
HTML = b"<!DOCTYPE html><title>Bad Gateway</title>"
SECRET = "5ec2e7"


def early(life: float) -> float:
    """Seconds before its end at which a token is renewed."""
    return min(30.0, life / 10)


def form(request: Request) -> dict[str, str]:
    assert isinstance(request.body, bytes)
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


@dataclass(eq=False)
class Renewal:
    """A renewal that is under way."""

    request: Request
    at: float

    @property
    def refresh(self) -> str | None:
        return form(self.request).get("refresh_token")


@dataclass
class Model:
    """The tokens that should be held, and until when."""

    access: str | None = None
    renew_at: float = float("inf")
    refresh: str | None = None
    refresh_until: float = float("inf")


class Logins(RuleBasedStateMachine):
    """One login, renewed by several at once, with a token endpoint in any state."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account("https://login.example", "acme", "pixel", "kari", f"{SECRET}-password")
        self.tokens = Tokens(self.account)
        self.now = 1000.0
        self.count = 0
        self.renewals: list[Renewal] = []
        self.model = Model()
        self.refused_until = float("-inf")
        self.issued_tokens: list[str] = []

    @rule(seconds=TICKS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: len(self.renewals) < 3)
    @rule()
    def a_renewal_starts(self) -> None:
        if self.now < self.refused_until:
            with pytest.raises(PixelLoginError, match="Login refused for kari at tenant acme"):
                self.tokens.grant(self.now)
            return
        request = self.tokens.grant(self.now)
        fields = form(request)
        usable = self.model.refresh is not None and self.now < self.model.refresh_until
        assert fields.get("refresh_token") == (self.model.refresh if usable else None)
        assert fields["grant_type"] == ("refresh_token" if usable else "password")
        assert ("password" in fields) is not usable
        self.renewals.append(Renewal(request, self.now))

    def answer(self, data: st.DataObject, response: Response) -> Renewal:
        """Answer any of the renewals."""
        renewal = self.renewals.pop(data.draw(st.integers(0, len(self.renewals) - 1)))
        self.tokens.receive(renewal.request, response, renewal.at, self.now)
        return renewal

    @precondition(lambda self: self.renewals)
    @rule(data=st.data(), life=LIVES, rotates=st.booleans(), refresh_life=REFRESH_LIVES)
    def the_server_grants(self, data: st.DataObject, life: Any, rotates: bool, refresh_life: Any) -> None:
        self.count += 1
        fields = {"access_token": f"{SECRET}-a{self.count}", "token_type": "Bearer"}
        fields |= {"refresh_token": f"{SECRET}-r{self.count}"} if rotates else {}
        fields |= {name: each for name, each in (("expires_in", life), ("refresh_expires_in", refresh_life)) if each}
        renewal = self.answer(data, json_response(fields))
        self.issued_tokens.append(fields["access_token"])
        self.model = Model(
            access=fields["access_token"],
            renew_at=renewal.at + life - early(life) if life else float("inf"),
            refresh=fields.get("refresh_token"),
            refresh_until=renewal.at + (refresh_life or float("inf")),
        )
        self.refused_until = float("-inf")

    @precondition(lambda self: any(renewal.refresh for renewal in self.renewals))
    @rule(data=st.data(), status=st.sampled_from([400, 401]))
    def the_server_refuses_a_refresh_token(self, data: st.DataObject, status: int) -> None:
        """Nothing is raised: the password is next, unless another renewal brought a token meanwhile."""
        renewal = data.draw(st.sampled_from([renewal for renewal in self.renewals if renewal.refresh]))
        self.renewals.remove(renewal)
        answer = json_response({"error": "invalid_grant", "error_description": "Token is not active"}, status)
        self.tokens.receive(renewal.request, answer, renewal.at, self.now)
        if renewal.refresh == self.model.refresh:
            self.model = Model()

    @precondition(lambda self: any(not renewal.refresh for renewal in self.renewals))
    @rule(
        data=st.data(), status=st.sampled_from([400, 401]), error=st.sampled_from(["invalid_grant", "invalid_client"])
    )
    def the_server_refuses_the_password(self, data: st.DataObject, status: int, error: str) -> None:
        renewal = data.draw(st.sampled_from([renewal for renewal in self.renewals if not renewal.refresh]))
        self.renewals.remove(renewal)
        with pytest.raises(PixelLoginError) as caught:
            self.tokens.receive(renewal.request, json_response({"error": error}, status), renewal.at, self.now)
        assert (caught.value.error, caught.value.status_code) == (error, status)
        assert "check PIXEL_" in str(caught.value)
        assert SECRET not in str(caught.value)
        self.model, self.refused_until = Model(), self.now + REFUSAL_SECONDS

    @precondition(lambda self: self.renewals)
    @rule(data=st.data(), status=st.sampled_from([429, 500, 502, 503]))
    def the_server_is_down(self, data: st.DataObject, status: int) -> None:
        """Nothing was refused, and nothing is forgotten."""
        with pytest.raises(PixelLoginError, match="try again later"):
            self.answer(data, Response(status, body=HTML))

    @precondition(lambda self: self.renewals)
    @rule(data=st.data(), body=st.sampled_from([HTML, b"", b"[]", b'{"access_token": 5}', b'{"access_token": "a b"}']))
    def the_server_sends_an_invalid_response(self, data: st.DataObject, body: bytes) -> None:
        with pytest.raises(PixelProtocolError, match=r"https://login\.example/realms/acme/"):
            self.answer(data, Response(200, body=body))

    @precondition(lambda self: self.renewals)
    @rule(data=st.data())
    def a_renewal_is_cancelled(self, data: st.DataObject) -> None:
        self.renewals.pop(data.draw(st.integers(0, len(self.renewals) - 1)))

    @precondition(lambda self: self.issued_tokens)
    @rule(data=st.data())
    def the_api_rejects_a_token(self, data: st.DataObject) -> None:
        """The present one, or an old one."""
        rejected = data.draw(st.sampled_from(self.issued_tokens))
        self.tokens.reject(rejected)
        if rejected == self.model.access:
            self.model.access = None

    @invariant()
    def the_bearer_is_the_newest_valid_token(self) -> None:
        good = self.model.access if self.now < self.model.renew_at else None
        assert self.tokens.bearer(self.now) == good

    @invariant()
    def no_repr_shows_a_token_or_the_password(self) -> None:
        assert SECRET not in f"{self.account!r} {self.tokens!r} {[renewal.request for renewal in self.renewals]!r}"


TestLogins = Logins.TestCase
TestLogins.settings = settings(max_examples=100, stateful_step_count=40)


@dataclass
class Issued:
    """An access token and its refresh token, as the login server knows them."""

    until: float
    revoked: bool = False
    refused: bool = False
    refreshed: bool = False


class LoginWorld(Simulation):
    """A login server whose tokens expire, rotate and are revoked, and an API that checks them.

    `delays` are the seconds that requests and answers travel, in turns. At the moments of `revocations` every token
    is revoked, and with `ends` the sessions too, so that refresh tokens are refused. Refusals have this `status`.
    """

    knows_the_password = True

    def __init__(self, life: float, delays: list[float], revocations: list[float], ends: bool, status: int) -> None:
        super().__init__(login=False)
        self.life, self.delays, self.status, self.ends = life, cycle(delays), status, ends
        self.revocations = sorted(self.now + each for each in revocations)
        self.revoked = 0
        self.issued: list[Issued] = []
        self.token_requests: list[tuple[float, str]] = []
        self.renewing = self.most_renewing = 0
        self.flights = SingleFlights()

    def at_once(self, flows: list[tuple[float, Flow[Any]]], cancels: dict[int, float]) -> list[Any]:
        """Run flows that start, and are cancelled, at these moments; returns their outcomes."""
        tasks = [self.spawn(self._later(after, flow)) for after, flow in flows]
        for number, after in cancels.items():
            self.spawn(self._cancelled_later(tasks[number], after))
        self.run(iter(Sleep(1000.0)))
        assert all(task.over for task in tasks)
        return [task.result if task.error is None else task.error for task in tasks]

    def _later(self, after: float, flow: Flow[Any]) -> Steps:
        yield Wait(seconds=after)
        return (yield from self.steps(flow))

    def _cancelled_later(self, task: Task, after: float) -> Steps:
        yield Wait(seconds=after)
        self._cancel(task)

    def _performed(self, effect: Effect[Any]) -> Steps:
        while isinstance(effect, SingleFlight):
            done = Signal()
            flight, first = self.flights.join(effect.key, partial(self.fire, done))
            if first:
                with self.flights.running(effect.key, flight):
                    return flight.end((yield from self.steps(effect.flow)))
            yield Wait(done)
            if flight.ended:
                return flight.outcome()
        return (yield from super()._performed(effect))

    def _exchanged(self, request: Request) -> Steps:
        login = request.target == TOKEN_TARGET
        if login:
            self.renewing += 1
            self.most_renewing = max(self.most_renewing, self.renewing)
            self.token_requests.append((self.now, form(request)["grant_type"]))
        try:
            yield Wait(seconds=next(self.delays))
            while self.revocations and self.revocations[0] <= self.now:
                self.revocations.pop(0)
                self.revoked += 1
                for each in self.issued:
                    each.revoked = True
            response = self._token(form(request)) if login else self._api(request)
            yield Wait(seconds=next(self.delays))
            return response
        finally:
            self.renewing -= login

    def _token(self, fields: dict[str, str]) -> Response:
        if "refresh_token" in fields:
            known = self.issued[int(fields["refresh_token"][1:])]
            if known.refreshed or (self.ends and known.revoked):
                return json_response({"error": "invalid_grant"}, self.status)
            known.refreshed = True
        elif not self.knows_the_password:
            return json_response({"error": "invalid_grant", "error_description": "Invalid credentials."}, self.status)
        number = len(self.issued)
        self.issued.append(Issued(self.now + self.life))
        return json_response({"access_token": f"a{number}", "expires_in": self.life, "refresh_token": f"r{number}"})

    def _api(self, request: Request) -> Response:
        token = self.issued[int(request.headers["Authorization"].removeprefix("Bearer a"))]
        if token.revoked or self.now >= token.until:
            token.refused = True
            return json_response({"detail": "Not authenticated"}, 401)
        return json_response({"id": 1})


MOMENTS = st.floats(0, 20).map(lambda value: round(value, 2))


@settings(max_examples=200)
@given(
    starts=st.lists(MOMENTS, min_size=1, max_size=40),
    cancels=st.dictionaries(st.integers(0, 39), MOMENTS, max_size=10),
    life=st.sampled_from([2, 5, 60]),
    revocations=st.lists(MOMENTS, max_size=3),
    delays=st.lists(st.sampled_from([0.0, 0.01, 0.1]), min_size=1, max_size=5),
    ends=st.booleans(),
    status=st.sampled_from([400, 401]),
)
def test_each_token_is_renewed_once_for_any_number_of_calls_401s_and_cancellations(
    starts: list[float],
    cancels: dict[int, float],
    life: int,
    revocations: list[float],
    delays: list[float],
    ends: bool,
    status: int,
) -> None:
    world = LoginWorld(life, delays, revocations, ends, status)
    cancels = {number: moment for number, moment in cancels.items() if number < len(starts)}
    outcomes = world.at_once([(start, world.api.me()) for start in starts], cancels)
    assert world.most_renewing <= 1
    assert not world.flights._flights
    for number, outcome in enumerate(outcomes):
        cancelled = number in cancels and outcome is None
        twice = isinstance(outcome, PixelAuthenticationError) and world.revoked > 1
        assert outcome == {"id": 1} or cancelled or twice
    if not cancels:
        # Every token but the last has ended or was refused, and none was requested without such a reason.
        moments = [moment for moment, _ in world.token_requests]
        for (before, at), token in zip(pairwise(moments), world.issued, strict=False):
            assert ends or token.refused or at >= before + life - early(life)
        grants = [grant for _, grant in world.token_requests]
        assert grants[0] == "password"
        assert grants.count("password") <= 1 + world.revoked * ends


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_password_is_sent_once_for_all_calls_and_again_only_after_some_seconds(status: int) -> None:
    world = LoginWorld(60, [0.1], [], False, status)
    world.knows_the_password = False
    outcomes = world.at_once([(number * 0.1, world.api.me()) for number in range(50)], {})
    assert {type(outcome) for outcome in outcomes} == {PixelLoginError}
    assert len(world.token_requests) == 1
    assert isinstance(world.at_once([(0.0, world.api.me())], {})[0], PixelLoginError)
    assert len(world.token_requests) == 2
