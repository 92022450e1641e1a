"""Random bits of the system, many at a time: a call of the system for each would make threads wait for each other.

Rules kept here:

* No bits are given out twice, whichever threads ask, and a forked process has bits of its own.
"""

import os

from pixel_transports.runtime.forks import call_after_fork

_BYTES = 16
_AT_A_TIME = 64

_drawn: list[int] = []


def draw() -> int:
    """128 bits."""
    try:
        return _drawn.pop()
    except IndexError:
        data = os.urandom(_BYTES * _AT_A_TIME)
        first, *more = (int.from_bytes(data[at : at + _BYTES]) for at in range(0, len(data), _BYTES))
        _drawn.extend(more)
        return first


@call_after_fork
def _forget() -> None:
    _drawn.clear()
