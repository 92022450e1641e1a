"""Uploads cut into shards, for many processes and machines."""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_transports.shards.plans import Shard, ShardFile, manifest, plan
    from pixel_transports.shards.reports import ShardFailure, ShardReport
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".plans": ["Shard", "ShardFile", "manifest", "plan"],
            ".reports": ["ShardFailure", "ShardReport"],
        },
    )

__all__ = ["Shard", "ShardFailure", "ShardFile", "ShardReport", "manifest", "plan"]
