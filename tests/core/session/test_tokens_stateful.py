"""The life of a login against a model: any order of renewals, refusals, rotations and ticks; alone and in a session.

Rules kept here:

* The token endpoint is modelled as Keycloak and other servers behave: refresh tokens rotate and are used once, sessions
  end, passwords are refused with 401 or with 400, and servers are down, slow, or answer HTML.
* Several renewals may be under way at once (each event loop has its own), and are answered in any order.
* Sessions run in simulated time, with `SingleFlight` as the drivers perform it, and are cancelled at any moment.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pixel_core import Account, Effect, Flow, Request, Response, SingleFlight
from pixel_core.errors import PixelAuthenticationError, PixelLoginError, PixelProtocolError
from pixel_core.session.tokens import REFUSAL_SECONDS, ProvidedToken, Tokens, TokenState
from tests.core.uploads.simulated import Signal, Simulation, Steps, Task, Wait
from tests.support.scripted_api import TOKEN_TARGET, told

LIVES = st.sampled_from([0.5, 1, 60, 300, 3600, None, 0])
REFRESH_LIVES = st.sampled_from([0, 1, 1800, None])
TICKS = st.sampled_from([0.0, 0.1, 0.5, 4.9, 5.0, 30.0, 290.0, 1800.0])
HTML = b"<!DOCTYPE html><title>Bad Gateway</title>"
SECRET = "5ec2e7"


def early(life: float) -> float:
    """How long before its end a token is renewed."""
    return min(30.0, life / 10)


def form(request: Request) -> dict[str, str]:
    assert isinstance(request.body, bytes)
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


@dataclass(eq=False)
class Asked:
    """A renewal that is under way."""

    request: Request
    at: float

    @property
    def refresh(self) -> str | None:
        return form(self.request).get("refresh_token")


@dataclass
class Known:
    """What the tokens ought to hold: an access token good until then, and how to get the next."""

    access: str | None = None
    renew_at: float = float("inf")
    refresh: str | None = None
    refresh_until: float = float("inf")


class Logins(RuleBasedStateMachine):
    """One login, renewed by several at once, with a token endpoint that does all that one may do."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = Tokens(Account("https://login.example", "acme", "pixel", "kari", f"{SECRET}-password"))
        self.now = 1000.0
        self.count = 0
        self.asked: list[Asked] = []
        self.known = Known()
        self.refused_until = float("-inf")
        self.given_out: list[str] = []

    @rule(seconds=TICKS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: len(self.asked) < 3)
    @rule()
    def someone_renews(self) -> None:
        if self.now < self.refused_until:
            with pytest.raises(PixelLoginError, match="Login refused for kari at tenant acme"):
                self.tokens.grant(self.now)
            return
        request = self.tokens.grant(self.now)
        fields = form(request)
        usable = self.known.refresh is not None and self.now < self.known.refresh_until
        assert fields.get("refresh_token") == (self.known.refresh if usable else None)
        assert fields["grant_type"] == ("refresh_token" if usable else "password")
        assert ("password" in fields) is not usable
        self.asked.append(Asked(request, self.now))

    def answer(self, data: st.DataObject, response: Response) -> Asked:
        """Answer one of those who asked, whichever."""
        asked = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
        self.tokens.receive(asked.request, response, asked.at, self.now)
        return asked

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), life=LIVES, rotates=st.booleans(), refresh_life=REFRESH_LIVES)
    def the_server_grants(self, data: st.DataObject, life: Any, rotates: bool, refresh_life: Any) -> None:
        self.count += 1
        fields = {"access_token": f"{SECRET}-a{self.count}", "token_type": "Bearer"}
        fields |= {"refresh_token": f"{SECRET}-r{self.count}"} if rotates else {}
        fields |= {name: each for name, each in (("expires_in", life), ("refresh_expires_in", refresh_life)) if each}
        asked = self.answer(data, told(fields))
        self.given_out.append(fields["access_token"])
        self.known = Known(
            access=fields["access_token"],
            renew_at=asked.at + life - early(life) if life else float("inf"),
            refresh=fields.get("refresh_token"),
            refresh_until=asked.at + (refresh_life or float("inf")),
        )
        self.refused_until = float("-inf")

    @precondition(lambda self: any(asked.refresh for asked in self.asked))
    @rule(data=st.data(), status=st.sampled_from([400, 401]))
    def the_server_refuses_a_refresh_token(self, data: st.DataObject, status: int) -> None:
        """Nothing is raised: the password is next, unless another renewal brought a token meanwhile."""
        asked = data.draw(st.sampled_from([asked for asked in self.asked if asked.refresh]))
        self.asked.remove(asked)
        answer = told({"error": "invalid_grant", "error_description": "Token is not active"}, status)
        self.tokens.receive(asked.request, answer, asked.at, self.now)
        if asked.refresh == self.known.refresh:
            self.known = Known()

    @precondition(lambda self: any(not asked.refresh for asked in self.asked))
    @rule(
        data=st.data(), status=st.sampled_from([400, 401]), error=st.sampled_from(["invalid_grant", "invalid_client"])
    )
    def the_server_refuses_the_password(self, data: st.DataObject, status: int, error: str) -> None:
        asked = data.draw(st.sampled_from([asked for asked in self.asked if not asked.refresh]))
        self.asked.remove(asked)
        with pytest.raises(PixelLoginError) as caught:
            self.tokens.receive(asked.request, told({"error": error}, status), asked.at, self.now)
        assert (caught.value.error, caught.value.status_code) == (error, status)
        assert "check PIXEL_" in str(caught.value)
        assert SECRET not in str(caught.value)
        self.known, self.refused_until = Known(), self.now + REFUSAL_SECONDS

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), status=st.sampled_from([429, 500, 502, 503]))
    def the_server_is_down(self, data: st.DataObject, status: int) -> None:
        """Nothing was refused, and nothing is forgotten."""
        with pytest.raises(PixelLoginError, match="try again later"):
            self.answer(data, Response(status, body=HTML))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), body=st.sampled_from([HTML, b"", b"[]", b'{"access_token": 5}', b'{"access_token": "a b"}']))
    def the_server_talks_nonsense(self, data: st.DataObject, body: bytes) -> None:
        with pytest.raises(PixelProtocolError, match=r"https://login\.example/realms/acme/"):
            self.answer(data, Response(200, body=body))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def someone_is_cancelled_while_it_renews(self, data: st.DataObject) -> None:
        self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))

    @precondition(lambda self: self.given_out)
    @rule(data=st.data())
    def the_api_rejects_a_token(self, data: st.DataObject) -> None:
        """Be it the present one or one of long ago."""
        rejected = data.draw(st.sampled_from(self.given_out))
        self.tokens.reject(rejected)
        if rejected == self.known.access:
            self.known.access = None

    @invariant()
    def the_bearer_is_the_newest_token_while_it_is_good(self) -> None:
        good = self.known.access if self.now < self.known.renew_at else None
        assert self.tokens.bearer(self.now) == good

    @invariant()
    def the_state_is_that_of_the_model(self) -> None:
        if self.now < self.refused_until:
            expected = TokenState.REFUSED
        elif self.known.access is None:
            expected = TokenState.EMPTY
        else:
            expected = TokenState.FRESH if self.now < self.known.renew_at else TokenState.EXPIRING
        assert self.tokens.state(self.now) is expected

    @invariant()
    def no_repr_shows_a_token_or_the_password(self) -> None:
        assert SECRET not in f"{self.tokens!r} {[asked.request for asked in self.asked]!r}"


TestLogins = Logins.TestCase
TestLogins.settings = settings(max_examples=100, stateful_step_count=40)


def test_a_refresh_token_that_another_renewal_replaced_meanwhile_takes_nothing_away_when_it_is_refused() -> None:
    """Two event loops renew at once with the same refresh token, which is good for one of them."""
    tokens = Tokens(Account("https://login.example", "acme", "pixel", "kari", "p"))
    tokens.receive(tokens.grant(0), told({"access_token": "a1", "refresh_token": "r1", "expires_in": 60}), 0, 0)
    first, second = tokens.grant(60), tokens.grant(60)
    tokens.receive(first, told({"access_token": "a2", "refresh_token": "r2", "expires_in": 60}), 60, 60)
    tokens.receive(second, told({"error": "invalid_grant"}, 400), 60, 61)
    assert tokens.bearer(61) == "a2"
    assert form(tokens.grant(120))["refresh_token"] == "r2"


class GivenLogins(RuleBasedStateMachine):
    """A token that is given, or a function that gives tokens with or without a life."""

    @initialize(source=st.sampled_from(["always-the-same", None]))
    def start(self, source: str | None) -> None:
        self.now = 1000.0
        self.tokens = ProvidedToken(source or self.give)
        self.static = source
        self.count = 0
        self.access, self.renew_at, self.old = source, float("inf"), ["nothing"]

    def give(self) -> object:
        raise AssertionError("the tokens call no function: a driver does")

    @rule(seconds=TICKS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.static is None)
    @rule(life=LIVES, took=st.sampled_from([0.0, 0.2]))
    def the_function_gives_a_token(self, life: float | None, took: float) -> None:
        self.count += 1
        access = f"a{self.count}"
        given = access if life is None else (access, life)
        asked_at, self.now = self.now, self.now + took
        if life == 0:
            with pytest.raises(PixelLoginError, match="The token that was given is none"):
                self.tokens.accept(given, asked_at)
            return
        assert self.tokens.accept(given, asked_at) == access
        self.access, self.renew_at = access, float("inf") if life is None else asked_at + life - early(life)
        self.old.append(access)

    @rule(given=st.sampled_from([None, "", "a b", "å", b"bytes", ("a",), ("a", -1), ("a", "1"), 5, float("nan")]))
    def what_is_given_is_no_token(self, given: Any) -> None:
        with pytest.raises(PixelLoginError, match="The token that was given is none"):
            self.tokens.accept(given, self.now)

    @rule(data=st.data())
    def the_api_rejects_a_token(self, data: st.DataObject) -> None:
        """One that is always the same stays: there is no other."""
        rejected = data.draw(st.sampled_from([*self.old, self.access or "nothing"]))
        self.tokens.reject(rejected)
        if rejected == self.access and self.static is None:
            self.access = None

    @invariant()
    def the_bearer_is_the_newest_token_while_it_is_good(self) -> None:
        assert self.tokens.bearer(self.now) == (self.access if self.now < self.renew_at else None)
        assert self.tokens.renewable is (self.static is None)


TestGivenLogins = GivenLogins.TestCase
TestGivenLogins.settings = settings(max_examples=50, stateful_step_count=30)


# Sessions in simulated time


@dataclass(eq=False)
class Outcome:
    """What a flow that runs once comes to, as the drivers keep it."""

    done: Signal = field(default_factory=Signal)
    value: Any = None
    error: Exception | None = None
    finished: bool = False


@dataclass
class Issued:
    """What the login server knows of an access token."""

    number: int
    until: float
    refresh: str
    revoked: bool = False


class AllOver(Effect[None]):
    """Wait until tasks are over."""

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks


def _awaited(tasks: list[Task]) -> Flow[None]:
    yield from AllOver(tasks)


class LoginWorld(Simulation):
    """A login server whose tokens end, rotate and are revoked, and an API that looks at them when a request arrives.

    `delays` are the seconds that requests and answers travel, in turns. At the moments of `revocations` every token
    is revoked, and with `ends` the sessions too, so that refresh tokens are refused. Refusals have this `status`.
    """

    def __init__(
        self,
        life: float,
        delays: list[float],
        revocations: list[float],
        ends: bool,
        status: int,
        knows_the_password: bool = True,
    ) -> None:
        super().__init__(login=False)
        self.knows_the_password = knows_the_password
        self.life, self.delays, self.status, self.ends = life, delays, status, ends
        self.revocations = sorted(self.now + each for each in revocations)
        self.revoked = 0
        self.issued: list[Issued] = []
        self.used: list[str] = []
        self.token_requests: list[tuple[float, str]] = []
        self.renewing = self.most_renewing = 0
        self.refused: set[str] = set()
        self.running: dict[Hashable, Outcome] = {}
        self.travelled = 0

    def at_once(self, flows: list[tuple[float, Flow[Any]]], cancels: dict[int, float]) -> list[Any]:
        """Run flows that start at these moments, some of which are cancelled at others; gives how they ended."""
        tasks = [self.spawn(self._later(after, flow)) for after, flow in flows]
        for number, after in cancels.items():
            self.spawn(self._cancelled_later(tasks[number], after))
        self.run(_awaited(tasks))
        return [task.result if task.error is None else task.error for task in tasks]

    def _later(self, after: float, flow: Flow[Any]) -> Steps:
        yield Wait(seconds=after)
        return (yield from self.steps(flow))

    def _cancelled_later(self, task: Task, after: float) -> Steps:
        yield Wait(seconds=after)
        self._cancel(task)
        self.fire(task.done)

    def _performed(self, effect: Effect[Any]) -> Steps:
        if isinstance(effect, SingleFlight):
            return (yield from self._once(effect))
        if isinstance(effect, AllOver):
            for task in effect.tasks:
                while not task.over:
                    yield Wait(task.done)
            return None
        return (yield from super()._performed(effect))

    def _once(self, effect: SingleFlight[Any]) -> Steps:
        """As `AsyncDriver` performs it."""
        while effect.key in self.running:
            outcome = self.running[effect.key]
            yield Wait(outcome.done)
            if outcome.error is not None:
                raise outcome.error
            if outcome.finished:
                return outcome.value
        outcome = self.running[effect.key] = Outcome()
        try:
            outcome.value = yield from self.steps(effect.flow)
            outcome.finished = True
            return outcome.value
        except Exception as error:
            outcome.error = error
            raise
        finally:
            del self.running[effect.key]
            self.fire(outcome.done)

    def _travel(self) -> Wait:
        self.travelled += 1
        return Wait(seconds=self.delays[self.travelled % len(self.delays)])

    def _exchanged(self, request: Request) -> Steps:
        login = request.target == TOKEN_TARGET
        if login:
            self.renewing += 1
            self.most_renewing = max(self.most_renewing, self.renewing)
            self.token_requests.append((self.now, form(request)["grant_type"]))
        try:
            yield self._travel()
            while self.revocations and self.revocations[0] <= self.now:
                self.revocations.pop(0)
                self.revoked += 1
                for each in self.issued:
                    each.revoked = True
            response = self._token(form(request)) if login else self._api(request)
            yield self._travel()
            return response
        finally:
            self.renewing -= login

    def _token(self, fields: dict[str, str]) -> Response:
        refresh = fields.get("refresh_token")
        if refresh is not None:
            known = next(each for each in self.issued if each.refresh == refresh)
            if refresh in self.used or (self.ends and known.revoked):
                return told({"error": "invalid_grant"}, self.status)
            self.used.append(refresh)
        elif not self.knows_the_password:
            return told({"error": "invalid_grant", "error_description": "Invalid credentials given."}, self.status)
        number = len(self.issued)
        self.issued.append(Issued(number, self.now + self.life, f"r{number}"))
        return told({"access_token": f"a{number}", "expires_in": self.life, "refresh_token": f"r{number}"})

    def _api(self, request: Request) -> Response:
        bearer = request.headers["Authorization"].removeprefix("Bearer ")
        token = self.issued[int(bearer[1:])]
        if token.revoked or self.now >= token.until:
            self.refused.add(bearer)
            return told({"detail": "Not authenticated"}, 401)
        return told({"id": 1})


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
    assert not world.running
    for number, outcome in enumerate(outcomes):
        cancelled = number in cancels and outcome is None
        twice = isinstance(outcome, PixelAuthenticationError) and world.revoked > 1
        assert outcome == {"id": 1} or cancelled or twice
    if not cancels:
        # Every token but the last has ended or was refused, and none was asked for without such a reason.
        moments = [moment for moment, _ in world.token_requests]
        for (before, at), token in zip(pairwise(moments), world.issued, strict=False):
            assert ends or f"a{token.number}" in world.refused or at >= before + life - early(life)
        grants = [grant for _, grant in world.token_requests]
        assert grants[0] == "password"
        assert grants.count("password") <= 1 + world.revoked * ends


@given(st.integers(1, 100), st.sampled_from([0.0, 0.05]))
def test_calls_that_all_meet_a_401_share_one_renewal(calls: int, spread: float) -> None:
    world = LoginWorld(60, [0.1], [1.0], False, 400)
    world.run(world.api.me())
    world.now += 1.0
    outcomes = world.at_once([(number * spread / calls, world.api.me()) for number in range(calls)], {})
    assert outcomes == [{"id": 1}] * calls
    assert [grant for _, grant in world.token_requests] == ["password", "refresh_token"]


@given(st.integers(1, 100))
def test_calls_that_all_come_when_the_token_ends_share_one_renewal(calls: int) -> None:
    world = LoginWorld(60, [0.1], [], False, 400)
    world.run(world.api.me())
    world.now += 60.0
    assert world.at_once([(0.0, world.api.me()) for _ in range(calls)], {}) == [{"id": 1}] * calls
    assert [grant for _, grant in world.token_requests] == ["password", "refresh_token"]
    assert not world.refused


@pytest.mark.parametrize("status", [400, 401])
def test_a_session_that_was_ended_costs_one_refused_refresh_and_one_password_for_all_calls(status: int) -> None:
    world = LoginWorld(60, [0.1], [1.0], True, status)
    world.run(world.api.me())
    world.now += 1.0
    assert world.at_once([(0.0, world.api.me()) for _ in range(50)], {}) == [{"id": 1}] * 50
    assert [grant for _, grant in world.token_requests] == ["password", "refresh_token", "password"]


@given(st.integers(2, 30), st.data())
def test_whoever_renews_for_all_may_be_cancelled_and_the_next_takes_over(calls: int, data: st.DataObject) -> None:
    world = LoginWorld(60, [0.1], [], False, 400)
    cancelled = data.draw(st.integers(1, calls - 1))
    cancels = {number: 0.05 * (number + 1) for number in range(cancelled)}
    outcomes = world.at_once([(0.0, world.api.me()) for _ in range(calls)], cancels)
    assert outcomes[cancelled:] == [{"id": 1}] * (calls - cancelled)
    assert world.most_renewing == 1
    assert len(world.token_requests) <= 1 + cancelled


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_password_is_sent_once_for_all_calls_and_again_only_after_some_seconds(status: int) -> None:
    world = LoginWorld(60, [0.1], [], False, status, knows_the_password=False)
    outcomes = world.at_once([(number * 0.1, world.api.me()) for number in range(50)], {})
    assert {type(outcome) for outcome in outcomes} == {PixelLoginError}
    assert len(world.token_requests) == 1
    world.now += REFUSAL_SECONDS
    assert isinstance(world.at_once([(0.0, world.api.me())], {})[0], PixelLoginError)
    assert len(world.token_requests) == 2
