"""`python -m tests.system.faults.uploads --seed N`: upload many files through a proxy with random faults.

The files reported as uploaded are exactly the stored ones. Files may fail; they are counted, and the run succeeds.
Signatures last two seconds, so that some expire during the run.
"""

import random
import re
import sys
from collections import Counter
from pathlib import Path

from tests.system.faults.plans import Place, schedule
from tests.system.faults.proxy import Proxy
from tests.system.faults.world import KIB, Outcome, make_files, play, start_child, world

_ANY_PLACE = re.compile(r"https?://[^\s:]*(:\d+[^\s:]*)?|photo_\d+\.jpg|\b\d{3,}-\w+")
"""Parts of an error message that differ from file to file."""

LIMIT_SECONDS = 3.0
"""The limits of the client. Silences last longer."""

LIMITS = {"timeout_pixel": LIMIT_SECONDS, "timeout_upload": LIMIT_SECONDS}
OPTIONS = {
    "parts_from": 2048 * KIB,
    "part_size": 512 * KIB,
    "keywords": {"multipart_threshold": 1024 * KIB, "journal": None, "skip_uploaded": False, **LIMITS},
}
DEADLINE_SECONDS = 600.0


def run(folder: Path, *, seed: int, files: int, face: str, rate: float) -> Outcome:
    """Do one run. `rate` is the share of storage requests with a fault, and three times that of other requests."""
    folder, outcome = folder / "photos", Outcome()
    made = make_files(folder, random.Random(seed), files, (KIB, 200 * KIB), (1024 * KIB, 4096 * KIB), 0.03)
    rates = {Place.STORAGE: rate, Place.API: rate / 3, Place.LOGIN: rate / 3}
    with (
        world(signature_seconds=2.0, token_seconds=10.0, job_seconds=0.1) as here,
        Proxy(here.address, schedule(seed, rates, hang_seconds=LIMIT_SECONDS + 2)) as proxy,
    ):
        with start_child(here, proxy.url, folder, face, OPTIONS) as child:
            try:
                output, errors = child.communicate(timeout=DEADLINE_SECONDS)
            finally:
                child.kill()
        result = outcome.judge(made, "" if child.returncode else output, errors, here.stored())
    reasons = Counter(f"{status}: {_ANY_PLACE.sub('...', detail)}" for _, status, detail in result["errors"])
    outcome.figures = {
        "uploaded": len(result["uploaded"]),
        "requests": dict(Counter(record.place.value for record in proxy.records)),
        "faults": dict(Counter(record.act.fault.value for record in proxy.records)),
        "failed": dict(reasons),
    }
    return outcome


if __name__ == "__main__":
    sys.exit(play(run, files=500, rate=0.1))
