"""Notes: on which machine a shard is being run, beside its journal.

Rules kept here:

* Within one machine the journal's claims keep runs apart, and the system frees those of a process that was killed.
  Over a network file system neither locks nor SQLite's shared memory can be relied on, so only one machine may have a
  journal at a time. What is relied on there is that of two machines only one makes a file of a name.
* A note is written before the journal is opened, and taken away when the run is over. That of a run which was killed
  stays: the same machine goes on all the same, others only when they are told that it is over. No clock decides.
* A machine is one running kernel: its containers share its locks, and after a restart it is another.
"""

import json
import os
import platform
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
UNKNOWN = "an unknown machine"


def this_machine() -> str:
    """What tells this machine from others: the id of its start, or its name where the system has no such id."""
    try:
        return _BOOT.read_text(encoding="ascii").strip() or platform.node()
    except (OSError, ValueError):
        return platform.node()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a journal: the name of the machine, and whether that is this one."""

    name: str
    here: bool


class MachineLock:
    """The note beside one journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = False

    @classmethod
    def of(cls, journal: Path) -> "MachineLock":
        return cls(journal.with_suffix(".machine"))

    def holder(self) -> Holder | None:
        """Who has the journal; None where nobody has. Raises OSError."""
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return Holder(str(told["name"]), told["machine"] == this_machine())
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):  # Who wrote it was killed there, or is at it this moment.
            return Holder(UNKNOWN, here=False)

    def take(self) -> Holder | None:
        """Take the journal for this machine. Gives who has it where that is another. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            with suppress(FileExistsError):
                self._make()
                self._made = True
                return None
            holder = self.holder()
            if holder is not None:
                return None if holder.here else holder

    def _make(self) -> None:
        """Write the note. Raises FileExistsError where there is one."""
        told = {"machine": this_machine(), "name": platform.node(), "process": os.getpid()}
        text = json.dumps(told).encode()
        draft = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex[:8]}")
        _write(draft, text)
        try:
            os.link(draft, self._path)  # It is whole from its first moment on, also if this process is killed now.
        except FileExistsError:
            raise
        except OSError:  # The file system has no links.
            _write(self._path, text)
        finally:
            draft.unlink()

    def drop(self) -> None:
        """Take the note of another machine away: its run is over. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def give_back(self, was_ours: bool) -> None:
        """The run is over. `was_ours` says that it had the claims, so that the note was its own, whoever made it; else
        it may be that of another process, which is alive.
        """
        if was_ours or self._made:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._made = False


def _write(path: Path, text: bytes) -> None:
    """Write a new file for its user alone. Raises FileExistsError."""
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(text)
