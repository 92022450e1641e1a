"""Uploads divided into shards, for many processes and machines.

Enters: files, a destination, and the options of `get_client`. Leaves: a `ShardReport` for each run of a shard.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.shards.plans import manifest, plan
    from pixel_transports.shards.reports import ShardFailure, ShardReport, ShardState
    from pixel_transports.shards.shard import Shard
    from pixel_transports.shards.spec import ShardFile
else:  # A package with `__getattr__` would have any name for type checkers.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".plans": ["manifest", "plan"],
            ".reports": ["ShardFailure", "ShardReport", "ShardState"],
            ".shard": ["Shard"],
            ".spec": ["ShardFile"],
        },
    )

__all__ = ["Shard", "ShardFailure", "ShardFile", "ShardReport", "ShardState", "manifest", "plan"]
