"""Shards and other machines: left alone, taken over, looked for on the server; every file is there once.

Rules kept here:

* Another machine is what it leaves: a note beside the journal, and a journal that lost its last lines, or all.
"""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from pixel_transports.drivers.journal import Journal
from pixel_transports.shards.machine_lock import MachineLock
from tests.transports.shards.placing import Place, left_by_another_machine, report_of, started


def test_a_shard_that_another_machine_has_is_left_alone_until_that_is_certainly_over(place: Place) -> None:
    (shard,) = place.shards(3)
    left_by_another_machine(shard)
    report = shard.run(wait=0.0)
    assert report.in_use
    assert "node-7" in report.failed[0].detail
    assert place.stores == 0
    assert shard.run(take_over=True).complete
    assert MachineLock.of(shard.journal).holder() is None
    assert shard.run().complete
    place.holds_every_file_once()


def test_a_note_that_nobody_can_read_is_that_of_another_machine(place: Place) -> None:
    (shard,) = place.shards(1)
    left_by_another_machine(shard)
    shard.journal.with_suffix(".machine").write_text("")
    assert "an unknown machine" in shard.run(wait=0.0).failed[0].detail


def test_a_shard_waits_for_another_machine_too(place: Place) -> None:
    (shard,) = place.shards(2)
    left_by_another_machine(shard)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(shard.run)
        time.sleep(0.3)
        assert place.stores == 0
        shard.journal.with_suffix(".machine").unlink()
        assert running.result().complete


def test_the_same_machine_goes_on_after_a_run_that_left_its_note(place: Place) -> None:
    (shard,) = place.shards(2)
    assert MachineLock.of(shard.journal).take() is None
    assert shard.run(wait=0.0).complete
    assert MachineLock.of(shard.journal).holder() is None


def test_what_was_uploaded_is_not_sent_again_where_the_journal_was_lost_with_its_machine(place: Place) -> None:
    first, second = place.shards(600, shards=None, shard_files=500)
    assert first.run().complete
    first.journal.unlink()
    left_by_another_machine(first)
    again = first.run(take_over=True)
    assert (len(again.uploaded), len(again.skipped)) == (0, 500)
    assert second.run(look=True).complete, "those of the other folder have the same names, and other bytes"
    assert place.stores == 600
    place.holds_every_file_once()


def test_nothing_is_sent_again_where_the_last_lines_of_the_journal_were_lost_with_its_machine(place: Place) -> None:
    """Its disk is as it was when some files were sent, others had an upload job, and others were not known yet."""
    (shard,) = place.shards(300, upload_max_concurrency=2)
    early = place.folder / "early.sqlite"
    process = started(shard, place.folder, "first")
    while place.stores < 20:
        time.sleep(0.002)
    with closing(sqlite3.connect(shard.journal)) as journal, closing(sqlite3.connect(early)) as copy:
        journal.backup(copy)
    assert report_of(process).complete
    early.replace(shard.journal)
    known = len(Journal(shard.journal).files())
    assert 0 < known < 300
    left_by_another_machine(shard)
    report = shard.run(take_over=True)
    assert (len(report.uploaded), len(report.skipped), report.failed) == (0, 300, ())
    assert place.stores == 300
    place.holds_every_file_once()


def test_a_look_waits_for_files_that_are_still_being_validated(slow_place: Place) -> None:
    (one,), (other,) = slow_place.shards(3, journals="here"), slow_place.shards(3, journals="there")
    jobs = slow_place.here.sandbox.state.upload_jobs[slow_place.here.collection_id]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(one.run)
        while sum(job.job is not None for job in list(jobs.values())) < 3:
            time.sleep(0.01)
        report = other.run(look=True)
        assert running.result().complete
    assert len(report.skipped) == 3
    assert slow_place.stores == 3
    slow_place.holds_every_file_once()
