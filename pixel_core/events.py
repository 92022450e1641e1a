"""Events: what flows tell (`Report`), and what drivers tell of exchanges, to those who listen.

Rules kept here:

* Events are values. Nobody has to listen, and nothing depends on it.
* No event holds a query, a header or a body: a `call` is a method and a URL without its query.
* `request_id` is the same in all events of a call of the API, its login and its repeats; it is empty where there is no
  such call (requests to the object storage have none).
"""

from collections.abc import Mapping
from typing import TypeAlias

from pixel_core.values import value


@value
class JobProgress:
    """A look at a job on the server. `detail` counts what is done, where the server tells."""

    what: str
    completed: bool
    detail: str


@value
class FileHashed:
    """A file was read and its MD5 is known. `size` is in bytes."""

    path: str
    size: int


@value
class FileSent:
    """A file, its parts and what belongs to it are in the object storage. `size` is in bytes."""

    path: str
    size: int


@value
class FileFinished:
    """The server took a file over (`status` "validated_and_moved"), or did not."""

    path: str
    status: str


@value
class UploadProgress:
    """How far an upload is, at most ten times a second, and once at its end.

    `total` is the sum of all files (support files too), `hashed`, `sent` and `confirmed` how much of it was read, is in
    the object storage, and was taken over by the server: bytes, which never fall, whatever is tried again. `files` is
    the number of files in each state: "waiting", "hashing", "hashed", "sending", "sent", "finishing", "done", "failed".
    `rate` is in bytes a second, over the last seconds; `seconds_left` is None where it cannot be told.
    """

    what: str
    total: int
    hashed: int
    sent: int
    confirmed: int
    files: Mapping[str, int]
    retries: int
    rate: float
    seconds: float
    seconds_left: float | None
    last: bool = False


@value
class RequestSent:
    """A request is about to be sent: one exchange of a call. `size` is that of its body in bytes, `resend` how often it
    was sent before.
    """

    call: str
    request_id: str
    size: int
    resend: int


@value
class ResponseReceived:
    """An answer is there, with whatever status, `seconds` after its request. `size` is that of its body in bytes."""

    call: str
    request_id: str
    status: int
    size: int
    seconds: float


@value
class RequestFailed:
    """There is no answer: `reason` is fit to be shown ("cancelled", where nobody waits for it any more)."""

    call: str
    request_id: str
    reason: str
    seconds: float


@value
class CallFailed:
    """A call of the API ends in an error. `call` is its method and its URL without a query; `reason` is fit to be shown
    ("status 404", or the words of the error); `request_id` finds it in the server's log.
    """

    call: str
    request_id: str
    reason: str
    tries: int


@value
class CallRepeated:
    """A request is tried again, `delay` seconds after its try number `attempt`. For the object storage, `request_id` is
    empty.
    """

    call: str
    request_id: str
    reason: str
    attempt: int
    delay: float


@value
class LoginRenewed:
    """There is a new token, from the token endpoint that `call` names."""

    realm: str
    call: str
    request_id: str = ""


@value
class LoginFailed:
    """No token could be had. `reason` is fit to be shown."""

    realm: str
    reason: str
    request_id: str = ""


@value
class KeywordsIgnored:
    """Keywords were given beside a model, and only the model was read."""

    model: str
    names: tuple[str, ...]


Event: TypeAlias = (
    JobProgress
    | FileHashed
    | FileSent
    | FileFinished
    | UploadProgress
    | RequestSent
    | ResponseReceived
    | RequestFailed
    | CallFailed
    | CallRepeated
    | LoginRenewed
    | LoginFailed
    | KeywordsIgnored
)
