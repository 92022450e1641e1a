"""`Hooks`: a listener made of functions for single kinds of events.

Rules kept here:

* A hook is called in the thread or task of the event, possibly in several threads at once. It has to be quick, and must
  not block an event loop.
* A hook is a plain function. Its exceptions are logged, and the call continues.

>>> hooks = Hooks(on_response=lambda response: print(response.call, response.status))
>>> with get_client(listener=hooks) as client: ...
"""

import inspect
from collections.abc import Callable
from typing import TypeAlias

from pixel_core.events import CallRepeated, Event, LoginRenewed, RequestFailed, RequestSent, ResponseReceived

OnRequest: TypeAlias = Callable[[RequestSent], object]
OnResponse: TypeAlias = Callable[[ResponseReceived], object]
OnFailure: TypeAlias = Callable[[RequestFailed], object]
OnRetry: TypeAlias = Callable[[CallRepeated], object]
OnRenewal: TypeAlias = Callable[[LoginRenewed], object]


class Hooks:
    """A listener with one function per kind of event. `on_failure` is for requests without a response, `on_event` for
    every event. Raises TypeError for a hook that is not callable, or is a coroutine function.
    """

    def __init__(
        self,
        *,
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        on_failure: OnFailure | None = None,
        on_retry: OnRetry | None = None,
        on_renewal: OnRenewal | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self.on_request = on_request
        self.on_response = on_response
        self.on_failure = on_failure
        self.on_retry = on_retry
        self.on_renewal = on_renewal
        self.on_event = on_event
        for name, hook in vars(self).items():
            if hook is not None and (not callable(hook) or inspect.iscoroutinefunction(hook)):
                raise TypeError(f"{name} is a plain function, not {type(hook).__name__}")

    def __repr__(self) -> str:
        return f"<Hooks {', '.join(name for name, hook in vars(self).items() if hook is not None)}>"

    def __call__(self, event: Event) -> None:
        for name in (_NAMES.get(type(event)), "on_event"):
            hook = None if name is None else getattr(self, name)
            if hook is not None:
                hook(event)


_NAMES: dict[type, str] = {
    RequestSent: "on_request",
    ResponseReceived: "on_response",
    RequestFailed: "on_failure",
    CallRepeated: "on_retry",
    LoginRenewed: "on_renewal",
}
