"""The lease of a shard: one run at a time has it, on any machine that shares the folder.

Rules kept here:

* A folder beside the journal has one empty file, whose name is the state: `generation-epoch-beat-owner`. It changes
  by a rename of the name that was read, which fails if another run was faster. Nothing else is relied on: no locks, no
  times of files, no equal clocks. `probe` tries it before the first use.
* A holder renews its lease by counting the beat up. A run that observed the same name for the time of a lease takes it
  over, by its own monotonic clock. A holder without a renewal for half that time stops.
* The generation is the fencing token: `confirm` renews the lease, and so fails for a holder of a former generation.
* The epoch names the journal. After a take-over from another process that may be alive it is a new one, so that no run
  writes to a journal that another machine has open.
* A process of this kernel that is known to have ended loses its lease at once.
"""

import os
import platform
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pixel_core.errors import PixelCancelledError
from pixel_core.values import value
from pixel_transports.runtime.cancellation import current_scope

FREE = "free"
RENEWALS = 10
"""Renewals in the time of a lease."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)-(.+)")
Rename: TypeAlias = Callable[[Path, Path], object]


def this_process() -> str:
    """Return an owner: kernel, PID namespace, PID, start of the process, a random part, and the name of the host."""
    host = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:100]
    return ",".join((*_kernel(), str(os.getpid()), _started(os.getpid()), uuid.uuid4().hex[:8], host))


def _kernel() -> tuple[str, str]:
    try:
        return _BOOT.read_text(encoding="ascii").strip().replace("-", ""), str(os.stat("/proc/self/ns/pid").st_ino)
    except (OSError, ValueError):
        return "", ""


def _started(pid: int) -> str:
    """Return the start of a process of this PID namespace in ticks, "" if there is none, or if it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


@value
class LeaseState:
    """The state of a lease, as the name of a file."""

    generation: int = 0
    epoch: int = 0
    beat: int = 0
    owner: str = FREE

    @property
    def name(self) -> str:
        return f"{self.generation}-{self.epoch}-{self.beat}-{self.owner}"

    @property
    def host(self) -> str | None:
        """The host name of the holder, None if there is none."""
        return None if self.owner == FREE else self.owner.rpartition(",")[2]

    @property
    def here(self) -> bool:
        """True if the holder is a process of this kernel and PID namespace."""
        kernel = _kernel()
        return bool(kernel[0]) and tuple(self.owner.split(",")[:2]) == kernel

    @property
    def has_ended(self) -> bool:
        """True if the holder is certain to have ended."""
        fields = self.owner.split(",")
        return self.here and _started(int(fields[2])) != fields[3]


def read_state(folder: Path) -> LeaseState | None:
    """Return the state of the lease in this folder, None if there is none yet. Raises OSError."""
    try:
        found = [match for name in os.listdir(folder) if (match := _NAME.fullmatch(name))]
    except FileNotFoundError:
        return None
    states = [LeaseState(int(each[1]), int(each[2]), int(each[3]), each[4]) for each in found]
    return max(states, key=lambda each: (each.generation, each.beat), default=None)


def journal_of(journal: Path, epoch: int) -> Path:
    """Return the path of the journal of an epoch."""
    return journal.with_suffix(f".{epoch}.sqlite") if epoch else journal


class Lease:
    """The lease of one run. It is an event that cancels an upload: set when it is lost, and renewed when asked."""

    def __init__(self, journal: Path, seconds: float) -> None:
        self._journal = journal
        self._folder = journal.with_suffix(".lease")
        self._seconds = seconds
        self._lock = threading.Lock()
        self._observed: tuple[LeaseState, float] | None = None
        self._own = LeaseState()
        self._renewed = 0.0
        self.taken_over: bool = False
        """True if the former holder, on another machine perhaps, did not end its run."""
        self.lost: bool = False

    @property
    def journal(self) -> Path:
        """The journal of the holder."""
        return journal_of(self._journal, self._own.epoch)

    def acquire(self) -> LeaseState | None:
        """Take the lease if it is free, or expired. Returns the state of another holder. Raises OSError."""
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while (state := read_state(self._folder)) is None:
            _create(self._folder)
        now = time.monotonic()
        if self._observed is None or self._observed[0] != state:
            self._observed = state, now
        ended = state.owner != FREE and state.has_ended
        expired = state.owner != FREE and not ended and now - self._observed[1] >= self._seconds
        if state.owner != FREE and not ended and not expired:
            return state
        generation = state.generation + 1
        mine = LeaseState(generation, generation if expired else state.epoch, 0, this_process())
        if not self._swap(state, mine):
            return read_state(self._folder) or state
        self._own, self._renewed, self.taken_over, self.lost = mine, now, expired, False
        if expired:
            _copy_journal(journal_of(self._journal, state.epoch), self.journal)
        return None

    def is_set(self) -> bool:
        """Renew the lease if it is time. Return whether it is lost."""
        if time.monotonic() - self._renewed >= self._seconds / RENEWALS:
            self._renew()
        return self.lost

    def confirm(self) -> None:
        """Renew the lease. If it is lost, end the call that asks: raises what ends the scope of its thread, and
        PixelCancelledError without one.
        """
        self._renew()
        if self.lost:
            scope = current_scope.get()
            if scope is not None:
                scope.sleep(self._seconds)  # It is cancelled as soon as its event is looked at.
            raise PixelCancelledError(f"The lease of {self._journal.stem} is lost: another run has taken it over")

    def release(self) -> None:
        """Free the lease, unless it is lost."""
        with self._lock:
            if not self.lost:
                self._swap(self._own, LeaseState(self._own.generation, self._own.epoch))
                self.lost = True

    def _renew(self) -> None:
        with self._lock:
            if self.lost:
                return
            now = time.monotonic()
            following = LeaseState(self._own.generation, self._own.epoch, self._own.beat + 1, self._own.owner)
            try:
                renewed = self._swap(self._own, following)
            except OSError:  # The file system does not answer: it may do so before the time is over.
                self.lost = now - self._renewed >= self._seconds / 2
                return
            if renewed:
                self._own, self._renewed = following, now
            self.lost = not renewed

    def _swap(self, old: LeaseState, new: LeaseState) -> bool:
        """Replace the state if it is still the old one. Returns False if it is not. Raises OSError."""
        try:
            os.rename(self._folder / old.name, self._folder / new.name)
        except FileNotFoundError:  # Or it was done, and its answer was lost.
            return (self._folder / new.name).exists()
        return True


def _create(folder: Path) -> None:
    """Create the folder of a lease that is free, as a whole, unless there is one. Raises OSError."""
    probe(folder.parent)
    draft = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        _make(draft, LeaseState().name)
        os.rename(draft, folder)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def probe(folder: Path, rename: Rename = os.rename) -> None:
    """Check that renames in a folder can keep runs apart. Raises OSError that says what does not work."""
    trial = folder / f".probe.{uuid.uuid4().hex[:8]}"
    try:
        _make(trial / "one", "a")
        _make(trial / "two", "a")
        rename(trial / "one" / "a", trial / "one" / "b")
        _must_fail(rename, trial / "one" / "a", trial / "one" / "c", "a file can be renamed twice by its former name")
        _must_fail(rename, trial / "one", trial / "two", "a folder can replace one that is not empty")
        if os.listdir(trial / "one") != ["b"] or os.listdir(trial / "two") != ["a"]:
            raise OSError("renamed files are not listed")
    except OSError as error:
        raise OSError(
            f"The folder {folder} cannot keep runs of a shard apart: {error}. Use a `folder` on another file system"
        ) from error
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _must_fail(rename: Rename, old: Path, new: Path, problem: str) -> None:
    try:
        rename(old, new)
    except OSError:
        return
    raise OSError(problem)


def _make(folder: Path, name: str) -> None:
    folder.mkdir(mode=0o700, parents=True)
    os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy_journal(old: Path, new: Path) -> None:
    """Copy a journal with its WAL. What is torn or missing is looked up on the server. Raises OSError."""
    for suffix in ("-wal", ""):
        source, draft = Path(f"{old}{suffix}"), Path(f"{new}{suffix}.draft")
        if source.exists():
            shutil.copy(source, draft)
            os.chmod(draft, 0o600)
            os.replace(draft, f"{new}{suffix}")
