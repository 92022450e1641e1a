"""Events that flows report (`Report`), and drivers for exchanges, to listeners.

Rules kept here:

* Events are values. A listener is optional, and has no effect on the flow.
* No event holds a query, a header or a body: `call` is a method and a URL without its query.
* `request_id` is the same in all events of a call of the API, its login and its repeats; it is empty for requests to
  the object storage.
* `upload_id` is the same in all events of one call that uploads or attaches files, and empty in all others.
* An event about a file has its `path`, and the id of its upload job once there is one (`job_id`, else None). Events of
  its requests to the object storage have them too, also those of its support files. Other requests are about no file:
  `path` is empty.
* `reason` is fit to be shown: "status 404", or the message of the error.
"""

from collections.abc import Mapping
from typing import TypeAlias

from pixel_core.values import hash_of_fields, value


@value
class Correlation:
    """What an exchange or an event belongs to: a call of the API, an upload, and a file of it."""

    request_id: str = ""
    upload_id: str = ""
    path: str = ""
    job_id: int | str | None = None

    __hash__ = hash_of_fields


UNRELATED = Correlation()
"""Of an exchange that belongs to no call, and of a request to the object storage outside of uploads."""


@value
class JobProgress:
    """A job on the server was polled. `detail` is its count of finished items, if the server sends one."""

    what: str
    completed: bool
    detail: str
    upload_id: str = ""


@value
class FileHashed:
    """A file was read and hashed (MD5). `size` is in bytes."""

    path: str
    size: int
    upload_id: str = ""
    job_id: int | str | None = None


@value
class FileSent:
    """A file and its support files are in the object storage. `size` is in bytes."""

    path: str
    size: int
    upload_id: str = ""
    job_id: int | str | None = None


@value
class FileFinished:
    """The server has finished a file: `status` is "validated_and_moved" if it was accepted."""

    path: str
    status: str
    upload_id: str = ""
    job_id: int | str | None = None


@value
class SizeDiffers:
    """The server lists the resource of an uploaded file with another size, `listed`, in bytes. The file is uploaded all
    the same: processing may change what is listed.
    """

    path: str
    size: int
    listed: int
    upload_id: str = ""
    job_id: int | str | None = None


@value
class UploadProgress:
    """Progress of an upload, at most ten times a second, and once at its end.

    `total` is the size of all files (support files too), in bytes; `hashed`, `sent` and `confirmed` are the bytes of it
    that were read, are in the object storage, and were accepted by the server. They never fall, also when requests are
    repeated. `files` is the number of files in each state: "waiting", "hashing", "hashed", "sending", "sent",
    "finishing", "done", "failed". `rate` is in bytes a second, recently; `seconds_left` is None if unknown.
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
    upload_id: str = ""


@value
class RequestSent:
    """A request is about to be sent. `size` is that of its body in bytes; `resend` counts earlier sends."""

    call: str
    request_id: str
    size: int
    resend: int
    upload_id: str = ""
    path: str = ""
    job_id: int | str | None = None


@value
class ResponseReceived:
    """A response with any status arrived, `seconds` after its request. `size` is that of its body in bytes."""

    call: str
    request_id: str
    status: int
    size: int
    seconds: float
    upload_id: str = ""
    path: str = ""
    job_id: int | str | None = None


@value
class RequestFailed:
    """An exchange ended without a response. `reason` is "cancelled" if its call was."""

    call: str
    request_id: str
    reason: str
    seconds: float
    upload_id: str = ""
    path: str = ""
    job_id: int | str | None = None


@value
class CallFailed:
    """A call of the API failed. `request_id` identifies it in the server's log."""

    call: str
    request_id: str
    reason: str
    tries: int
    upload_id: str = ""


@value
class CallRepeated:
    """A request is repeated, `delay` seconds after its try number `attempt` (from 1)."""

    call: str
    request_id: str
    reason: str
    attempt: int
    delay: float
    upload_id: str = ""
    path: str = ""
    job_id: int | str | None = None


@value
class LoginRenewed:
    """A new token was obtained. `call` is the request to the token endpoint."""

    realm: str
    call: str
    request_id: str = ""
    upload_id: str = ""


@value
class LoginFailed:
    """No token could be obtained."""

    realm: str
    reason: str
    request_id: str = ""
    upload_id: str = ""


@value
class KeywordsIgnored:
    """Keywords were passed beside a model, and were ignored."""

    model: str
    names: tuple[str, ...]
    upload_id: str = ""


Event: TypeAlias = (
    JobProgress
    | FileHashed
    | FileSent
    | FileFinished
    | SizeDiffers
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
"""Any event."""
