"""Forks for tests. A child fails if it does not end within 30 s, and for a warning or an unraisable error in it."""

import gc
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest

needs_fork = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def fork(work: Callable[[], object]) -> int:
    """Call a function in a child process; returns the process id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)
        problems: list[Any] = []
        sys.unraisablehook = problems.append
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            work()
            gc.collect()
        assert not problems, problems
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def exit_code(process: int) -> int:
    """Wait for a child, and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
