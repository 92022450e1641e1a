"""The record of a request that the sandbox answered.

Rules kept here:

* It holds no body, no header but the request id, and a query only where the API got it: the query of a presigned URL is
  a signature.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request that was answered. `time` is in seconds since the epoch, `body_bytes` the size of its body."""

    time: float
    method: str
    path: str
    query: str
    status: int
    body_bytes: int
    request_id: str | None
