"""`python -m tests.transports.shards.serving`: a sandbox in a process of its own, and what it holds, asked for by lines on stdin.

Rules kept here:

* The truth is read from the sandbox's state, never through a client.
* Files are made from a seed, and every one has bytes of its own; equal names are in different folders.
* It ends with its stdin, so that it never outlives whoever started it.
"""

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.sandbox import Sandbox
from pixel_transports.sandbox.http import Buffer
from tests.support.paths import ROOT
from tests.system.faults.world import JPEG, World, world

PER_FOLDER = 500


class Counting(Sandbox):
    """A sandbox that counts the requests to the storage that were successful."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.stores = 0
        self._counting = threading.Lock()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Buffer) -> Response:
        response = super().handle(method, origin, target, headers, content)
        if target.startswith("/storage/") and response.status < 300:
            with self._counting:
                self.stores += 1
        return response


def truth_of(here: World) -> dict[str, Any]:
    """The images, as name, size and MD5; how many requests to the storage there were, and jobs without an end."""
    images = [(name, size, md5) for name, found in here.stored().items() for size, md5 in found]
    return {"images": images, "stores": stores_of(here), "unfinished": here.unfinished()}


def stores_of(here: World) -> int:
    return here.sandbox.stores if isinstance(here.sandbox, Counting) else 0


def main() -> None:
    """Serve until stdin ends."""
    with world(Counting(job_seconds=0.05)) as here:
        where = {"project": here.project_id, "collection": here.collection_id}
        print(json.dumps({**where, "environment": here.sandbox.environment(here.server.url)}), flush=True)
        for line in sys.stdin:
            print(json.dumps(stores_of(here) if line.strip() == "stores" else truth_of(here)), flush=True)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the sandbox holds."""

    images: Counter[tuple[str, int, str]]
    stores: int
    unfinished: int


class Serving:
    """A sandbox in a process of its own, between entering and leaving."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.transports.shards.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        told = self._line()
        self.project: int = told["project"]
        self.collection: int = told["collection"]
        self.environment: dict[str, str] = told["environment"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def _ask(self, question: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return self._line()

    def stores(self) -> int:
        """How many files were sent."""
        return int(self._ask("stores"))

    def truth(self) -> Truth:
        told = self._ask("truth")
        images = Counter((str(name), int(size), str(md5)) for name, size, md5 in told["images"])
        return Truth(images, told["stores"], told["unfinished"])


def make_photos(folder: Path, count: int, seed: int = 1) -> tuple[list[Path], Counter[tuple[str, int, str]]]:
    """Tiny photos in several folders with the same names in each, and what the server should hold of them."""
    draw = random.Random(seed)
    paths, facts = [], Counter[tuple[str, int, str]]()
    for number in range(count):
        flight, photo = divmod(number, PER_FOLDER)
        path = folder / f"flight_{flight:02}" / f"DJI_{photo:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = JPEG + number.to_bytes(4, "big") + draw.randbytes(draw.randint(100, 2000))
        path.write_bytes(content)
        paths.append(path)
        facts[path.name, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()] += 1
    return paths, facts


if __name__ == "__main__":
    main()
