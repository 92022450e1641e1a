"""Events: what flows tell (`Report`) those who listen. Values; nobody has to listen, and nothing depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A look at a job on the server. `detail` counts what is done, where the server tells."""

    what: str
    completed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class FileHashed:
    """A file was read and its MD5 is known. `size` is in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class FileSent:
    """A file, its parts and what belongs to it are in the object storage. `size` is in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class FileFinished:
    """The server took a file over (`status` "validated_and_moved"), or did not."""

    path: str
    status: str


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call of the API ends in an error. `call` is its method and its URL without a query; `reason` is fit to be shown
    ("status 404", or the words of the error); `request_id` finds it in the server's log.
    """

    call: str
    request_id: str
    reason: str
    tries: int


@dataclass(frozen=True, slots=True)
class CallRepeated:
    """A request is tried again, `delay` seconds after its try number `attempt`. For the object storage, `request_id` is
    empty.
    """

    call: str
    request_id: str
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True)
class LoginRenewed:
    """There is a new token, from the token endpoint that `call` names."""

    realm: str
    call: str


@dataclass(frozen=True, slots=True)
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
    | CallFailed
    | CallRepeated
    | LoginRenewed
    | KeywordsIgnored
)
