"""The environments of the peers: made by pip where none is given.

Rules kept here:

* The reference is made as the conformance test makes it. What cannot be installed is done without, and that is said.
"""

import subprocess
import venv
from pathlib import Path

from tests.benchmarks.scenarios import Environments
from tests.system.conformance.running import NoReferenceError, clean_environment, make_reference, python_of

PEERS = ("httpx", "sniffio", "urllib3", "requests", "aiohttp")


def make_peers(folder: Path) -> Path | None:
    """A virtual environment with the general HTTP libraries; None when they cannot be installed."""
    environment = folder / "peers"
    venv.create(environment, with_pip=True)
    command = [str(python_of(environment)), "-m", "pip", "install", "-q", *PEERS]
    done = subprocess.run(command, capture_output=True, check=False, env=clean_environment())
    return None if done.returncode else environment


def environments(folder: Path, reference: Path | None, peers: Path | None) -> tuple[Environments, list[str]]:
    """The environments that are given, and those that can be made; and what has to be said of those that cannot."""
    said = []
    if reference is None:
        try:
            reference = make_reference(folder)
        except NoReferenceError as error:
            said.append(f"without the reference: {error}")
    if peers is None:
        peers = make_peers(folder)
        if peers is None:
            said.append(f"without the peers: {', '.join(PEERS)} cannot be installed")
    return Environments(reference, peers), said
