"""A lock file that keeps a shard's journal to one machine at a time.

Rules kept here:

* Within one machine, the journal's own locks keep runs apart, and the system frees those of a killed process. Over a
  network file system neither file locks nor SQLite's shared memory are reliable. This file relies on one thing only:
  two machines cannot create a file of the same name.
* The lock file is written before the journal is opened and deleted after the run. After a killed run it stays: the
  same machine continues in spite of it, another one only with `take_over`. No clock is involved.
* A machine is one running kernel: its containers share its locks, and after a restart it counts as another machine.
"""

import json
import os
import platform
import uuid
from contextlib import suppress
from pathlib import Path

from pixel_core.values import value

_BOOT = Path("/proc/sys/kernel/random/boot_id")
UNKNOWN = "an unknown machine"


def this_machine() -> str:
    """Return the boot id of this machine, or its host name on systems without boot ids."""
    try:
        return _BOOT.read_text(encoding="ascii").strip() or platform.node()
    except (OSError, ValueError):
        return platform.node()


@value
class Holder:
    """The machine that holds a lock: its host name, and whether it is this machine."""

    name: str
    here: bool


class MachineLock:
    """The lock file beside a journal."""

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_suffix(".machine")
        self._created = False

    def holder(self) -> Holder | None:
        """Return the machine that holds the lock, None if it is free. Raises OSError."""
        try:
            fields = json.loads(self._path.read_text(encoding="utf-8"))
            return Holder(str(fields["name"]), fields["machine"] == this_machine())
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):  # Its writer was killed, or is writing at this moment.
            return Holder(UNKNOWN, here=False)

    def acquire(self) -> Holder | None:
        """Take the lock for this machine. Returns the holder if that is another machine. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            with suppress(FileExistsError):
                self._create()
                self._created = True
                return None
            holder = self.holder()
            if holder is not None:
                return None if holder.here else holder

    def _create(self) -> None:
        """Write the file. Raises FileExistsError if there is one."""
        fields = {"machine": this_machine(), "name": platform.node(), "process": os.getpid()}
        text = json.dumps(fields).encode()
        draft = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex[:8]}")
        _write(draft, text)
        try:
            os.link(draft, self._path)  # The file is complete as soon as it exists, even if this process is killed.
        except FileExistsError:
            raise
        except OSError:  # The file system has no hard links.
            _write(self._path, text)
        finally:
            draft.unlink()

    def break_lock(self) -> None:
        """Delete the lock file of another machine, whose run is over. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def release(self, had_claims: bool) -> None:
        """Delete the lock file after a run.

        `had_claims` is true if this run claimed files in the journal: then no other process of this machine runs the
        shard. Without claims only a file that this object created is deleted, since another process may be at work.
        """
        if had_claims or self._created:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._created = False


def _write(path: Path, text: bytes) -> None:
    """Write a new file that only its user can read. Raises FileExistsError."""
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(text)
