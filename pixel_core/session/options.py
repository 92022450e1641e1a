"""Options of a client, and those that a single call may change.

Values are checked when they are made, with errors that name the option.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from pixel_core.effects import CancelEvent
from pixel_core.messages import Timeouts
from pixel_core.session.answers import Answer
from pixel_core.values import value


@value
class Options:
    """Options of a client: time limits in seconds; `upload_num_retries`, the tries of a storage request, the first
    included; `upload_max_concurrency`, storage requests at a time. Files above `multipart_threshold` bytes are sent in
    parts. A call that uploads ends after `upload_deadline` seconds. With `skip_uploaded`, files that an earlier call
    uploaded are taken from the server's list, and are not sent again.
    """

    timeout_pixel: Timeouts = Timeouts(connect=10.0, read=10.0, write=15.0, pool=10.0)
    timeout_upload: Timeouts = Timeouts(connect=30.0, read=30.0, write=300.0, pool=30.0)
    upload_num_retries: int = 8
    upload_max_concurrency: int = 10
    multipart_threshold: int = 64 * 1024 * 1024
    upload_deadline: float | None = None
    skip_uploaded: bool = False

    @classmethod
    def from_keywords(cls, **keywords: Any) -> "Options":
        """Make options from a user's keywords: time limits in any form that `Timeouts.parse` takes."""
        for name in keywords.keys() & {"timeout_pixel", "timeout_upload"}:
            keywords[name] = Timeouts.parse(keywords[name])
        return cls(**keywords)

    def __post_init__(self) -> None:
        for name in ("upload_num_retries", "upload_max_concurrency", "multipart_threshold"):
            count = getattr(self, name)
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise ValueError(f"{name} is a whole number from 1, got {count!r}")
        limit = self.upload_deadline
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit > 0):
            raise ValueError(f"upload_deadline is a number of seconds above 0, or None, got {limit!r}")


class CallOptions(TypedDict, total=False):
    """Options that can be changed for some calls.

    `timeout` limits their exchanges with the API and with the object storage, in any form that a client takes (its
    `total` limits each call of the API, and each request to the object storage, with all repeats); `retries` is the
    number of repeats of a request (0: none); `headers` are added to requests to the API, and replace its own except
    the token; each response of the API, errors too, is appended to the list `answers`.

    Of clients only: `listener` is called with each event of these calls, besides the listener of the client. When
    `cancel` is set, a `threading.Event` for example, a call ends with PixelCancelledError within a second.
    """

    timeout: Any
    retries: int
    headers: Mapping[str, str]
    answers: list[Answer]
    listener: Callable[[Any], object] | None
    cancel: CancelEvent | None


OPTIONS_OF_CLIENTS = frozenset({"listener", "cancel"})
"""Those that a session has not: a client runs its flows in `Listen` and `CancelWhen`."""
