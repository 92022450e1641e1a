"""Figures that do not depend on how fast the machine is, and the bounds they have to keep.

Rules kept here:

* A figure is a count: modules, calls of functions (Python's and C's, as the interpreter's profiler reports them),
  bytes allocated at the peak. It is taken in a process of its own, with nothing else loaded.
* A bound is what was found, and a little more for other versions of Python and pydantic. Who makes a figure smaller
  lowers its bound; who has to raise one says why in the commit.

`python -m tests.benchmarks.figures` prints the figures.
"""

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

from pixel_transports.sandbox import SandboxServer
from tests.benchmarks.scenarios import Environments, output_of

BOUNDS = {
    "modules that `import pixel_client` loads": 45,
    "modules that a first blocking call loads more": 338,
    "modules of this library among those": 90,
    "function calls of one exchange": 385,
    "function calls of one call": 440,
    "function calls of one page of 500 images": 450,
    "bytes at the peak of one call": 7_000,
    "bytes kept after a thousand calls": 1_000,
}


def function_calls(work: Callable[[], Any]) -> int:
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    work()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def measured() -> dict[str, int]:
    """The figures but that of the import, of this process, which has to be a fresh one."""
    from tests.benchmarks.pure import ME, in_memory

    core = in_memory()
    request = core.last_request
    assert request is not None
    listed = in_memory()
    item = b'{"id":1,"name":"DJI_000001.JPG","data_collection_id":2,"tags":["survey"],"size":8000001}'
    body = b"[" + b",".join([item] * 500) + b"]"
    head = ME.partition(b"\r\n\r\n")[0].replace(b"Content-Length: 52", b"Content-Length: %d" % len(body))
    listed.answer_with(head + b"\r\n\r\n" + body)
    pages = listed.api.paginate_images(1, 2, 500)
    counts = {
        "function calls of one exchange": function_calls(lambda: core.exchange(request)),
        "function calls of one call": function_calls(lambda: core.run(core.api.me())),
        "function calls of one page of 500 images": function_calls(lambda: listed.run(next(pages))),
    }
    tracemalloc.start()
    core.run(core.api.me())
    gc.collect()
    start = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    core.run(core.api.me())
    highest = tracemalloc.get_traced_memory()[1] - start
    for _ in range(1000):
        core.run(core.api.me())
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - start
    tracemalloc.stop()
    return {**counts, "bytes at the peak of one call": highest, "bytes kept after a thousand calls": kept}


def in_a_fresh_process() -> dict[str, int]:
    """All figures, of processes that do nothing else."""
    imported, called = modules_loaded()
    counted: dict[str, int] = json.loads(_output("-m", "tests.benchmarks.figures", "counted"))
    return {
        "modules that `import pixel_client` loads": len(imported),
        "modules that a first blocking call loads more": len(called),
        "modules of this library among those": sum(name.startswith("pixel_") for name in called),
        **counted,
    }


def modules_loaded() -> tuple[list[str], list[str]]:
    """What `import pixel_client` loads, and what is loaded more until a first blocking call has its answer."""
    with SandboxServer() as server:
        printed = _output("-c", _MODULES, **server.sandbox.environment(server.url))
    imported, called = printed.splitlines()
    return imported.split(), called.split()


_MODULES = """
import sys
before = set(sys.modules)
import pixel_client
imported = set(sys.modules)
assert pixel_client.get_client().me()["id"]
print(*sorted(imported - before))
print(*sorted(set(sys.modules) - imported))
"""


def _output(*arguments: str, **variables: str) -> str:
    return output_of(Environments(None, None), "ours", *arguments, where=variables)


if __name__ == "__main__":
    print(json.dumps(measured() if sys.argv[1:] == ["counted"] else in_a_fresh_process(), indent=1))
