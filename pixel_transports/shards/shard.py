"""A shard: a part of a large upload that any worker of any engine can run.

A shard is a small value that pickles: paths, destination and client options. It contains a password only if it was
given `settings`; without them each worker uses those of its environment. Equal shards in one process share one client,
and so one login.
"""

import json
import pickle
import zlib
from dataclasses import field
from functools import lru_cache
from typing import Any

from pixel_core.values import value
from pixel_transports.client.blocking import PixelClient
from pixel_transports.client.config import PixelClientKwargs
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.shards.reports import ShardReport, ShardState, read_report, state_of
from pixel_transports.shards.spec import ShardFile, ShardSpec


@value
class Shard(ShardSpec):
    """Some files to upload to one data collection, and the options of the client that uploads them.

    >>> report = shard.run()
    >>> len(report.uploaded), report.failed
    """

    settings: PixelApiSettings | None = field(default=None, repr=False)
    keywords: PixelClientKwargs = field(default_factory=PixelClientKwargs, repr=False)

    def __hash__(self) -> int:
        return hash(self.key)

    def client(self) -> PixelClient:
        """Return this process's client for the settings and options of this shard."""
        from pixel_transports.client.factory import get_client  # `plan` does not need it

        return get_client(settings=self.settings, **self.keywords)

    def run(
        self,
        client: PixelClient | None = None,
        *,
        wait: float = 60.0,
        check_server: bool = False,
    ) -> ShardReport:
        """Upload the files that are not uploaded yet, and report on every file. Can be called any number of times.

        Without `client`, the client of `get_client` in this process is used. If another run of the same shard is at
        work, this one waits up to `wait` seconds for its files; those still claimed then fail as `in_use`.

        A run that does not renew its lease (`plan(lease=...)`) is taken over, in the same wait: then files that are
        missing in the journal are looked up on the server, since its last rows may be lost. `check_server=True` does
        so in any case: for a journal that was lost or is not shared.

        Raises an error that ends the whole upload (a refused login, for example) if nothing was uploaded, and OSError
        if the journal or its folder cannot be used. The shard can be run again after both.
        """
        from pixel_transports.shards.runs import run  # loads the engine

        return run(self, self.client() if client is None else client, wait, check_server)

    def state(self) -> ShardState:
        """Return the progress in the journal. Sends nothing. Raises OSError if the journal cannot be used."""
        return state_of(self.journal, [each.path for each in self.files])

    def report(self) -> ShardReport | None:
        """Return the report of the last complete run, None without one. Sends nothing, and opens no journal."""
        return read_report(self.journal)

    def __reduce__(self) -> tuple[Any, ...]:
        from pixel_transports.client.pickling import pickle_value  # imports all clients

        keywords = tuple((name, pickle_value(name, option)) for name, option in sorted(self.keywords.items()))
        return rebuild_shard, (zlib.compress(self.as_json().encode()), self.folder, self.lease, self.settings, keywords)


def rebuild_shard(
    content: bytes,
    folder: str,
    lease: float,
    settings: PixelApiSettings | None,
    keywords: tuple[tuple[str, bytes], ...],
) -> Shard:
    """Make a shard from its pickled parts."""
    destination, rows = json.loads(zlib.decompress(content))
    files = tuple(ShardFile.from_row(row) for row in rows)
    options: Any = {name: _unpickled(data) for name, data in keywords}
    project_id, data_collection_id, kind, part_size, metadata = destination
    return Shard(
        project_id, data_collection_id, files, folder, kind, part_size, metadata, lease, settings, keywords=options
    )


@lru_cache(maxsize=64)
def _unpickled(data: bytes) -> Any:
    """Unpickle a keyword's value. Shards with equal bytes get the same object, so they share a client."""
    return pickle.loads(data)  # noqa: S301
