"""Uploads divided into shards, for many processes and machines.

Enters: files, a destination, and the options of `get_client`. Leaves: a `ShardReport` for each run of a shard.
"""

from pixel_transports.shards.plans import manifest, plan
from pixel_transports.shards.reports import ShardFailure, ShardReport, ShardState
from pixel_transports.shards.shard import Shard
from pixel_transports.shards.spec import ShardFile

__all__ = ["Shard", "ShardFailure", "ShardFile", "ShardReport", "ShardState", "manifest", "plan"]
