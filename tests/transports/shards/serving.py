"""A sandbox in a process of its own: `python -m tests.transports.shards.serving`. Lines on stdin query its content.

The content is read from the sandbox's state, never through a client. The process ends when its stdin is closed.
"""

import hashlib
import json
import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, Self

from pixel_core.messages import Headers, Origin, Response
from pixel_transports.sandbox import Sandbox
from pixel_transports.sandbox.incoming import Content
from tests.support.paths import ROOT
from tests.system.faults.world import JPEG, World, world

PER_FOLDER = 500


class Counting(Sandbox):
    """A sandbox that counts the successful requests to the storage."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_part_bytes=0, **options)
        self.stores = 0
        self._counting = threading.Lock()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        response = super().handle(method, origin, target, headers, content)
        if target.startswith("/storage/") and response.status < 300:
            with self._counting:
                self.stores += 1
        return response


def truth_of(here: World) -> dict[str, Any]:
    """Return the images (name, size, MD5), the number of requests to the storage, and the unfinished jobs."""
    images = [(name, size, md5) for name, found in here.stored().items() for size, md5 in found]
    return {"images": images, "stores": stores_of(here), "unfinished": here.unfinished()}


def stores_of(here: World) -> int:
    return here.sandbox.stores if isinstance(here.sandbox, Counting) else 0


def main() -> None:
    """Serve until stdin is closed."""
    with world(Counting(job_seconds=0.05)) as here:
        where = {"project": here.project_id, "collection": here.collection_id}
        print(json.dumps({**where, "environment": here.sandbox.environment(here.server.url)}), flush=True)
        for line in sys.stdin:
            print(json.dumps(stores_of(here) if line.strip() == "stores" else truth_of(here)), flush=True)


class Truth(NamedTuple):
    """The content of the sandbox."""

    images: Counter[tuple[str, int, str]]
    stores: int
    unfinished: int


class Serving:
    """A context manager for a sandbox in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.transports.shards.serving"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        ready = self._line()
        self.project: int = ready["project"]
        self.collection: int = ready["collection"]
        self.environment: dict[str, str] = ready["environment"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def _query(self, line: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._line()

    def stores(self) -> int:
        """Return the number of requests to the storage."""
        return int(self._query("stores"))

    def truth(self) -> Truth:
        content = self._query("truth")
        images = Counter((str(name), int(size), str(md5)) for name, size, md5 in content["images"])
        return Truth(images, content["stores"], content["unfinished"])


def make_photos(folder: Path, count: int, seed: int = 1) -> tuple[list[Path], Counter[tuple[str, int, str]]]:
    """Write tiny photos, the same names in each folder. Returns paths, and counted (name, size, MD5)."""
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
