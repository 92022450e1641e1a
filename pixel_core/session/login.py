"""The login as a flow: obtains a new token from the token endpoint, or from the user's function.

Rules kept here:

* One login serves all callers that wait for it. It is repeated as often as the call that needs it; a caller that may
  repeat more often than the one that failed for it tries again itself.
* Each new token, and each failure to obtain one, is reported as an event.
* A token that is about to expire is renewed early. If that fails, it is used until it expires.
* A token is used even if it expired before it arrived, since another request would bring no longer one.
"""

from dataclasses import replace

from pixel_core.effects import CallTokenProvider, Clock, Flow, Report, SingleFlight
from pixel_core.errors import PixelConnectionError, PixelError, PixelLoginError, PixelTimeoutError
from pixel_core.events import Correlation, LoginFailed, LoginRenewed
from pixel_core.messages import Deadline
from pixel_core.session.attempts import Attempts
from pixel_core.session.retries import TRANSIENT_STATUSES, RetryPolicy
from pixel_core.session.tokens import ProvidedToken, Tokens

_ONCE = RetryPolicy(tries=1)


def log_in_once(
    tokens: Tokens | ProvidedToken, url: str, correlation: Correlation, deadline: Deadline | None, retries: RetryPolicy
) -> Flow[str]:
    """Return a valid token: the present one, or that of a login, which all callers share. `url` is that of the API."""
    tries = 0
    while True:
        now = yield from Clock()
        bearer = tokens.bearer(now)
        if bearer is not None:
            return bearer
        unexpired = tokens.unexpired(now)
        leads: list[bool] = []
        login = _lead(tokens, correlation, deadline, retries if unexpired is None else _ONCE, leads)
        try:
            return (yield from SingleFlight(("login", tokens), login, None if deadline is None else deadline.at - now))
        except Exception as error:
            failure = error
        now = yield from Clock()
        is_ours = isinstance(failure, TimeoutError) and not isinstance(failure, PixelError)
        if is_ours and deadline is not None and now >= deadline.at:  # else from the user's token function
            raise PixelTimeoutError(f"{url}: the login took too long: {deadline.reason}", sent=False) from None
        unexpired = tokens.unexpired(now)
        if unexpired is not None:
            tokens.postpone(now)
            return unexpired
        tries += 1
        impatient = retries.tries <= max(tries, RetryPolicy().tries)
        if leads or impatient or not _is_transient(failure):
            raise failure


def _lead(
    tokens: Tokens | ProvidedToken,
    correlation: Correlation,
    deadline: Deadline | None,
    retries: RetryPolicy,
    leads: list[bool],
) -> Flow[str]:
    """Obtain a new token. Failures are reported as events and raised. `leads` is filled if this flow is run."""
    leads.append(True)
    try:
        if isinstance(tokens, ProvidedToken):
            return (yield from _call_provider(tokens, correlation))
        return (yield from _log_in(tokens, correlation, deadline, retries))
    except Exception as error:
        reason = str(error) if isinstance(error, PixelError) else f"the token function raised {type(error).__name__}"
        yield from Report(LoginFailed(tokens.realm, reason, correlation.request_id, correlation.upload_id))
        raise


def _is_transient(error: Exception) -> bool:
    if isinstance(error, PixelLoginError):
        return error.status_code in TRANSIENT_STATUSES
    return isinstance(error, PixelConnectionError)


def _log_in(tokens: Tokens, correlation: Correlation, deadline: Deadline | None, retries: RetryPolicy) -> Flow[str]:
    attempts = Attempts(replace(retries, repeatable=True), correlation, deadline)
    sent_at = yield from Clock()
    while (bearer := tokens.bearer(sent_at)) is None:
        request = tokens.grant(sent_at)
        outcome = yield from attempts.send(request)
        if (yield from attempts.repeat(request.label, request.method, outcome)):
            sent_at = yield from Clock()
            continue
        if isinstance(outcome, PixelConnectionError):
            raise attempts.failure(outcome)  # without a request id: other calls may wait for this login
        tokens.receive(request, outcome, sent_at, (yield from Clock()))
        yield from Report(LoginRenewed(tokens.realm, request.label, correlation.request_id, correlation.upload_id))
    return bearer


def _call_provider(tokens: ProvidedToken, correlation: Correlation) -> Flow[str]:
    """Call the user's function. Its exceptions are not changed."""
    called_at = yield from Clock()
    bearer = tokens.bearer(called_at)
    if bearer is None and tokens.function is not None:
        bearer = tokens.accept((yield from CallTokenProvider(tokens.function)), called_at)
        yield from Report(LoginRenewed("", "the token function", correlation.request_id, correlation.upload_id))
    if bearer is None:
        raise PixelLoginError("There is no token")
    return bearer
