"""Events: what flows tell (`Report`) those who listen. Values; nobody has to listen, and nothing depends on it."""

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
class CallFailed:
    """A call of the API ends in an error. `call` is its method and its URL without a query; `reason` is fit to be shown
    ("status 404", or the words of the error); `request_id` finds it in the server's log.
    """

    call: str
    request_id: str
    reason: str
    tries: int


@dataclass(frozen=True, slots=True)
class KeywordsIgnored:
    """Keywords were given beside a model, and only the model was read."""

    model: str
    names: tuple[str, ...]


Event: TypeAlias = JobProgress | FileHashed | FileSent | FileFinished | CallFailed | KeywordsIgnored
