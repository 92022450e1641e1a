"""Shards on several machines: a lock blocks other machines, `take_over` breaks it, and every file is uploaded once.

Another machine is simulated by its lock file, and by a journal whose last rows, or all, are lost.
"""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.shards.machine_lock import MachineLock
from tests.transports.shards.site import OTHER_MACHINE, Site, lock_for_another_machine, report_of, start_worker


@pytest.mark.parametrize(("content", "name"), [(OTHER_MACHINE, "node-7"), ("", "an unknown machine")])
def test_a_shard_of_another_machine_is_left_alone_until_it_is_taken_over(site: Site, content: str, name: str) -> None:
    (shard,) = site.shards(3)
    lock_for_another_machine(shard, content)
    report = shard.run(wait=0.0)
    assert report.in_use
    assert name in report.failed[0].detail
    assert site.stores == 0
    assert shard.run(take_over=True).complete
    assert MachineLock(shard.journal).holder() is None
    assert shard.run().complete
    site.assert_every_file_once()


def test_a_run_waits_for_another_machine(site: Site) -> None:
    (shard,) = site.shards(2)
    lock = lock_for_another_machine(shard)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(shard.run)
        time.sleep(0.1)
        assert site.stores == 0
        lock.unlink()
        assert running.result().complete


def test_a_lost_journal_sends_no_file_again(site: Site) -> None:
    """The shards have files of the same names, with other bytes."""
    first, second = site.shards(501, shards=None, shard_files=500)
    assert first.run().complete
    first.journal.unlink()
    lock_for_another_machine(first)
    again = first.run(take_over=True)
    assert (len(again.uploaded), len(again.skipped)) == (0, 500)
    assert second.run(check_server=True).complete
    assert site.stores == 501
    site.assert_every_file_once()


def test_lost_rows_of_a_journal_send_no_file_again(site: Site) -> None:
    """The journal is a copy: some files are sent, others have an upload job, those after the first 200 are unknown."""
    (shard,) = site.shards(300, upload_max_concurrency=2)
    early = site.folder / "early.sqlite"
    process = start_worker(shard, site.folder, "first")
    while site.stores < 20:
        time.sleep(0.002)
    with closing(sqlite3.connect(shard.journal)) as journal, closing(sqlite3.connect(early)) as copy:
        journal.backup(copy)
    assert report_of(process).complete
    early.replace(shard.journal)
    assert 0 < len(Journal(shard.journal).files()) < 300
    lock_for_another_machine(shard)
    report = shard.run(take_over=True)
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
