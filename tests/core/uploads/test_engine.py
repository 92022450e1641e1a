"""The upload engine in simulated time: what overlaps, what is bounded, and what faults do to it."""

import random
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from hashlib import md5
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixel_core import Digest, FileFacts, Form, Headers, JournalEntry, JournalState, Options, Request, Response, Stat
from pixel_core.errors import (
    PixelConnectionError,
    PixelError,
    PixelFileChangedError,
    PixelPermissionError,
    PixelServerError,
    PixelStorageError,
)
from pixel_core.events import UploadProgress
from pixel_core.models import PixelUploadFile
from pixel_core.uploads import reading
from pixel_core.uploads.plans import LEAST_PART, MIB, MOST_PARTS, PartSizing
from tests.core.uploads.simulated import Simulation
from tests.support.scripted_api import Outcome, PixelServer, body_of, json_response

D = "/acme/projects/1/data_collections/2"


def files_of(number: int, size: int = 10) -> dict[str, bytes]:
    return {f"/p/{index:05}.jpg": bytes([index % 251]) * size for index in range(number)}


def upload(world: Simulation, **more: Any) -> tuple[list[Any], list[Any]]:
    files = [PixelUploadFile.model_validate({"file": path}) for path in world.files if path.endswith(".jpg")]
    done, errors = world.run(world.api.upload_multiple_images(1, 2, files, **more))
    return done, errors


def upload_all(world: Simulation, **more: Any) -> None:
    """Upload all files, none of which fails."""
    done, errors = upload(world, **more)
    assert ([each["name"] for each in done], errors) == ([path[3:] for path in world.files], [])


def is_declaration(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/upload_jobs/")


def is_finish(request: Request) -> bool:
    return request.path.endswith("multiple_uploadFinished")


def name_of(request: Request) -> str:
    """The file that a request to the storage is for."""
    return request.path.split("/")[2]


def s3(status: int, code: str, message: str = "") -> Response:
    return Response(status, Headers(), f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


Instead = Callable[["Storage", Request], Outcome | None]


class Storage(PixelServer):
    """A server whose storage answers each request from a script by file name, then with 204 and the ETag; signatures
    last `signature` seconds. Time is that of `world`. `instead` may answer a request of the API in its place.
    """

    def __init__(self, script: dict[str, list[Outcome]] | None = None, instead: Instead | None = None, **fields: Any):
        super().__init__(**fields)
        self.script = script or {}
        self.instead = instead or (lambda server, request: None)
        self.signature = float("inf")
        self.world: Simulation | None = None
        self.made_at: dict[int, float] = {}
        self.ages: list[float] = []
        self.stored: dict[str, list[bytes]] = {}

    def __call__(self, request: Request) -> Outcome:
        assert self.world is not None
        if request.origin.host != "s3.test":
            answer = self.instead(self, request) or super().__call__(request)
            for number in self.jobs:
                self.made_at.setdefault(number, self.world.now)
            return answer
        name, job = request.path.split("/")[2:4]
        made = self.made_at[int(job.removeprefix("of-"))]
        self.ages.append(self.world.now - made)
        if self.world.now - made > self.signature:
            return s3(403, "AccessDenied", "Request has expired")
        if self.script.get(name):
            return self.script[name].pop(0)
        content = self.world.sent(request)
        self.stored.setdefault(name, []).append(content)
        return Response(204, Headers({"ETag": f'"{md5(content).hexdigest()}"'}))


def simulated(
    server: Storage | None = None, number: int = 3, size: int = 10, kind: type[Simulation] = Simulation, **more: Any
) -> tuple[Storage, Simulation]:
    server = server or Storage(more.pop("script", None), more.pop("instead", None))
    options = {name: more.pop(name) for name in list(more) if name in Options.__annotations__}
    server.world = world = kind(server, **{"files": files_of(number, size), "options": Options(**options), **more})
    return server, world


def reports(world: Simulation) -> list[UploadProgress]:
    return [event for event in world.events if isinstance(event, UploadProgress)]


def entries(world: Simulation) -> list[JournalEntry]:
    """What was written to the journal."""
    return [entry for _, written in world.records for entry in written]


def test_the_next_files_are_read_while_the_present_ones_are_sent() -> None:
    """Reading takes 8 s on one reader and 2 s on four, sending 8 s: together hardly more than the sending."""
    _, world = simulated(number=80, size=1 * MIB, read_rate=10 * MIB, line_rate=10 * MIB)
    upload_all(world)
    assert 8.0 < world.now - 1000 < 9.5


def test_files_are_validated_while_others_are_sent_and_a_slow_server_job_holds_nothing_else_up() -> None:
    groups: list[Any] = []

    def slow(server: Storage, request: Request) -> Outcome | None:
        """The first group of jobs is never completed."""
        if is_finish(request):
            PixelServer.__call__(server, request)
            groups.append(body_of(request)["job_ids"])
            return json_response({"group_job": {"group_id": f"g{len(groups)}"}})
        if "/jobs/groups/" in request.path:
            return json_response({"completed": not request.path.endswith("/g1")})
        return None

    _, world = simulated(instead=slow, number=60, size=1 * MIB, line_rate=5 * MIB)
    done, errors = upload(world)
    first = len(groups[0])
    assert 0 < first < 60
    assert (len(done), len(errors)) == (60 - first, first)
    assert {error.status for error in errors} == {"not_confirmed"}
    assert world.sent_at[-1][0] - 1000 < 15  # though the first group was waited for, for twenty minutes
    assert world.now - 1000 >= 1200


def test_a_file_in_parts_is_read_by_several_at_once() -> None:
    _, world = simulated(files={"/p/a.jpg": b"x" * (128 * MIB)}, read_rate=16 * MIB)
    upload(world, multipart=True, multipart_part_size=8 * MIB)
    assert world.most_reading == reading.READ_AT_ONCE
    assert world.now - 1000 < 3


# Bounds


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_requests_at_a_time_are_bounded_over_files_parts_and_support_files(limit: int) -> None:
    files = {**files_of(6, 4000), **{f"/p/{index}.wld": b"1" for index in range(6)}}
    _, world = simulated(files=files, upload_max_concurrency=limit)
    uploads = [
        PixelUploadFile.model_validate({"file": f"/p/{index:05}.jpg", "support_files": [f"/p/{index}.wld"]})
        for index in range(6)
    ]
    world.run(world.api.upload_multiple_images(1, 2, uploads, multipart=True, multipart_part_size=1000))
    assert len(world.sent_at) == 6 * 5
    assert world.most_sending == limit


def test_what_is_read_ahead_of_a_slow_line_is_bounded() -> None:
    """Files are small enough to be kept, and no more of them are than may be."""
    ahead = []

    class Watching(Simulation):
        read_bytes = 0

        def perform(self, effect: Any) -> Any:
            if isinstance(effect, Digest):
                self.read_bytes += sum(each.length for each in effect.slices)
                ahead.append(self.read_bytes - sum(len(each) for each in server.stored.values()) * 200_000)
            return super().perform(effect)

    server, world = simulated(number=400, size=200_000, kind=Watching, line_rate=2 * MIB)
    upload_all(world)
    assert max(ahead) < reading.KEPT_AHEAD + 12 * 200_000


def test_upload_jobs_are_made_for_what_can_be_sent_soon() -> None:
    """A line of 100 kB/s would need 17 minutes for everything; no signature gets older than a part of that."""
    server, world = simulated(number=100, size=1 * MIB, line_rate=100_000)
    upload_all(world)
    assert max(server.ages) < 6 * 60
    assert max(len(batch) for batch in server.batches) <= 16
    assert max(len(batch) for batch in server.batches[3:]) <= 12


def test_calls_of_the_api_for_each_file_stay_few_however_many_files_there_are() -> None:
    calls = []
    for number in (400, 2000):
        _, world = simulated(number=number, latency=0.0)
        upload_all(world)
        calls.append(sum(each.origin.host != "s3.test" for each in world.requests) / number)
    assert calls[1] <= calls[0] <= 0.06


def test_signatures_that_live_two_seconds_are_enough_where_they_are_used_at_once() -> None:
    server, world = simulated(Storage(), number=60, size=1 * MIB, line_rate=8 * MIB, upload_max_concurrency=4)
    server.signature = 2.0
    upload_all(world)
    assert Counter(len(contents) for contents in server.stored.values()) == {1: 60}


# Answers of the storage

BUSY: list[Outcome] = [s3(400, "RequestTimeout"), s3(503, "SlowDown"), Response(429), Response(500)]
EXPIRED = s3(403, "AccessDenied", "Request has expired")
OLD_POLICY = s3(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
DAMAGED = s3(400, "BadDigest")
OTHER = {"ETag": f'"{"0" * 32}"'}
KMS = {**OTHER, "x-amz-server-side-encryption": "aws:kms"}
OWN_KEY = {**OTHER, "x-amz-server-side-encryption-customer-algorithm": "AES256"}


def etag(headers: dict[str, str]) -> Response:
    return Response(204, Headers(headers))


ANSWERS: dict[str, tuple[list[Outcome], int, int, str]] = {
    "what may pass is tried again": ([PixelConnectionError("reset", sent=True), *BUSY], 6, 1, ""),
    "a wrong signature fails": ([s3(403, "SignatureDoesNotMatch")], 1, 1, "SignatureDoesNotMatch"),
    "a file that is too large fails": ([s3(400, "EntityTooLarge")], 1, 1, "EntityTooLarge"),
    "a missing bucket fails": ([s3(404, "NoSuchBucket")], 1, 1, "NoSuchBucket"),
    "damaged bytes are sent once more": ([DAMAGED], 2, 1, ""),
    "bytes that are damaged twice fail": ([DAMAGED] * 2, 2, 1, "BadDigest"),
    "other bytes are sent once more": ([etag(OTHER)], 2, 1, ""),
    "bytes that are others twice fail": ([etag(OTHER)] * 2, 2, 1, "it stored other bytes than were sent"),
    "what follows damaged bytes counts by itself": ([DAMAGED, EXPIRED], 3, 2, ""),
    "an expired signature gets another job": ([EXPIRED], 2, 2, ""),
    "an expired policy gets another job": ([OLD_POLICY], 2, 2, ""),
    "expired signatures get ten jobs more": ([EXPIRED] * 20, 11, 11, "expired"),
    "lost uploads get ten jobs more": ([s3(404, "NoSuchUpload")] * 20, 11, 11, "NoSuchUpload"),
    "other clocks get one job more": ([s3(403, "RequestTimeTooSkewed")] * 20, 2, 2, "RequestTimeTooSkewed"),
    "early signatures get one job more": (
        [s3(403, "AccessDenied", "Request is not valid yet")] * 20,
        2,
        2,
        "AccessDenied",
    ),
    "the ETag of a file in parts is no MD5": ([etag({"ETag": '"0123456789abcdef0123456789abcdef-3"'})], 1, 1, ""),
    "the ETag of a file encrypted by KMS is no MD5": ([etag(KMS)], 1, 1, ""),
    "the ETag of a file encrypted by a key of one's own is no MD5": ([etag(OWN_KEY)], 1, 1, ""),
    "there may be no ETag": ([etag({})], 1, 1, ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_the_storage_concerns_its_file_alone(name: str) -> None:
    answers, requests, jobs, failure = ANSWERS[name]
    server, world = simulated(script={"00001.jpg": [*answers]})
    done, errors = upload(world)
    assert Counter(name_of(request) for _, request in world.sent_at) == Counter(
        {"00000.jpg": 1, "00001.jpg": requests, "00002.jpg": 1}
    )
    assert server.batches == [["00000.jpg", "00001.jpg", "00002.jpg"], *[["00001.jpg"]] * (jobs - 1)]
    assert [each["name"] for each in done] == ["00000.jpg", *["00001.jpg"] * (not failure), "00002.jpg"]
    assert [(error.file, error.status) for error in errors] == [("/p/00001.jpg", "not_stored")] * bool(failure)
    assert all(failure in str(error) for error in errors)


def test_the_storage_says_when_to_try_again() -> None:
    _, world = simulated(script={"00000.jpg": [Response(429, Headers({"Retry-After": "7"}))]})
    upload_all(world)
    assert 7.0 in world.sleeps


# Files that change


@pytest.mark.parametrize(
    ("kind", "looks", "status", "phase"), [(Digest, 1, "not_read", "read"), (Stat, 2, "not_stored", "sent")]
)
def test_a_file_that_is_written_to_fails_alone(kind: type[Any], looks: int, status: str, phase: str) -> None:
    """It is written to at its n-th look or reading."""

    class Written(Simulation):
        left = looks

        def perform(self, effect: Any) -> Any:
            self.left -= isinstance(effect, kind) and "/p/00001.jpg" in str(effect)
            return super().perform(effect)

        def facts(self, path: str) -> FileFacts:
            facts = super().facts(path)
            return FileFacts(facts.size, 7) if path == "/p/00001.jpg" and self.left <= 0 else facts

    _, world = simulated(size=reading.KEPT + 1, kind=Written)
    done, (error,) = upload(world)
    assert len(done) == 2
    assert (error.status, error.file) == (status, "/p/00001.jpg")
    assert isinstance(error.__cause__, PixelFileChangedError)
    assert f"changed while it was {phase}" in str(error)


def test_what_is_sent_of_a_small_file_is_what_was_hashed_though_it_is_written_to_meanwhile() -> None:
    class Writing(Storage):
        def __call__(self, request: Request) -> Outcome:
            if request.origin.host == "s3.test":
                world.files["/p/00000.jpg"] = b"otherwise."
            return super().__call__(request)

    server, world = simulated(Writing(), number=1)
    before = world.files["/p/00000.jpg"]
    upload_all(world)
    assert server.stored == {"00000.jpg": [before]}


# Failures


def test_a_redirect_to_another_host_is_followed_with_the_same_bytes() -> None:
    server, world = simulated(
        script={"00000.jpg": [Response(307, Headers({"Location": "https://s3.test/bucket/00000.jpg/100?x=1"}))]},
        number=1,
    )
    upload_all(world)
    assert [request.target for _, request in world.sent_at] == ["/bucket/00000.jpg/100", "/bucket/00000.jpg/100?x=1"]
    assert not any("Authorization" in request.headers for _, request in world.sent_at)
    assert server.stored["00000.jpg"] == [world.files["/p/00000.jpg"]]


def test_an_upload_that_is_not_over_at_its_deadline_ends_and_says_so_for_each_file() -> None:
    _, world = simulated(number=40, size=1 * MIB, line_rate=1 * MIB, upload_deadline=10.0)
    done, errors = upload(world)
    assert 0 < len(done) < 12
    assert len(done) + len(errors) == 40
    assert all("not over within 10 seconds" in str(error) for error in errors)
    assert world.now - 1000 == pytest.approx(10.0, abs=0.1)


def test_a_refusal_of_one_file_among_many_is_an_error_of_that_file() -> None:
    def refuse(server: Storage, request: Request) -> Outcome | None:
        if is_declaration(request) and "00077.jpg" in [each["name"] for each in body_of(request)["files"]]:
            return json_response({"detail": "a bad name"}, 422)
        return None

    _, world = simulated(instead=refuse, number=150)
    done, (error,) = upload(world)
    assert len(done) == 149
    assert (error.file, error.status) == ("/p/00077.jpg", "not_uploaded")
    assert "a bad name" in str(error)


def test_an_error_that_stops_all_files_is_that_of_files_being_read_too() -> None:
    """Upload jobs are refused once the first files were finished, while the next are read."""

    def refuse(server: Storage, request: Request) -> Outcome | None:
        return json_response({"detail": "forbidden"}, 403) if is_declaration(request) and server.finished else None

    _, world = simulated(instead=refuse, number=60, size=1 * MIB, read_rate=2 * MIB, line_rate=8 * MIB)
    done, errors = upload(world)
    assert len(done) + len(errors) == 60
    assert done
    assert {error.status for error in errors} == {"not_uploaded"}
    assert {type(error.__cause__) for error in errors} == {PixelPermissionError}


@pytest.mark.parametrize(("arrives", "lost", "requests"), [(True, 1, 1), (False, 2, 3)])
def test_a_request_to_finish_whose_response_is_lost_is_made_again_unless_it_arrived(
    arrives: bool, lost: int, requests: int
) -> None:
    left = [PixelConnectionError("the connection broke", sent=True)] * lost

    def lose(server: Storage, request: Request) -> Outcome | None:
        if not is_finish(request) or not left:
            return None
        if arrives:
            PixelServer.__call__(server, request)
        return left.pop()

    _, world = simulated(instead=lose)
    upload_all(world)
    assert sum(is_finish(each) for each in world.requests) == requests


def test_progress_never_falls_is_reported_ten_times_a_second_at_most_and_is_exact_at_the_end() -> None:
    script = {
        "00003.jpg": [s3(503, "SlowDown")] * 3,
        "00005.jpg": [s3(403, "AccessDenied", "Request has expired")],
        "00007.jpg": [s3(403, "SignatureDoesNotMatch")],
    }
    _, world = simulated(script=script, number=40, size=300_000, line_rate=1 * MIB, read_rate=2 * MIB)
    done, errors = upload(world)
    events = reports(world)
    assert len(events) > 50
    for name in ("hashed", "sent", "confirmed", "retries"):
        values = [getattr(event, name) for event in events]
        assert values == sorted(values)
    assert min(after.seconds - before.seconds for before, after in pairwise(events[:-1])) >= 0.0999
    last = events[-1]
    assert last.last
    assert (last.total, last.hashed, last.sent) == (40 * 300_000, 40 * 300_000, 39 * 300_000)
    assert last.confirmed == 39 * 300_000
    assert (dict(last.files), last.retries) == ({"done": 39, "failed": 1}, 3)
    assert (len(done), len(errors)) == (39, 1)
    assert all(sum(event.files.values()) == 40 for event in events)


# The journal


def test_the_journal_is_written_before_the_server_is_asked_to_finish_files() -> None:
    _, world = simulated(journal={})
    upload(world)
    finished = next(n for n, each in enumerate(world.requests) if is_finish(each))
    states = {entry.path: entry.state for n, written in world.records if n <= finished for entry in written}
    assert states == dict.fromkeys(world.files, JournalState.FINISHING)
    assert {(entry.state, entry.resource is not None) for entry in entries(world)[-3:]} == {("done", True)}


def test_each_part_that_is_stored_is_written_down_once() -> None:
    _, world = simulated(number=2, size=50, journal={})
    upload(world, multipart=True, multipart_part_size=5)
    targets = [entry for entry in entries(world) if entry.target is not None]
    assert [(entry.state, entry.part_size, len(entry.digests)) for entry in targets] == [("declared", 5, 10)] * 2
    assert all(entry.target["upload_parts"] for entry in targets)
    for path in world.files:
        parts = [number for entry in entries(world) if entry.path == path for number in entry.parts]
        assert sorted(parts) == sorted(set(parts))
        assert len(parts) >= 8  # the last wave may go straight to "sent"


def continued(state: JournalState, server: Storage | None = None, modified: int = 0) -> tuple[Storage, Simulation]:
    """A world with three files; the journal has the second one, with upload job 100."""
    server, world = simulated(server)
    server.jobs[100] = {"id": 100, "name": "00001.jpg"}
    world.journal = {"/p/00001.jpg": JournalEntry("/p/00001.jpg", 10, modified, state, 100)}
    if state is JournalState.FINISHING:
        server.finished.add(100)
    return server, world


def declared(size: int, part_size: int = 0, parts: tuple[int, ...] = (), **changes: Any) -> tuple[Storage, Simulation]:
    """A world with one file; the journal has it with upload job 100, with changes, and stored parts."""
    server, world = simulated(number=1, size=size)
    ((path, content),) = world.files.items()
    step = part_size or size
    digests = tuple(b64encode(md5(content[at : at + step]).digest()).decode() for at in range(0, size, step))
    pieces = {"parts": [{"part_number": n, "md5": each} for n, each in enumerate(digests, 1)]} if part_size else {}
    (job,) = server._create([{"name": "00000.jpg", "md5": digests[0], **pieces}])
    server.made_at[100] = world.now
    server.batches.clear()
    target = {**job, **changes}
    entry = JournalEntry(path, size, 0, JournalState.DECLARED, 100, digests, target, part_size, parts)
    world.journal = {path: entry}
    return server, world


@pytest.mark.parametrize(
    ("state", "modified", "stored", "finished"),
    [
        (JournalState.SENT, 0, False, True),
        (JournalState.FINISHING, 0, False, False),
        (JournalState.SENT, 99, True, False),
    ],
    ids=["sent before", "finished before", "changed since"],
)
def test_a_file_of_an_earlier_run_is_continued_unless_it_changed(
    state: JournalState, modified: int, stored: bool, finished: bool
) -> None:
    server, world = continued(state, modified=modified)
    done, errors = upload(world)
    assert ([each["name"] for each in done], errors) == (["00000.jpg", "00001.jpg", "00002.jpg"], [])
    assert ("00001.jpg" in server.stored) is stored
    ids = [body_of(each)["job_ids"] for each in world.requests if is_finish(each)]
    assert any(100 in each for each in ids) is finished


def test_only_missing_parts_are_sent() -> None:
    server, world = declared(50, 10, (1, 2, 4))
    done, errors = upload(world, multipart=True, multipart_part_size=10)
    assert (len(done), errors, server.batches) == (1, [], [])
    assert sorted(request.query for _, request in world.sent_at) == ["partNumber=3&sig=x", "partNumber=5&sig=x"]
    assert (reports(world)[0].sent, reports(world)[-1].sent) == (30, 50)


def test_parts_with_expired_signatures_are_sent_to_another_job() -> None:
    server, world = declared(30, 10, (1,))
    server.made_at[100], server.signature = -1e9, 3600.0
    upload_all(world, multipart=True, multipart_part_size=10)
    content = world.files["/p/00000.jpg"]
    assert sorted(server.stored["00000.jpg"]) == sorted([content[:10], content[10:20], content[20:]])


def test_a_file_with_a_job_is_sent_to_it_without_being_hashed_again() -> None:
    server, world = declared(10)
    done, errors = upload(world)
    assert (len(done), errors, server.batches, world.most_reading) == (1, [], [], 0)


def test_a_file_whose_job_in_the_journal_cannot_be_used_gets_another_of_its_kind() -> None:
    _, world = declared(10, url=None)
    upload_all(world)
    assert next(each.path for each in world.requests if each.method == "POST") == f"{D}/upload_jobs/"


@pytest.mark.parametrize(
    "answer", [Response(500), json_response({"results": []}), PixelConnectionError("no", sent=False)]
)
def test_a_finished_file_that_cannot_be_looked_up_is_not_uploaded_again(answer: Outcome) -> None:
    silent = Storage(instead=lambda server, request: answer if request.path == f"{D}/images/" else None)
    server, world = continued(JournalState.FINISHING, silent)
    with pytest.raises(PixelError):
        upload(world)
    assert (server.batches, server.stored) == ([], {})


@pytest.mark.parametrize("outcome", [{"status": None}, {"result": None}, {"result": {"resource_name": "song"}}])
def test_a_finished_job_that_cannot_be_parsed_is_an_error_and_its_file_is_not_uploaded_again(
    outcome: dict[str, Any],
) -> None:
    server, world = continued(JournalState.FINISHING, Storage(outcomes={"00001.jpg": outcome}))
    done, (error,) = upload(world)
    assert (len(done), error.file, error.status) == (2, "/p/00001.jpg", "not_confirmed")
    assert "00001.jpg" not in server.stored


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (64 * MIB, None),
        (64 * MIB + 1, LEAST_PART),
        (8 * 1000 * MIB, 8 * MIB),
        (20 * 1024 * MIB, 21 * MIB),
        (5 * 1024 * 1024 * MIB, 1024 * MIB),
        (15 * 1024 * 1024 * MIB, 1573 * MIB),
    ],
)
def test_above_the_threshold_parts_are_chosen_so_that_there_are_about_a_thousand(
    size: int, part_size: int | None
) -> None:
    assert PartSizing(64 * MIB).part_size_for(size) == part_size


@given(st.integers(1, 48 * 1024 * 1024 * MIB))
def test_there_are_never_more_parts_than_the_storage_takes(size: int) -> None:
    part_size = PartSizing(64 * MIB).part_size_for(size)
    assert part_size is None or -(-size // part_size) <= MOST_PARTS


def test_a_file_above_the_threshold_goes_in_parts_and_the_others_whole() -> None:
    files = {"/p/large.jpg": b"x" * 101, "/p/small.jpg": b"x" * 100}
    server, world = simulated(files=files, multipart_threshold=100)
    upload_all(world)
    assert {(name_of(request), isinstance(request.body, Form)) for _, request in world.sent_at} == {
        ("large.jpg", False),
        ("small.jpg", True),
    }
    assert sorted(server.batches) == [["large.jpg"], ["small.jpg"]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_reported_files_are_stored_files_after_any_failures(seed: int) -> None:
    chance = random.Random(seed)

    class Wild(Storage):
        def __call__(self, request: Request) -> Outcome:
            if request.path == D:
                return super().__call__(request)
            wild = chance.random()
            if wild < 0.1:
                return PixelConnectionError("reset", sent=chance.random() < 0.5)
            if wild < 0.15:
                return Response(chance.choice([500, 502, 503, 429, 408]))
            if request.origin.host == "s3.test" and wild < 0.25:
                return chance.choice(
                    [
                        s3(400, "BadDigest"),
                        s3(403, "AccessDenied", "Request has expired"),
                        s3(403, "SignatureDoesNotMatch"),
                        s3(404, "NoSuchUpload"),
                        Response(200, Headers({"ETag": '"' + "0" * 32 + '"'})),
                    ]
                )
            answer = super().__call__(request)
            if wild > 0.95:  # It was done, and the response is lost.
                return PixelConnectionError("the connection broke", sent=True)
            return answer

    server, world = simulated(
        Wild(), number=chance.randint(1, 30), size=chance.choice([0, 10, 1000]), line_rate=1e5, journal={}
    )
    parts = {"multipart": True, "multipart_part_size": 300} if chance.random() < 0.5 else {}
    try:
        done, errors = upload(world, **parts)
    except (PixelConnectionError, PixelServerError, PixelStorageError):
        return
    names = [path[3:] for path in world.files]
    assert sorted([each["name"] for each in done] + [error.file[3:] for error in errors]) == sorted(names)
    for each in done:
        number = each["id"] - 1000
        assert number in server.finished
        assert server.jobs[number]["name"] == each["name"]
        content = world.files[f"/p/{each['name']}"]
        requests = {content[at : at + 300] for at in range(0, max(1, len(content)), 300)} if parts else {content}
        assert requests <= set(server.stored[each["name"]])
    finished = [entry.path[3:] for entry in entries(world) if entry.state == "done"]
    assert sorted(finished) == sorted(each["name"] for each in done)
