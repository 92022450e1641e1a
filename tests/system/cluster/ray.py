"""`python -m tests.system.cluster.ray --files 20000 --workers 4 --kill 2`: a Ray cluster uploads, and loses workers."""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pixel_transports.shards import Shard, ShardReport
from tests.system.cluster.upload import main


class Ray:
    """A Ray cluster. A worker notes its process beside the shard that it runs."""

    def __init__(self, ray: Any, running: Path) -> None:
        self._ray = ray
        self._running = running
        self._task = ray.remote(max_retries=5)(run_shard)

    def start(self, shards: Sequence[Shard]) -> list[Any]:
        return [self._task.remote(shard, self._running) for shard in shards]

    def done(self, handles: list[Any]) -> bool:
        return not self._ray.wait(handles, num_returns=len(handles), timeout=0)[1]

    def busy(self) -> list[int]:
        return [int(each.name) for each in self._running.iterdir() if Path("/proc", each.name).exists()]

    def reports(self, handles: list[Any]) -> list[ShardReport]:
        return list(self._ray.get(handles))


def run_shard(shard: Shard, running: Path) -> ShardReport:
    """Run a shard, in a worker."""
    note = running / str(os.getpid())
    note.touch()
    try:
        return shard.run()
    finally:
        note.unlink()


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[Ray]:
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"})
    ray = importlib.import_module("ray")
    running = folder / "running"
    running.mkdir()
    options = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    with tempfile.TemporaryDirectory(
        prefix="ray", ignore_cleanup_errors=True
    ) as own:  # The paths of sockets are short.
        ray.init(
            num_cpus=workers, object_store_memory=100 << 20, _temp_dir=own, _node_ip_address="127.0.0.1", **options
        )
        try:
            yield Ray(ray, running)
        finally:
            with suppress(Exception):
                ray.shutdown()


if __name__ == "__main__":
    sys.exit(main(cluster, "ray"))
