"""Shards on several machines: one at a time has the lease of a shard, and every file is uploaded once.

Another machine is a process in namespaces of its own, or is simulated by the lease and the journal that it left.
"""

import hashlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixel_core.errors import PixelCancelledError
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.shards.lease import FREE, Lease, LeaseState, probe, read_state
from pixel_transports.shards.runs import _has_md5
from tests.transports.shards.site import (
    Site,
    holder_of,
    lease_of_another_machine,
    machine,
    report_of,
    start_worker,
)


def test_a_shard_of_another_machine_is_left_alone_until_its_lease_expires(site: Site) -> None:
    (shard,) = site.shards(3, lease=0.5)
    lease_of_another_machine(shard)
    report = shard.run(wait=0.0)
    assert report.in_use
    assert "node-7" in report.failed[0].detail
    assert site.stores == 0
    assert shard.run().complete
    assert holder_of(shard) is None
    assert shard.run().complete
    site.assert_every_file_once()


def test_a_run_waits_for_a_machine_that_renews_its_lease(site: Site) -> None:
    (shard,) = site.shards(2, lease=30.0)
    path = lease_of_another_machine(shard)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(shard.run)
        time.sleep(0.1)
        assert site.stores == 0
        path.rename(path.with_name(LeaseState(1).name))
        assert running.result().complete


@pytest.mark.parametrize("ending", ["killed", "paused"])
def test_a_machine_that_is_killed_or_paused_loses_its_shard_and_does_no_harm(site: Site, ending: str) -> None:
    """The clocks of the machines differ by 1000 s, and only the folder of journals is shared."""
    (shard,) = site.shards(150, lease=1.5, upload_max_concurrency=1)
    shared = site.folder / "shared"
    one, two = (machine(site.folder, name, shared, Path(shard.folder)) for name in ("one", "other"))
    first = start_worker(shard, site.folder, "first", *one)
    try:
        while site.stores < 30 and first.poll() is None:
            time.sleep(0.002)
        first.send_signal(signal.SIGKILL if ending == "killed" else signal.SIGSTOP)
        sent = site.stores
        assert sent < 150
        assert report_of(start_worker(shard, site.folder, "second", *two)).complete
    finally:
        first.send_signal(signal.SIGCONT)
    if ending == "killed":
        first.communicate()
    else:
        report = report_of(first)
        assert report.complete
        assert len(report.uploaded) <= sent
    assert site.stores <= 150 + 2, "more was sent again than was in flight"
    site.assert_every_file_once()


def test_of_many_challengers_one_gets_an_expired_lease_and_the_former_holder_is_fenced_off(tmp_path: Path) -> None:
    journal = tmp_path / "shard-a.sqlite"
    former = Lease(journal, 0.2)
    assert former.acquire() is None
    challengers = [Lease(journal, 0.2) for _ in range(8)]
    assert all(each.acquire() is not None for each in challengers)
    time.sleep(0.25)
    with ThreadPoolExecutor(8) as pool:
        assert sum(state is None for state in pool.map(Lease.acquire, challengers)) == 1
    with pytest.raises(PixelCancelledError, match="another run has taken it over"):
        former.confirm()
    assert former.is_set()
    former.release()
    state = read_state(tmp_path / "shard-a.lease")
    assert state is not None
    assert (state.generation, state.epoch, state.owner != FREE) == (2, 2, True)


def test_a_lease_that_is_renewed_is_not_taken_over(tmp_path: Path) -> None:
    holder, other = (Lease(tmp_path / "shard-a.sqlite", 0.2) for _ in range(2))
    assert holder.acquire() is None
    for _ in range(10):
        holder.confirm()
        assert other.acquire() is not None
        time.sleep(0.05)
    holder.release()
    assert other.acquire() is None
    assert not other.taken_over


def keeps_the_former_name(old: Path, new: Path) -> None:
    os.link(old, new) if old.is_file() else os.rename(old, new)


def replaces_folders(old: Path, new: Path) -> None:
    if old.is_dir():
        for each in new.iterdir():
            each.unlink()
    os.rename(old, new)


@pytest.mark.parametrize(
    ("rename", "problem"),
    [
        (keeps_the_former_name, "a file can be renamed twice"),
        (replaces_folders, "a folder can replace one that is not empty"),
        (lambda old, new: None, "a file can be renamed twice"),
    ],
)
def test_a_folder_that_cannot_keep_runs_apart_is_refused(
    tmp_path: Path, rename: Callable[[Path, Path], Any], problem: str
) -> None:
    with pytest.raises(OSError, match=rf"cannot keep runs of a shard apart: {problem}"):
        probe(tmp_path, rename)
    assert not list(tmp_path.iterdir())
    probe(tmp_path)


def test_a_folder_that_cannot_be_written_ends_a_run_before_the_first_byte(site: Site) -> None:
    (shard,) = site.shards(1, journals="photos/flight_00/DJI_0000.jpg/journals")
    with pytest.raises(OSError, match="DJI_0000"):
        shard.run()
    assert site.stores == 0


@pytest.mark.parametrize("parts", [1, 3])
def test_the_md5_of_a_listed_file_is_that_of_its_bytes_or_its_parts(tmp_path: Path, parts: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abcdefgh")
    pieces = [b"abcdefgh"] if parts == 1 else [b"abc", b"def", b"gh"]
    digests = [hashlib.md5(each, usedforsecurity=False) for each in pieces]
    joined = hashlib.md5(b"".join(each.digest() for each in digests), usedforsecurity=False).hexdigest()
    listed = digests[0].hexdigest() if parts == 1 else f"{joined}-3"
    assert _has_md5({"md5": listed}, str(path), 3)
    assert not _has_md5({"md5": "0" * 32 + listed[32:]}, str(path), 3)
    assert _has_md5({"md5": "0" * 32 + "-2"}, str(path), 3), "sent in other parts: unknown"


def test_a_lost_journal_sends_no_file_again(site: Site) -> None:
    """The shards have files of the same names, with other bytes."""
    first, second = site.shards(501, shards=None, shard_files=500, lease=0.3)
    assert first.run().complete
    first.journal.unlink()
    lease_of_another_machine(first)
    again = first.run()
    assert (len(again.uploaded), len(again.skipped)) == (0, 500)
    assert second.run(check_server=True).complete
    assert site.stores == 501
    site.assert_every_file_once()


def test_lost_rows_of_a_journal_send_no_file_again(site: Site) -> None:
    """The journal is a copy: some files are sent, others have an upload job, those after the first 200 are unknown."""
    (shard,) = site.shards(300, upload_max_concurrency=2, lease=0.6)
    early = site.folder / "early.sqlite"
    process = start_worker(shard, site.folder, "first")
    while site.stores < 20:
        time.sleep(0.002)
    with closing(sqlite3.connect(shard.journal)) as journal, closing(sqlite3.connect(early)) as copy:
        journal.backup(copy)
    assert report_of(process).complete
    early.replace(shard.journal)
    assert 0 < len(Journal(shard.journal).files()) < 300
    lease_of_another_machine(shard)
    report = shard.run()
    assert (len(report.uploaded), len(report.skipped), report.failed) == (0, 300, ())
    assert site.stores == 300
    site.assert_every_file_once()


@pytest.mark.parametrize("site", [0.6], indirect=True)
def test_check_server_waits_for_files_in_validation(site: Site) -> None:
    (one,), (other,) = site.shards(3, journals="here"), site.shards(3, journals="there")
    jobs = site.world.sandbox.state.upload_jobs[site.world.collection_id]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(one.run)
        while sum(job.job is not None for job in list(jobs.values())) < 3:
            time.sleep(0.01)
        report = other.run(check_server=True)
        assert running.result().complete
    assert len(report.skipped) == 3
    assert site.stores == 3
    site.assert_every_file_once()
