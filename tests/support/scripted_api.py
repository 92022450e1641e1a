"""A driver for tests: runs a flow with scripted answers, and records the effects.

Rules kept here:

* No I/O and no real time: the clock advances when a flow sleeps or an exchange takes `Expected.takes` seconds. Random
  bits are counted, files are bytes in memory, the flows of a task group run one after the other.
* A request that the script does not have ends the test (`OffScriptError` is not an Exception, so no flow catches it).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from itertools import count, islice
from typing import Any, TypeVar
from urllib.parse import parse_qs

import pytest

from pixel_core import (
    Account,
    CallTokenProvider,
    Clock,
    Deliver,
    Digest,
    Digested,
    Effect,
    Exchange,
    FileFacts,
    FileSlice,
    Flow,
    FolderListing,
    Form,
    Headers,
    JournalSnapshot,
    ListFolder,
    NextDone,
    NextItems,
    OpenJournal,
    OpenTaskGroup,
    Options,
    PixelApi,
    Random,
    ReadMetadata,
    Report,
    Request,
    Response,
    Session,
    SingleFlight,
    Sleep,
    Spawn,
    Stat,
)
from pixel_core.errors import PixelFileChangedError

E = TypeVar("E", bound=Exception)

URL = "https://pixel.test/acme"
ACCOUNT = Account("https://keycloak.test", "Acme", "frontend", "kari@acme.test", "hemmelig")
MOST_SLEEPS = 10_000
TOKEN_TARGET = "/realms/Acme/protocol/openid-connect/token"


class OffScriptError(BaseException):
    """A flow yielded an effect that the test does not expect."""


Outcome = Response | Exception
Server = Callable[[Request], Outcome]


def json_response(value: Any, status: int = 200, **headers: str) -> Response:
    """Return a response with a JSON body. Header names have underscores for hyphens."""
    fields = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, Headers(fields), json.dumps(value).encode())


def token(access: str = "t1", **fields: Any) -> Response:
    return json_response({"access_token": access, **fields})


@dataclass
class TaskGroup:
    """A task group of a World: the flow that was spawned first runs when the next outcome is asked for."""

    world: "World"
    flows: list[tuple[Any, Flow[Any]]] = field(default_factory=list)

    def spawn(self, key: Any, flow: Flow[Any]) -> None:
        self.flows.append((key, flow))

    def next_done(self, timeout: float | None) -> list[tuple[Any, Any]]:
        if not self.flows:
            if timeout is None:
                raise OffScriptError("the flow waits for a task group without flows")
            self.world.now += timeout
            return []
        key, flow = self.flows.pop(0)
        try:
            return [(key, self.world.run(flow))]
        except Exception as error:
            return [(key, error)]


@dataclass
class Expected:
    """The next expected exchange. `body` is the JSON or the bytes of the request (None: any), `takes` is in seconds."""

    method: str
    target: str
    outcome: Outcome
    body: Any = None
    takes: float = 0.0


class World:
    """Performs the effects of a flow. The server is a list of expected exchanges, or a function of the request.

    Logins get the tokens t1, t2, ..., unless `login` is false.
    """

    def __init__(
        self,
        script: Iterable[Expected] | Server = (),
        *,
        files: Mapping[str, bytes] | None = None,
        bits: Iterable[int] | None = None,
        login: bool = True,
        options: Options = Options(),
        account: Account = ACCOUNT,
        url: str = URL,
    ) -> None:
        self.server: Server | None = script if callable(script) else None
        self.script: list[Expected] = [] if callable(script) else list(script)
        self.files = dict(files or {})
        self.metadata: dict[str, dict[str, Any]] = {}
        """The metadata in photos, by path."""
        self.listed: list[str] = []
        self.read_for_metadata: list[str] = []
        self.bits: Iterator[int] = iter(count(1) if bits is None else bits)
        self.login = login
        self.now = 1000.0
        self.requests: list[Request] = []
        self.logins: list[Request] = []
        self.sleeps: list[float] = []
        self.events: list[object] = []
        self.keys: list[object] = []
        self.session = Session(url, account, options)
        self.api = PixelApi(self.session)

    @property
    def finished(self) -> bool:
        return not self.script

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The method and target of every request, without logins."""
        return [(each.method, each.target) for each in self.requests]

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow and return its result. Errors of effects are thrown into it."""
        try:
            return self.resume(flow, next(flow))
        except StopIteration as stop:
            return stop.value

    def resume(self, flow: Flow[Any], effect: Effect[Any]) -> Any:
        """Run a flow from an effect that it has yielded, and return its result."""
        try:
            while True:
                try:
                    result = self.perform(effect)
                except Exception as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(result)
        except StopIteration as stop:
            return stop.value
        finally:
            flow.close()

    def finish(self, flow: Flow[Any]) -> Any:
        """Run a flow that must use the whole script."""
        result = self.run(flow)
        assert not self.script, f"never sent: {self.script}"
        return result

    def fail(self, flow: Flow[Any], kind: type[E] | tuple[type[E], ...]) -> E:
        """Run a flow that must raise `kind`, and return the error."""
        with pytest.raises(kind) as caught:
            self.run(flow)
        assert not self.script, f"never sent: {self.script}"
        return caught.value

    def perform(self, effect: Effect[Any]) -> Any:
        match effect:
            case Exchange(request):
                return self._exchange(request)
            case Sleep(seconds):
                self.sleeps.append(seconds)
                if len(self.sleeps) > MOST_SLEEPS:
                    raise OffScriptError(f"slept {MOST_SLEEPS} times: an endless loop?")
                self.now += seconds
                return None
            case Clock():
                return self.now
            case CallTokenProvider(function):
                return function()
            case Random():
                return next(self.bits)
            case Stat(paths):
                return [self.facts(path) for path in paths]
            case Digest(slices, keep):
                contents = [self.read(each) for each in slices]
                digests = [md5(each).digest() for each in contents]
                return Digested(digests, self.facts(slices[0].path), contents[0] if keep else None)
            case ListFolder(path):
                return self.list_folder(path)
            case ReadMetadata(paths):
                self.read_for_metadata += paths
                return [self.metadata.get(path) for path in paths]
            case OpenTaskGroup(lead):
                return self.run(lead(TaskGroup(self)))
            case Spawn(group, key, flow):
                return group.spawn(key, flow)
            case NextDone(group, timeout):
                return group.next_done(timeout)
            case OpenJournal(_, _, lead, _):
                return self.run(lead(JournalSnapshot(None)))
            case SingleFlight(key, flow, _):
                self.keys.append(key)
                return self.run(flow)
            case Report(event):
                self.events.append(event)
                return None
            case NextItems(iterator, most):
                return list(islice(iterator, most))
            case Deliver(receive, results):
                return receive(results)
            case _:
                raise OffScriptError(f"no flow of the API yields {effect!r}")

    def list_folder(self, path: str) -> FolderListing:
        self.listed.append(path)
        inside = [each.removeprefix(f"{path}/") for each in self.files if each.startswith(f"{path}/")]
        if not inside:
            raise FileNotFoundError(2, "No such file or directory", path)
        folders = {each.partition("/")[0] for each in inside if "/" in each}
        return FolderListing(list(folders), [each for each in inside if "/" not in each])

    def facts(self, path: str) -> FileFacts:
        return FileFacts(len(self._file(path)), 0)

    def _exchange(self, request: Request) -> Response:
        if self.login and request.target == TOKEN_TARGET:
            self.logins.append(request)
            return token(f"t{len(self.logins)}")
        self.requests.append(request)
        outcome = self.server(request) if self.server else self._next(request)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _next(self, request: Request) -> Outcome:
        if not self.script:
            raise OffScriptError(f"nothing more was expected, but: {request.method} {request.target}")
        expected = self.script.pop(0)
        if (request.method, request.target) != (expected.method, expected.target):
            raise OffScriptError(
                f"expected {expected.method} {expected.target}, but: {request.method} {request.target}"
            )
        if expected.body is not None and body_of(request) != expected.body:
            raise OffScriptError(f"{request.method} {request.target} with {body_of(request)!r}, not {expected.body!r}")
        self.now += expected.takes
        return expected.outcome

    def _file(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def read(self, part: FileSlice) -> bytes:
        """Return the bytes of a slice."""
        content = self._file(part.path)[part.offset : part.offset + part.length]
        if len(content) < part.length:
            raise PixelFileChangedError(f"{part.path} is shorter than it was")
        return content

    def sent(self, request: Request) -> bytes:
        """Return the bytes of the file that a storage request carries, also in a form."""
        content = request.body.content if isinstance(request.body, Form) else request.body
        return self.read(content) if isinstance(content, FileSlice) else content


def body_of(request: Request) -> Any:
    """Return the decoded JSON of a request's body, None without a body, another body unchanged."""
    if not isinstance(request.body, bytes):
        return request.body
    if request.headers.get("Content-Type") == "application/json":
        return json.loads(request.body)
    return request.body or None


@dataclass
class PixelServer:
    """A server for uploads to project 1, data collection 2, with an object storage. Its fields configure it.

    `kind` is what uploads become ("image", "raster", "point_cloud").
    `refuse` maps a file's name to the storage's answer; `outcomes` maps it to the fields of its finished upload job.
    """

    collection_type: str = "image"
    kind: str = "image"
    skip: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    refuse: dict[str, Outcome] = field(default_factory=dict)
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    backwards: bool = True
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    fail_on: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    batches: list[list[str]] = field(default_factory=list)

    def __call__(self, request: Request) -> Outcome:
        path = request.path.removeprefix("/acme/projects/1/data_collections/2")
        if request.origin.host == "s3.test":
            name = path.split("/")[2]
            return self.refuse.get(name, Response(204))
        if (request.method, path) in self.fail_on:
            return self.fail_on[request.method, path]
        match request.method, path:
            case "GET", "":
                return json_response({"id": 2, "data_collection_type": self.collection_type})
            case "POST", "/upload_jobs/" | "/upload_jobs/multipart":
                return json_response(self._create(body_of(request)["files"]))
            case "PUT", "/upload_jobs/multiple_uploadFinished":
                self.finished.update(body_of(request)["job_ids"])
                return json_response({"group_job": {"group_id": "g1"}})
            case "GET", "/acme/jobs/groups/g1":
                return json_response({"group_id": "g1", "completed": True})
            case "PUT", _ if path.endswith("/uploadFinished"):
                self.finished.add(int(path.split("/")[2]))
                return json_response({"job": {"job_id": "j1"}})
            case "GET", "/acme/jobs/j1":
                return json_response({"job_id": "j1", "completed": True})
            case "GET", "/upload_jobs/":
                return json_response(
                    [self._finished(number) for number in self._listed(request) if number in self.jobs]
                )
            case "GET", _ if path == f"/{self.kind}s/":
                return json_response(
                    [self._resource(number) for number in _ids(request) if self._name(number) not in self.unlisted]
                )
            case "GET", _ if path.startswith(f"/{self.kind}s/"):
                return json_response(self._resource(int(path.removeprefix(f"/{self.kind}s/"))))
            case _:
                raise OffScriptError(f"no such endpoint: {request.method} {request.target}")

    def _create(self, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.batches.append([each["name"] for each in files])
        made = []
        for each in files:
            if each["name"] in self.skip:
                continue
            number = 100 + len(self.jobs)
            job: dict[str, Any] = {
                "id": number,
                "name": each["name"],
                **_target(f"{each['name']}/{number}", each.get("md5", "")),
            }
            job["support_files"] = [
                {"name": support["name"], **_target(f"{support['name']}/of-{number}", support["md5"])}
                for support in reversed(each.get("support_files", []))
            ]
            job["upload_parts"] = [
                {
                    "part_number": part["part_number"],
                    "url": f"https://s3.test/bucket/{each['name']}/{number}?partNumber={part['part_number']}&sig=x",
                    "headers": {"Content-MD5": part["md5"], "x-amz-part": str(part["part_number"])},
                }
                for part in reversed(each.get("parts", []))
            ]
            self.jobs[number] = job
            made.append(job)
        return made[::-1] if self.backwards else made

    def _listed(self, request: Request) -> list[int]:
        """The upload jobs with these ids, or this name."""
        query = parse_qs(request.query)
        if "name" in query:
            return [number for number, job in self.jobs.items() if job["name"] == query["name"][0]]
        return _ids(request)

    def _name(self, number: int) -> str:
        return str(self.jobs[number - 1000]["name"])

    def _finished(self, number: int) -> dict[str, Any]:
        if number not in self.finished:
            return {**self.jobs.get(number, {"id": number}), "status": "lobby", "detail": None, "result": None}
        done = {
            "id": number,
            "status": "validated_and_moved",
            "detail": None,
            "result": {"resource_name": self.kind, "resource_id": 1000 + number},
        }
        return {**done, **self.outcomes.get(self.jobs[number]["name"], {})}

    def _resource(self, number: int) -> dict[str, Any]:
        return {"id": number, "name": self._name(number)}


def _target(key: str, md5: str) -> dict[str, Any]:
    return {
        "url": f"https://s3.test/bucket/{key}",
        "upload_fields": {"key": key, "policy": "p", "Content-MD5": md5, "x-amz-signature": "s"},
    }


def _ids(request: Request) -> list[int]:
    (ids,) = [value for name, _, value in (pair.partition("=") for pair in request.query.split("&")) if name == "ids"]
    return [int(number) for number in ids.split("%2C")]
