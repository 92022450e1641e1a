"""Hooks: functions for some kinds of events, as a listener.

Rules kept here:

* A hook is called in the thread or task in which things go on, and has to be quick; it may be called by several threads
  at once. On an event loop it must not block.
* A hook is a plain function. What it raises is written to the log, and the call goes on.

>>> hooks = Hooks(on_response=lambda response: print(response.call, response.status))
>>> with get_client(listener=hooks) as client: ...
"""

import inspect
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from pixel_core.events import CallRepeated, Event, LoginRenewed, RequestFailed, RequestSent, ResponseReceived

E = TypeVar("E")
OnRequest: TypeAlias = Callable[[RequestSent], object]
OnResponse: TypeAlias = Callable[[ResponseReceived], object]
OnFailure: TypeAlias = Callable[[RequestFailed], object]
OnRetry: TypeAlias = Callable[[CallRepeated], object]
OnRenewal: TypeAlias = Callable[[LoginRenewed], object]


class Hooks:
    """A listener that calls a function for each request that is sent, each response, each request without an answer,
    each retry and each new login; `on_event` is called with every event. Raises TypeError for what cannot be called,
    and for coroutine functions, which nobody would await.
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
        match event:
            case RequestSent():
                _call(self.on_request, event)
            case ResponseReceived():
                _call(self.on_response, event)
            case RequestFailed():
                _call(self.on_failure, event)
            case CallRepeated():
                _call(self.on_retry, event)
            case LoginRenewed():
                _call(self.on_renewal, event)
        _call(self.on_event, event)


def _call(hook: Callable[[E], object] | None, event: E) -> None:
    if hook is not None:
        hook(event)
