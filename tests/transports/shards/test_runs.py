"""Runs of shards: once, again, after a kill (SIGKILL), and concurrently; every file is uploaded once."""

import json
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixel_core.errors import PixelLoginError
from pixel_core.messages import Request, Response
from pixel_transports import PixelClient, PixelClientAsync, SocketTransport
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.drivers.journal.listing import Journal
from pixel_transports.shards.reports import ShardReport
from tests.transports.shards.site import Site, holder_of, lease_of_another_machine, report_of, start_worker


def test_a_run_uploads_and_reports_every_file_and_a_second_run_sends_nothing(site: Site) -> None:
    shard, other = site.shards(7, shards=2)
    assert shard.report() is None
    first = shard.run()
    assert list(first.uploaded) == [file.path for file in shard.files]
    assert (first.skipped, first.failed, first.complete, first.in_use) == ({}, (), True, False)
    assert first.bytes == sum(os.path.getsize(file.path) for file in shard.files)
    assert pickle.loads(pickle.dumps(first)) == first
    assert ShardReport.from_json(json.loads(json.dumps(first.as_json()))) == first
    assert shard.report() == first, "the report is stored beside the journal"
    assert other.run().complete
    again = shard.run()
    assert (again.uploaded, again.skipped, again.bytes) == ({}, first.uploaded, 0)
    assert site.stores == 7
    site.assert_every_file_once()


def test_files_that_cannot_be_read_fail_alone(site: Site) -> None:
    (shard,) = site.shards(4)
    os.unlink(shard.files[0].path)
    os.unlink(shard.files[2].path)
    os.mkdir(shard.files[2].path)
    report = shard.run()
    assert len(report.uploaded) == 2
    assert [(each.file, each.reason) for each in report.failed] == [
        (shard.files[0].path, "not_found"),
        (shard.files[2].path, "not_a_file"),
    ]


def test_a_shard_uploads_files_in_parts(site: Site) -> None:
    (shard,) = site.shards(1, multipart_part_size=64)
    assert shard.run().complete
    assert site.stores > 1
    assert shard.run().skipped
    site.assert_every_file_once()


def test_the_state_is_the_progress_in_the_journal(site: Site) -> None:
    (shard,) = site.shards(3)
    assert (shard.state().files, shard.state().done, shard.state().machine) == (3, 0, None)
    shard.run()
    assert (shard.state().done, shard.state().begun, shard.state().machine) == (3, 0, None)
    lease_of_another_machine(shard)
    assert (shard.state().done, shard.state().machine) == (None, "node-7")


def test_a_run_uses_the_given_blocking_client_but_the_journal_of_the_shard(site: Site, tmp_path: Path) -> None:
    (shard,) = site.shards(2, settings=None)
    own = tmp_path / "own.sqlite"
    with PixelClient.from_settings(site.settings, journal=own) as client:
        assert shard.run(client).complete
    assert not own.exists()
    assert len(Journal(shard.journal).files()) == 2
    asynchronous: Any = PixelClientAsync.from_settings(site.settings)
    with pytest.raises(TypeError, match="blocking client"):
        shard.run(asynchronous)


def test_a_shard_continues_after_its_worker_was_killed(site: Site) -> None:
    (shard,) = site.shards(100, upload_max_concurrency=2)
    with start_worker(shard, site.folder, "first") as process:
        while site.stores < 30:
            time.sleep(0.002)
        process.kill()
    assert site.stores < 100
    assert report_of(start_worker(shard, site.folder, "second")).complete
    assert site.stores <= 100 + 2, "more was sent again than was in flight"
    assert holder_of(shard) is None
    site.assert_every_file_once()


@pytest.mark.parametrize("workers", ["processes", "threads"])
def test_concurrent_runs_of_one_shard_upload_every_file_once(site: Site, workers: str) -> None:
    (shard,) = site.shards(60)
    if workers == "processes":
        reports = [report_of(each) for each in [start_worker(shard, site.folder, f"{n}") for n in range(2)]]
    else:
        with ThreadPoolExecutor(4) as pool:
            reports = list(pool.map(lambda _: shard.run(), range(4)))
    assert all(report.complete for report in reports)
    assert sum(len(report.uploaded) for report in reports) == 60
    assert site.stores == 60
    site.assert_every_file_once()


def test_a_run_that_does_not_wait_reports_files_of_another_run_as_in_use(site: Site) -> None:
    (shard,) = site.shards(3)
    reports: list[ShardReport] = []
    once = threading.Lock()
    with closing(SocketTransport()) as inner:

        def send(request: Request) -> Response:
            if request.target.startswith("/storage/") and once.acquire(blocking=False):
                reports.append(shard.run(wait=0.0))
            return inner.send(request)

        with PixelClient.from_settings(site.settings, transport=send) as client:
            assert shard.run(client).complete
    (report,) = reports
    assert report.in_use
    assert [each.reason for each in report.failed] == ["in_use"] * 3
    assert shard.report() != report, "the report of the run that uploaded was replaced"
    site.assert_every_file_once()


def test_a_refused_login_is_raised_and_leaves_the_shard_free(site: Site) -> None:
    (shard,) = site.shards(2)
    environment = site.world.sandbox.environment(site.world.server.url)
    wrong = PixelApiSettings(**{**environment, "PIXEL_PASSWORD": "wrong"})
    with PixelClient.from_settings(wrong) as client, pytest.raises(PixelLoginError) as caught:
        shard.run(client)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), PixelLoginError), "engines pickle errors"
    assert holder_of(shard) is None
    assert shard.report() is None
    assert shard.run().complete


def test_a_client_with_another_journal_pickles(site: Site, tmp_path: Path) -> None:
    events: list[object] = []
    with PixelClient.from_settings(site.settings) as client:
        copy = client.with_journal(tmp_path / "other.sqlite").with_options(listener=events.append)
        copy.me()
        assert events
        rebuilt = pickle.loads(pickle.dumps(copy))
    assert rebuilt.session.options.skip_uploaded
    assert rebuilt.config.journal.path == tmp_path / "other.sqlite"
    rebuilt.close()


@pytest.mark.parametrize(("metadata", "focal_length"), [("exif", 24.0), (None, None)])
def test_photos_are_sent_with_the_metadata_in_them_unless_it_is_turned_off(
    site: Site, metadata: str | None, focal_length: float | None
) -> None:
    pillow = pytest.importorskip("PIL.Image")
    (shard,) = site.shards(1, metadata=metadata)
    exif = pillow.Exif()
    exif.get_ifd(0x8769)[0x920A] = 24.0
    pillow.new("RGB", (8, 8)).save(shard.files[0].path, exif=exif)
    assert shard.run().complete
    with PixelClient.from_settings(site.settings) as client:
        (image,) = client.get_images(shard.project_id, shard.data_collection_id)
    assert image.get("focal_length") == focal_length
