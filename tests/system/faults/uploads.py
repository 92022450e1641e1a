"""`python -m tests.system.faults.uploads --seed N`: upload many files through a proxy with random faults.

Rules kept here:

* The files reported as uploaded are exactly the stored ones: each once, with its own bytes. Every file is in exactly
  one of the two lists. No socket is left.
* Files may fail under faults. They are counted, and the run succeeds.
* Signatures last two seconds by default, so that some expire during the run.
"""

import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.system.faults.plans import Place, Schedule
from tests.system.faults.proxy import Proxy
from tests.system.faults.world import (
    KIB,
    child_command,
    make_files,
    parser_of,
    play,
    start_child,
    world,
    wrong_result,
)

_ANY_PLACE = re.compile(r"https?://[^\s:]*(:\d+[^\s:]*)?|photo_\d+\.jpg|\b\d{3,}-\w+")
"""Parts of an error message that differ from file to file."""

SMALL = (KIB, 200 * KIB)
LARGE = (1024 * KIB, 4096 * KIB)
LARGE_SHARE = 0.03
OPTIONS = {
    "multipart_threshold": 1024 * KIB,
    "parts_from": 2048 * KIB,
    "part_size": 512 * KIB,
    "journal": None,
    "skip_uploaded": False,
}
LIMIT_SECONDS = 3.0
"""The limits of the client. Silences last longer."""


@dataclass(slots=True)
class Outcome:
    wrong: list[str]
    uploaded: int
    errors: "Counter[str]"
    faults: "Counter[str]"
    requests: "Counter[str]"
    seconds: float

    def __str__(self) -> str:
        spoilt = sum(self.faults.values()) - self.faults["nothing"]
        lines = [
            f"{self.uploaded} uploaded, {sum(self.errors.values())} failed, in {self.seconds:.1f} s",
            f"requests: {', '.join(f'{name} {count}' for name, count in sorted(self.requests.items()))}",
            f"faults: {spoilt}",
            *(f"  {count:5} {name}" for name, count in sorted(self.faults.items()) if name != "nothing"),
            *(f"failed: {count:5} {reason}" for reason, count in self.errors.most_common()),
            *(f"WRONG: {each}" for each in self.wrong),
        ]
        return "\n".join(lines)


def run(
    folder: Path,
    *,
    seed: int,
    files: int,
    face: str,
    rate: float = 0.1,
    api_rate: float | None = None,
    signature_seconds: float = 2.0,
    deadline: float = 600.0,
) -> Outcome:
    """Do one run. `rate` is the share of storage requests with a fault, `api_rate` that of others (None: a third)."""
    folder /= "photos"
    made = make_files(folder, random.Random(seed), files, SMALL, LARGE, LARGE_SHARE)
    others = rate / 3 if api_rate is None else api_rate
    rates = {Place.STORAGE: rate, Place.API: others, Place.LOGIN: others}
    keywords = {"timeout_pixel": LIMIT_SECONDS, "timeout_upload": LIMIT_SECONDS}
    with (
        world(signature_seconds=signature_seconds, token_seconds=10.0, job_seconds=0.1) as here,
        Proxy(here.address, Schedule(seed, rates, hang_seconds=LIMIT_SECONDS + 2)) as proxy,
    ):
        command = child_command(here, proxy.url, folder, face, {**OPTIONS, "keywords": keywords})
        start = time.monotonic()
        with start_child(command) as child:
            try:
                output, errors = child.communicate(timeout=deadline)
            finally:
                child.kill()
        seconds = time.monotonic() - start
        counts, requests = proxy.counts(), Counter(record.place.value for record in proxy.records)
        wrong, result = wrong_result(made, "" if child.returncode else output, errors, here.stored())
    reasons = Counter(f"{status}: {_ANY_PLACE.sub('...', detail)}" for _, status, detail in result.get("errors", ()))
    return Outcome(wrong, len(result.get("uploaded", ())), reasons, counts, requests, seconds)


def main(arguments: list[str] | None = None) -> int:
    parser = parser_of("uploads", "Uploads under faults.")
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--api-rate", type=float, help="of all other requests (default: a third)")
    parser.add_argument("--signature-seconds", type=float, default=2.0)
    return play(run, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
