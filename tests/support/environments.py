"""Virtual environments with other people's packages, and processes that run them.

Rules kept here:

* An environment is made once a session, by pip. Nothing of it is imported into the tests.
* A test is skipped, with pip's last line as the reason, where the packages cannot be installed.
* `PIXEL_TEST_VENVS` names a folder whose environments are kept and used again.
* Processes listen on loopback only, and are ended by their own handle.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import ROOT

REFERENCE = ("pixel-client==1.2.8", "sniffio")
"""The reference client; it uses `sniffio` without depending on it."""

DEPENDENCIES: tuple[str, ...] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
)
"""What this library needs."""

INSTALL_SECONDS = 300.0


class NotInstalledError(Exception):
    """An environment could not be made. The message is pip's last line."""


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="pixel-test-venvs-")  # removed at the end of the process


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_environment() -> dict[str, str]:
    """The environment variables of this process, without those that configure Python or a Pixel client."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIXEL_", "KEYCLOAK_"))}


@functools.cache
def installed(*requirements: str) -> Path:
    """A virtual environment with these packages. Raises NotInstalledError."""
    name = hashlib.sha256("\n".join((sys.version, *sorted(requirements))).encode()).hexdigest()[:16]
    environment = Path(os.environ.get("PIXEL_TEST_VENVS") or _temporary().name) / name
    if (environment / "complete").exists():
        return environment
    venv.create(environment, with_pip=True, clear=True)
    command = [str(python_of(environment)), "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=clean_environment(), timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalledError(f"pip was not done after {INSTALL_SECONDS:.0f} s") from error
    if done.returncode:
        raise NotInstalledError((done.stderr.strip().splitlines() or ["pip reports nothing"])[-1])
    (environment / "complete").touch()
    return environment


def installed_library(folder: Path) -> Path:
    """A folder with the packages of this library, as an installation has them: for PYTHONPATH of an environment that
    has its `DEPENDENCIES`. The library itself is not installed into environments, since they may be kept.
    """
    site = folder / "site-packages"
    for name, home in (("pixel_core", ""), ("pixel_transports", ""), ("pixel_client", "pixel_transports")):
        shutil.copytree(ROOT / home / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    return site


def venv_with(*requirements: str) -> Path:
    """The interpreter of an environment with these packages. Skips the test where they cannot be installed."""
    try:
        return python_of(installed(*requirements))
    except NotInstalledError as error:
        pytest.skip(f"{' '.join(requirements)} cannot be installed: {error}")


@contextmanager
def process(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None, seconds: float = 10.0
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the context, at the latest after `seconds`, by SIGKILL. Its output goes to `log`."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            [str(each) for each in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
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


@contextmanager
def sandbox_process() -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own: the settings that lead to it. Raises RuntimeError if it does not start."""
    environment = {**clean_environment(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = [sys.executable, "-m", "pixel_transports.sandbox"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            lines = iter(lambda: running.stdout.readline().strip() if running.stdout else "", "")
            settings = dict(line.split("=", 1) for line in lines)
            if not settings:
                raise RuntimeError("the sandbox did not start")
            yield settings
        finally:
            running.terminate()
            running.wait(timeout=30)
