"""Random bits: never the same twice, in no thread and no process."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixel_transports.runtime.randomness import draw


def test_bits_are_128_and_never_the_same_in_many_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(lambda number: [draw() for _ in range(500)], range(8)))
    drawn = [bits for row in rows for bits in row]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= bits < 1 << 128 for bits in drawn)
    assert max(drawn) >> 120


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_draws_other_bits() -> None:
    draw()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, " ".join(str(draw()) for _ in range(70)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        theirs = {int(bits) for bits in told.read().split()}
    os.waitpid(child, 0)
    ours = {draw() for _ in range(70)}
    assert len(theirs) == len(ours) == 70
    assert not theirs & ours
