"""`python -m tests.transports.shards.worker FILE`: run the shard that was pickled into a file, and print its report as JSON."""

import json
import pickle
import sys
from pathlib import Path

from pixel_transports.shards import Shard


def main(path: str) -> None:
    """Run it."""
    shard = pickle.loads(Path(path).read_bytes())
    assert isinstance(shard, Shard)
    print(json.dumps(shard.run().as_json()))


if __name__ == "__main__":
    main(sys.argv[1])
