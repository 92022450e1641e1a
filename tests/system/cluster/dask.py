"""`python -m tests.system.cluster.dask --files 20000 --workers 4 --kill 2`: a Dask cluster that loses workers."""

import importlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixel_transports.shards import Shard, ShardReport
from tests.system.cluster.upload import main


class Dask:
    """A client of a Dask cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, shards: Sequence[Shard]) -> list[Any]:
        return list(self._client.map(Shard.run, shards, pure=False))

    def done(self, handles: list[Any]) -> bool:
        return all(each.done() for each in handles)

    def busy(self) -> list[int]:
        pids = self._client.run(os.getpid)
        return [pids[worker] for worker, tasks in self._client.processing().items() if tasks and worker in pids]

    def reports(self, handles: list[Any]) -> list[ShardReport]:
        return list(self._client.gather(handles))


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[Dask]:
    distributed = importlib.import_module("distributed")
    options = {"n_workers": workers, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with (
        distributed.LocalCluster(**options, silence_logs=logging.CRITICAL, local_directory=str(folder)) as local,
        distributed.Client(local) as client,
    ):
        yield Dask(client)


if __name__ == "__main__":
    sys.exit(main(cluster, "dask"))
