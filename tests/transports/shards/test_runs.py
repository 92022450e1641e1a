"""Runs of shards: once, again, after a kill, and two at once; every file is there once.

Rules kept here:

* A worker that is killed is a process of its own, and gets SIGKILL.
"""

import json
import os
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixel_core.errors import PixelLoginError
from pixel_core.messages import Request, Response
from pixel_transports import PixelClient, PixelClientAsync, SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.drivers.journal import Journal
from pixel_transports.sandbox import SandboxServer
from pixel_transports.shards.machine_lock import MachineLock
from pixel_transports.shards.reports import ShardReport
from tests.transports.shards.placing import Place, left_by_another_machine, report_of, started


class Watched:
    """A transport that calls a function before each request to the storage."""

    def __init__(self, before: Callable[[], object]) -> None:
        self._inner = SocketTransport()
        self._before = before

    def send(self, request: Request) -> Response:
        if request.target.startswith("/storage/"):
            self._before()
        return self._inner.send(request)

    def close(self) -> None:
        self._inner.close()


# Run, and run again


def test_a_shard_uploads_its_files_and_tells_of_each(place: Place) -> None:
    first, second = place.shards(7, shards=2)
    report = first.run()
    assert list(report.uploaded) == [file.path for file in first.files]
    assert (report.skipped, report.failed, report.complete, report.in_use) == ({}, (), True, False)
    assert report.bytes == sum(os.path.getsize(file.path) for file in first.files)
    assert second.run().complete
    place.holds_every_file_once()


def test_a_shard_that_runs_twice_sends_nothing_the_second_time(place: Place) -> None:
    (shard,) = place.shards(5)
    first, again = shard.run(), shard.run()
    assert again.uploaded == {}
    assert again.skipped == first.uploaded
    assert again.bytes == 0
    assert place.stores == 5
    place.holds_every_file_once()


def test_what_is_gone_from_the_server_is_uploaded_again(place: Place) -> None:
    (shard,) = place.shards(3)
    gone = next(iter(shard.run().uploaded.values()))
    shard.client().delete_image(shard.project_id, shard.data_collection_id, int(gone))
    again = shard.run()
    assert (len(again.uploaded), len(again.skipped)) == (1, 2)
    place.holds_every_file_once()


def test_shards_of_one_process_share_one_login(place: Place) -> None:
    for shard in place.shards(4, shards=4):
        assert pickle.loads(pickle.dumps(shard)).run().complete
    assert (
        sum("openid-connect/token" in each.path for each in place.here.sandbox.received) == 2
    )  # the world's, and ours


def test_files_that_cannot_be_read_fail_alone(place: Place) -> None:
    (shard,) = place.shards(4)
    os.unlink(shard.files[0].path)
    os.unlink(shard.files[2].path)
    os.mkdir(shard.files[2].path)
    report = shard.run()
    assert len(report.uploaded) == 2
    assert [(each.file, each.reason) for each in report.failed] == [
        (shard.files[0].path, "not_found"),
        (shard.files[2].path, "not_a_file"),
    ]


def test_files_in_parts_and_with_metadata_go_too(place: Place) -> None:
    (shard,) = place.shards(1, multipart_part_size=64)
    assert shard.run().complete
    assert place.stores > 1
    assert shard.run().skipped
    place.holds_every_file_once()


def test_a_report_pickles_is_json_and_lies_beside_the_journal(place: Place) -> None:
    (shard,) = place.shards(2)
    assert shard.report() is None
    report = shard.run()
    assert pickle.loads(pickle.dumps(report)) == report
    assert ShardReport.of_json(json.loads(json.dumps(report.as_json()))) == report
    assert shard.report() == report


def test_the_state_tells_how_far_a_shard_is(place: Place) -> None:
    (shard,) = place.shards(3)
    assert (shard.state().files, shard.state().done, shard.state().machine) == (3, 0, None)
    shard.run()
    assert (shard.state().done, shard.state().begun, shard.state().machine) == (3, 0, None)
    left_by_another_machine(shard)
    assert (shard.state().done, shard.state().machine) == (None, "node-7")


def test_a_client_of_ones_own_runs_a_shard_and_keeps_its_own_journal(place: Place, tmp_path: Path) -> None:
    (shard,) = place.shards(2, settings=None)
    own = tmp_path / "own.sqlite"
    with PixelClient.from_settings(place.settings, journal=own) as client:
        assert shard.run(client).complete
    assert not own.exists()
    assert len(Journal(shard.journal).files()) == 2


def test_an_async_client_cannot_run_a_shard(place: Place) -> None:
    (shard,) = place.shards(1)
    client: Any = PixelClientAsync.from_settings(place.settings)
    with pytest.raises(TypeError, match="blocking client"):
        shard.run(client)


# Broken off, and two at once


def test_a_shard_whose_worker_was_killed_goes_on_where_it_was(place: Place) -> None:
    (shard,) = place.shards(200, upload_max_concurrency=2)
    with started(shard, place.folder, "first") as process:
        while place.stores < 60:
            time.sleep(0.002)
        process.kill()
    assert place.stores < 200
    report = report_of(started(shard, place.folder, "second"))
    assert report.complete
    assert place.stores <= 200 + 2, "more was sent again than was in flight"
    assert MachineLock.of(shard.journal).holder() is None
    place.holds_every_file_once()


def test_two_workers_that_run_one_shard_at_once_upload_every_file_once(place: Place) -> None:
    (shard,) = place.shards(120)
    reports = [report_of(each) for each in [started(shard, place.folder, f"{number}") for number in range(2)]]
    assert [report.complete for report in reports] == [True, True]
    assert sum(len(report.uploaded) for report in reports) == 120
    assert place.stores == 120
    place.holds_every_file_once()


def test_threads_that_run_one_shard_at_once_upload_every_file_once(place: Place) -> None:
    (shard,) = place.shards(30)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: shard.run(), range(4)))
    assert [report.complete for report in reports] == [True] * 4
    assert sum(len(report.uploaded) for report in reports) == 30
    assert place.stores == 30


def test_one_that_does_not_wait_is_told_that_another_run_has_the_files(place: Place) -> None:
    (shard,) = place.shards(3)
    told: list[ShardReport] = []
    once = threading.Lock()

    def look_in() -> None:
        if once.acquire(blocking=False):
            told.append(shard.run(wait=0.0))

    with PixelClient.from_settings(place.settings, transport=Watched(look_in)) as client:
        assert shard.run(client).complete
    (report,) = told
    assert report.in_use
    assert [each.reason for each in report.failed] == ["in_use"] * 3
    assert shard.report() != report, "the report of the run that did the work was replaced"
    place.holds_every_file_once()


def test_a_run_that_cannot_log_in_raises_and_leaves_the_shard_to_whoever_comes(place: Place) -> None:
    (shard,) = place.shards(2)
    wrong = PixelApiSettings(**{**place.here.sandbox.environment(place.here.server.url), "PIXEL_PASSWORD": "wrong"})
    with PixelClient.from_settings(wrong) as client, pytest.raises(PixelLoginError) as caught:
        shard.run(client)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), PixelLoginError), "engines send errors home"
    assert MachineLock.of(shard.journal).holder() is None
    assert shard.report() is None
    assert shard.run().complete


def test_a_copy_of_a_client_with_another_journal_can_be_pickled(server: SandboxServer, tmp_path: Path) -> None:
    settings = PixelApiSettings(**server.sandbox.environment(server.url))
    heard: list[object] = []
    with PixelClient.from_settings(settings) as client:
        twin = client.with_journal(tmp_path / "other.sqlite", heard.append)
        twin.me()
        assert heard
        woken = pickle.loads(pickle.dumps(twin))
    assert woken.session.options.skip_uploaded
    assert woken._journal.path == tmp_path / "other.sqlite"
    woken.close()
