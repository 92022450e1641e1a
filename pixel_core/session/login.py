"""The login as a flow: obtains a new token from the token endpoint, or from the user's function.

Each new token, and each failure to obtain one, is reported as an event. A token is used even if it expired before it
arrived, since another request would bring no longer one.
"""

from pixel_core.effects import CallTokenProvider, Clock, Flow, Report
from pixel_core.errors import PixelConnectionError, PixelError, PixelLoginError
from pixel_core.events import LoginFailed, LoginRenewed
from pixel_core.messages import Deadline
from pixel_core.session.attempts import Attempts
from pixel_core.session.retries import RetryPolicy
from pixel_core.session.tokens import ProvidedToken, Tokens

_RETRIES = RetryPolicy(repeatable=True)


def renew(tokens: Tokens | ProvidedToken, request_id: str, deadline: Deadline | None) -> Flow[str]:
    """Obtain a new token for the call with this request id. Failures are reported as events and raised."""
    try:
        if isinstance(tokens, ProvidedToken):
            return (yield from _call_provider(tokens, request_id))
        return (yield from _log_in(tokens, request_id, deadline))
    except PixelError as error:
        yield from Report(LoginFailed(tokens.realm, str(error), request_id))
        raise


def _log_in(tokens: Tokens, request_id: str, deadline: Deadline | None) -> Flow[str]:
    attempts = Attempts(_RETRIES, request_id, deadline)
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
        yield from Report(LoginRenewed(tokens.realm, request.label, request_id))
    return bearer


def _call_provider(tokens: ProvidedToken, request_id: str) -> Flow[str]:
    """Call the user's function. Its exceptions are not changed."""
    called_at = yield from Clock()
    bearer = tokens.bearer(called_at)
    if bearer is None and tokens.function is not None:
        bearer = tokens.accept((yield from CallTokenProvider(tokens.function)), called_at)
        yield from Report(LoginRenewed("", "the token function", request_id))
    if bearer is None:
        raise PixelLoginError("There is no token")
    return bearer
