"""What is written to the standard `logging`, and under which names.

Rules kept here:

* One logger a layer: `pixel_client.calls` tells of operations and their calls. No handler is set up: that is the
  program's.
* A line never holds a query, a header or a body.
"""

import logging

from pixel_core.events import CallFailed, CallRepeated, KeywordsIgnored, LoginRenewed

CALLS = logging.getLogger("pixel_client.calls")
LOGIN = logging.getLogger("pixel_client.login")


def log(event: object) -> None:
    """Write what an event is worth, if anything."""
    if isinstance(event, CallFailed):
        CALLS.error(
            "%s failed: %s (request ID: %s, tries: %d)", event.call, event.reason, event.request_id, event.tries
        )
    elif isinstance(event, CallRepeated):
        line = "%s again in %.3g s, after try %d: %s (request ID: %s)"
        CALLS.warning(line, event.call, event.delay, event.attempt, event.reason, event.request_id or "none")
    elif isinstance(event, LoginRenewed):
        LOGIN.info("A new token for %s from %s", event.realm, event.call)
    elif isinstance(event, KeywordsIgnored):
        names = ", ".join(event.names)
        CALLS.warning("Ignoring kwargs when params is provided: %s beside a %s", names, event.model)
