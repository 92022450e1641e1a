"""What is written to the standard `logging`, and under which names.

Rules kept here:

* One logger a layer: `pixel_client.calls` tells of operations and their calls. No handler is set up: that is the
  program's.
* A line never holds a query, a header or a body.
"""

import logging

from pixel_core.events import CallFailed, KeywordsIgnored

CALLS = logging.getLogger("pixel_client.calls")


def log(event: object) -> None:
    """Write what an event is worth, if anything."""
    if isinstance(event, CallFailed):
        CALLS.error(
            "%s failed: %s (request ID: %s, tries: %d)", event.call, event.reason, event.request_id, event.tries
        )
    elif isinstance(event, KeywordsIgnored):
        names = ", ".join(event.names)
        CALLS.warning("Ignoring kwargs when params is provided: %s beside a %s", names, event.model)
