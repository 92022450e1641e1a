"""Virtual environments that hold the software of others, and the processes that run it.

Rules kept here:

* An environment is made once a session, by pip, with pinned versions; nothing of it is imported into the tests.
* What cannot be had here is skipped, with the reason that pip or the operating system gave.
* `PIXEL_THIRDPARTY_VENVS` names a folder whose environments are kept and used again; without it they are made anew.
* Processes are given loopback addresses only, and are ended by their own handle.
"""

import functools
import hashlib
import os
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.conformance.running import clean_environment, python_of

INSTALL_SECONDS = 300.0


@functools.cache
def _made_folder() -> tempfile.TemporaryDirectory[str]:
    """Where environments are that are not kept; removed when the tests end."""
    return tempfile.TemporaryDirectory(prefix="pixel-thirdparty-")


def _folder() -> Path:
    kept = os.environ.get("PIXEL_THIRDPARTY_VENVS")
    return Path(kept) if kept else Path(_made_folder().name)


@functools.cache
def _installed(requirements: tuple[str, ...]) -> tuple[Path, str | None]:
    """The interpreter of an environment with these packages, and why it could not be made (None if it was)."""
    name = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:16]
    environment = _folder() / name
    python, complete = python_of(environment), environment / "complete"
    if complete.exists():
        return python, None
    venv.create(environment, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=clean_environment(), timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return python, f"pip was not done after {INSTALL_SECONDS:.0f} s"
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["pip says nothing"]
        return python, last[0]
    complete.touch()
    return python, None


def venv_with(*requirements: str) -> Path:
    """The Python interpreter of a virtual environment that holds these packages, each pinned (`"proxy.py==2.4.10"`).

    Made at the first call of a session with these requirements; later calls give the same. Skips the test, with the
    reason, where they cannot be installed.
    """
    loose = [each for each in requirements if "==" not in each]
    if loose:
        raise ValueError(f"not pinned: {', '.join(loose)}")
    python, trouble = _installed(tuple(sorted(requirements)))
    if trouble is not None:
        pytest.skip(f"{' '.join(requirements)} cannot be had: {trouble}")
    return python


@contextmanager
def process(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None, seconds: float = 10.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs as long as the context, with what it says in the file `log`; ended, and after `seconds`
    killed.
    """
    with log.open("wb") as said:
        running = subprocess.Popen(
            [str(each) for each in command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**clean_environment(), **(environment or {})},
        )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(seconds)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
