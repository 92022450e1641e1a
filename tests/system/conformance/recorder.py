"""A server that writes down what it is asked: the Pixel API, its login and its object storage, on loopback.

Rules kept here:

* Answers depend on the request and on the case that is running, on nothing else: no clock, no random numbers, and no
  memory beyond the case. Ids are counted from the same start in every case.
* It checks nothing and accepts everything; what a case wants answered otherwise stands in its `answers`.
* What is written down is what a client chose: no header that an HTTP library adds by itself, no boundary of a form.
* It listens on loopback only. `POST /_case/{number}` starts a case; the requests that follow belong to it.
"""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from uuid import UUID

API = "/api/acme"
TOKEN = "/auth/realms/Acme/protocol/openid-connect/token"
COLLECTION_TYPES = {2: "image", 3: "raster", 4: "point_cloud", 5: "RGB", 6: "DTM", 7: "DSM"}
"""What the data collections take, by id. Others take images."""

_KINDS = {"image": "image", "point_cloud": "point_cloud"}
_OF_THE_LIBRARY = frozenset(
    ("accept", "accept-encoding", "connection", "content-length", "host", "user-agent", "cache-control")
)


@dataclass(frozen=True)
class Scripted:
    """An answer that stands for the generic one: to requests of this method and path (a glob, below the API), so many
    `times` (0: always). `text` and `content` are bodies that are no JSON; `drop` hangs up without an answer.
    """

    method: str
    path: str
    status: int = 200
    json: Any = None
    text: str | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    drop: bool = False


@dataclass(frozen=True)
class Script:
    """What a case wants of the server: answers, how many items lists have, and at which look jobs are completed."""

    answers: tuple[Scripted, ...] = ()
    total: int = 3
    job_looks: int = 1
    group_looks: int = 2


@dataclass
class Sent:
    """A request as the client made it. `json`, `form` and `files` are its body when it is one of those, `content` the
    MD5 of any other body. `lane` names the requests that follow one another; those of different lanes run side by side.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    json: Any = None
    form: list[tuple[str, str]] | None = None
    files: list[dict[str, str]] | None = None
    content: str | None = None
    lane: str | None = None

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"


def parse_form(content: bytes, boundary: str) -> tuple[list[tuple[str, str]], list[dict[str, str]]]:
    """The fields and the files of a multipart/form-data body (RFC 7578), in order. Each file says after how many fields
    it came.
    """
    fields: list[tuple[str, str]] = []
    files: list[dict[str, str]] = []
    for piece in (b"\r\n" + content).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode().split("\r\n"))
        }
        described = dict(re.findall(r'(name|filename)="([^"]*)"', lines.get("content-disposition", "")))
        if "filename" in described:
            files.append(
                {
                    "field": described.get("name", ""),
                    "name": described["filename"],
                    "type": lines.get("content-type", ""),
                    "md5": hashlib.md5(body).hexdigest(),
                    "after": str(len(fields)),
                }
            )
        else:
            fields.append((described.get("name", ""), body.decode()))
    return fields, files


def _is_uuid4(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower() and UUID(text).version == 4
    except ValueError:
        return False


def sent_of(method: str, target: str, headers: Sequence[tuple[str, str]], content: bytes) -> Sent:
    """A request as it is compared."""
    parts = urlsplit(target)
    kept = {name.lower(): value for name, value in headers if name.lower() not in _OF_THE_LIBRARY}
    if "authorization" in kept:
        kept["authorization"] = re.sub(r"^Bearer token-\d+$", "Bearer (token)", kept["authorization"])
    if "x-request-id" in kept:
        kept["x-request-id"] = "(uuid4)" if _is_uuid4(kept["x-request-id"]) else kept["x-request-id"]
    kind, _, parameters = kept.get("content-type", "").partition(";")
    if kind == "multipart/form-data":
        kept["content-type"] = kind
    path = parts.path.removeprefix(API) if parts.path.startswith(API + "/") else parts.path
    sent = Sent(method, path, parse_qsl(parts.query, keep_blank_values=True), kept)
    if kind == "application/json":
        try:
            sent.json = json.loads(content)
        except ValueError:
            sent.content = content.decode(errors="replace")
    elif kind == "application/x-www-form-urlencoded":
        sent.form = parse_qsl(content.decode(), keep_blank_values=True)
    elif kind == "multipart/form-data":
        sent.form, sent.files = parse_form(content, parameters.partition("boundary=")[2].strip('" '))
    elif content:
        sent.content = hashlib.md5(content).hexdigest()
    return sent


class Answerer:
    """The server's side of one case."""

    def __init__(self, script: Script, origin: str) -> None:
        self.script = script
        self._origin = origin
        self._looks: Counter[str] = Counter()
        self._used: Counter[int] = Counter()
        self._names: dict[int, str] = {}
        self._attachments: dict[int, str] = {}
        self._created = 0
        self._groups = 0

    def scripted(self, method: str, path: str) -> Scripted | None:
        """The answer that the case has for this request, if it has one."""
        for number, each in enumerate(self.script.answers):
            if each.method == method and fnmatchcase(path, each.path) and not 0 < each.times <= self._used[number]:
                self._used[number] += 1
                return each
        return None

    def lane(self, sent: Sent) -> str | None:
        """The lane of requests that a client may make side by side: those of one file."""
        if sent.path.startswith("/storage/"):
            return sent.path
        if sent.path == "/attachments/update":
            number = dict(sent.query).get("attachment_id", "")
            return "/storage/attachments/" + quote(self._attachments.get(int(number), "") if number.isdigit() else "")
        return None

    def answer(self, sent: Sent) -> tuple[int, Any]:
        """The generic answer: a status, and what becomes JSON (None for no body)."""
        if sent.path.startswith("/storage/"):
            return (204, None) if sent.method == "POST" else (200, None)
        segments = [unquote(segment) for segment in sent.path.strip("/").split("/")]
        match sent.method, segments:
            case "GET", ["jobs", "groups", number]:
                return 200, self._group(number)
            case "GET", ["jobs", number]:
                return 200, self._job(number)
            case "POST", ["search"]:
                return 200, self._search(sent.json)
            case _, ["attachments", *rest]:
                return 200, self._attachment(sent, rest)
            case "GET", ["projects", _, "data_collections", number] if number != "deleted" and sent.path[-1] != "/":
                return 200, {"id": number, "name": "a collection", "data_collection_type": self._type_of(number)}
            case _, ["projects", _, "data_collections", number, "upload_jobs", *rest]:
                return 200, self._upload(sent, number, rest)
            case "PUT", ["arcgis_services", kind, number, ("start" | "stop" | "refresh") as what]:
                service = {"id": number, "type": kind, "status": f"{what} asked for"}
                return 200, {"job": {"job_id": 41, "completed": False}, "arcgis_service": service, "note": "kept"}
            case "POST", [*_, ("rasters" | "point_clouds") as kind, "optimized"]:
                return 200, [{"id": 71, "of": kind}, {"id": 72, "of": kind}]
            case "POST", [*_, "optimized", "run"]:
                return 200, {"group_job": self._new_group(), "jobs": [1, 2]}
            case "DELETE", [*_, "rasters", _, "optimized"]:
                return 200, [{"id": 71}]
        if sent.method == "GET" and self._is_list(sent.path, segments):
            return 200, self._page(dict(sent.query), segments)
        return 200, {"id": 1, "name": "blåbær", "answers": sent.label, "nothing": None}

    @staticmethod
    def _is_list(path: str, segments: Sequence[str]) -> bool:
        return path.endswith("/") or segments[-1] in ("deleted", "gdo-users")

    def _page(self, query: Mapping[str, str], segments: Sequence[str]) -> list[Any]:
        kind = segments[-1]
        if query.get("ids"):
            return [{"id": int(number), "of": kind} for number in query["ids"].split(",")]
        numbers = range(1, self.script.total + 1)
        start = int(query.get("offset") or 0)
        limit = query.get("limit")
        page = numbers[start:] if limit in (None, "") else numbers[start : start + max(0, int(limit or 0))]
        return [{"id": number, "of": kind} for number in page]

    def _search(self, body: Any) -> dict[str, Any]:
        body = body if isinstance(body, Mapping) else {}
        start, limit = int(body.get("offset", 0)), int(body.get("limit", 100))
        found = [{"id": number} for number in range(1, self.script.total + 1)][start : start + limit]
        return {"count": len(found), "total_count": self.script.total, "results": found}

    def _job(self, number: str) -> dict[str, Any]:
        self._looks[number] += 1
        completed = 0 < self.script.job_looks <= self._looks[number]
        status = "failed" if completed else "running"
        return {"id": number, "job_id": number, "name": "a job", "completed": completed, "status": status}

    def _new_group(self) -> dict[str, Any]:
        self._groups += 1
        return {"group_id": 60 + self._groups, "completed": False}

    def _group(self, number: str) -> dict[str, Any]:
        self._looks[f"group {number}"] += 1
        completed = 0 < self.script.group_looks <= self._looks[f"group {number}"]
        counts = {"total_jobs": 2, "success_count": 1 + completed, "failed_count": 0}
        return {"id": number, "group_id": number, "completed": completed, **counts}

    @staticmethod
    def _type_of(number: str) -> str:
        return COLLECTION_TYPES.get(int(number) if number.isdigit() else 0, "image")

    def _place(self, folder: str, name: str) -> dict[str, Any]:
        fields = {"key": f"{folder}/{name}", "Content-Type": "application/octet-stream", "policy": "pølse+/="}
        return {"name": name, "url": f"{self._origin}/storage/{folder}/{quote(name)}", "upload_fields": fields}

    def _upload(self, sent: Sent, collection: str, rest: Sequence[str]) -> Any:
        match sent.method, rest:
            case "POST", [] | ["multipart"]:
                return [self._upload_job(file) for file in sent.json["files"]][::-1]
            case "PUT", ["multiple_uploadFinished"]:
                jobs = [{"id": number, "status": "submitted"} for number in sent.json["job_ids"]]
                return {"group_job": self._new_group(), "upload_jobs": jobs}
            case "PUT", [number, "uploadFinished"]:
                return {"job": {"job_id": 51}, "upload_job": {"id": int(number)}}
        query = dict(sent.query)
        wanted = query.get("ids", "").split(",") if query.get("ids") else []
        return [self._ended(int(number), collection) for number in wanted] or self._page(query, ["upload_jobs"])

    def _upload_job(self, file: Mapping[str, Any]) -> dict[str, Any]:
        self._created += 1
        number = 100 + self._created
        name = file["name"]
        self._names[number] = name
        job = {"id": number, "status": "lobby", **self._place("files", name), "upload_parts": []}
        if "parts" in file:
            job |= {"url": None, "upload_fields": None}
            job["upload_parts"] = [
                {
                    "part_number": part["part_number"],
                    "url": f"{self._origin}/storage/files/{quote(name)}/{part['part_number']}?sig=a%2Bb",
                    "headers": {"Content-MD5": part["md5"], "x-amz-part": str(part["part_number"])},
                }
                for part in reversed(file["parts"])
            ]
        job["support_files"] = [
            {"id": at, **self._place("support", each["name"])} for at, each in enumerate(file.get("support_files", []))
        ][::-1]
        return job

    def _ended(self, number: int, collection: str) -> dict[str, Any]:
        name = self._names.get(number, f"file {number}")
        if name.startswith("bad"):
            return {"id": number, "name": name, "status": "failed", "detail": {"why": "not a picture"}, "result": None}
        kind = _KINDS.get(self._type_of(collection), "raster")
        result = {"resource_name": kind, "resource_id": number + 1000}
        return {"id": number, "name": name, "status": "validated_and_moved", "detail": None, "result": result}

    def _attachment(self, sent: Sent, rest: Sequence[str]) -> Any:
        match sent.method, rest:
            case "POST", []:
                made = []
                for number, file in enumerate(sent.json["files"], 81):
                    self._attachments[number] = file["name"]
                    place = self._place("attachments", file["name"])
                    params = {"url": place["url"], "fields": place["upload_fields"]}
                    made.append({"id": number, "name": file["name"], "status": "Pending", "upload_file_params": params})
                return made[::-1]
            case "PUT", ["update"]:
                query = dict(sent.query)
                number = int(query.get("attachment_id") or 0)
                return {"id": number, "name": self._attachments.get(number), "status": query.get("status")}
            case "GET", []:
                return self._page(dict(sent.query), ["attachments"])
        return {"id": 81, "answers": sent.label}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _recorder(self) -> "Recorder":
        assert isinstance(self.server, _Server)
        return self.server.recorder

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests are written down elsewhere."""

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _serve(self) -> None:
        content = self._content()
        if self.path.startswith("/_case/"):
            self._recorder.begin(int(self.path.removeprefix("/_case/")))
            self._reply(204, b"", {})
            return
        sent = sent_of(self.command, self.path, self.headers.items(), content)
        answer = self._recorder.take(sent)
        if answer is None:
            self.close_connection = True
        else:
            self._reply(*answer)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {"X-Request-ID": "answer-1", **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if status == 204 else body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names are the base's


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    recorder: "Recorder"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may hang up; what goes wrong in an answer is kept by the recorder."""


class Recorder:
    """The server on a port of its own, and what it was asked, by case.

    >>> with Recorder(scripts) as recorder:
    ...     ...                          # a client works at recorder.url
    ...     recorder.requests[3]         # what it sent during case 3
    """

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self._lock = threading.Lock()
        self._current = -1
        self._tokens = 0
        self.requests: list[list[Sent]] = [[] for _ in scripts]
        self.failures: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.recorder = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._answerer = Answerer(Script(), self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def begin(self, number: int) -> None:
        """Start a case: what comes from now on is its own. A negative number starts none."""
        with self._lock:
            self._current = number
            self._answerer = Answerer(self._scripts[number] if number >= 0 else Script(), self.url)

    def take(self, sent: Sent) -> tuple[int, bytes, dict[str, str]] | None:
        """Write a request down and answer it: status, body and headers, or None to hang up."""
        with self._lock:
            sent.lane = self._answerer.lane(sent)
            if self._current >= 0:
                self.requests[self._current].append(sent)
            scripted = self._answerer.scripted(sent.method, sent.path)
            if scripted is not None:
                if scripted.drop:
                    return None
                text = json.dumps(scripted.json) if scripted.text is None else scripted.text
                body = text.encode() if scripted.content is None else scripted.content
                return scripted.status, body, dict(scripted.headers)
            if sent.path == TOKEN:
                self._tokens += 1
                token = {"access_token": f"token-{self._tokens}", "token_type": "Bearer", "expires_in": 3600}
                return 200, json.dumps(token).encode(), {"Content-Type": "application/json"}
            try:
                status, value = self._answerer.answer(sent)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                self.failures.append(f"{sent.label}: {error!r}")
                status, value = 500, {"detail": f"the recorder cannot answer this: {error!r}"}
            body = b"" if value is None else json.dumps(value, ensure_ascii=False).encode()
            return status, body, {"Content-Type": "application/json"}
