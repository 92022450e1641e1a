"""The server of the table of operations: it accepts every request, and answers from the request and the case alone, not
from a clock, random numbers or earlier cases. Only the standard library is imported.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

API = "/api/acme"
TOKEN = "/auth/realms/Acme/protocol/openid-connect/token"
COLLECTION_TYPES = {2: "image", 3: "raster", 4: "point_cloud", 5: "RGB", 6: "DTM", 7: "DSM"}
"""The types of the data collections by id. Others are of type image."""

_UUID4 = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_LIBRARY_HEADERS = frozenset(
    ("accept", "accept-encoding", "connection", "content-length", "host", "user-agent", "cache-control")
)


@dataclass(frozen=True)
class Answer:
    """An answer in place of the generic one, for requests of this method and path (a glob, relative to the API).

    It is used `times` times (0: always). `text` and `content` are bodies other than JSON; `drop` closes the connection.
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
    """The server's side of a case: answers, the number of items in lists, and the poll at which jobs are complete."""

    answers: tuple[Answer, ...] = ()
    total: int = 3
    job_polls: int = 1
    group_polls: int = 2


@dataclass
class SentRequest:
    """What a client chose of a request: no headers of an HTTP library, no boundary of a form.

    The body is in `json`, or `form` and `files`, or its MD5 in `content`. Requests with the same `lane` are sent in
    order; those of different lanes run concurrently.
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
    """Parse a multipart/form-data body (RFC 7578) into fields and files. `after` counts the fields before a file."""
    fields: list[tuple[str, str]] = []
    files: list[dict[str, str]] = []
    for piece in (b"\r\n" + content).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        described = dict(re.findall(r'(name|filename)="([^"]*)"', head.decode()))
        field_name, file_name = described.get("name", ""), described.get("filename")
        if file_name is None:
            fields.append((field_name, body.decode()))
            continue
        kind = "".join(re.findall(r"(?im)^content-type: *(.*?)\s*$", head.decode()))
        placed = {"md5": hashlib.md5(body).hexdigest(), "after": str(len(fields))}
        files.append({"field": field_name, "name": file_name, "type": kind, **placed})
    return fields, files


def sent_of(method: str, target: str, headers: Sequence[tuple[str, str]], content: bytes) -> SentRequest:
    """Make the comparable form of a request."""
    parts = urlsplit(target)
    kept = {name.lower(): value for name, value in headers if name.lower() not in _LIBRARY_HEADERS}
    if "authorization" in kept:
        kept["authorization"] = re.sub(r"^Bearer token-\d+$", "Bearer (token)", kept["authorization"])
    if "x-request-id" in kept:
        kept["x-request-id"] = re.sub(_UUID4, "(uuid4)", kept["x-request-id"])
    kind, _, parameters = kept.get("content-type", "").partition(";")
    if kind == "multipart/form-data":
        kept["content-type"] = kind
    path = parts.path.removeprefix(API) if parts.path.startswith(API + "/") else parts.path
    sent = SentRequest(method, path, parse_qsl(parts.query, keep_blank_values=True), kept)
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
    """Answers the requests of one case."""

    def __init__(self, script: Script, origin: str) -> None:
        self.script = script
        self._origin = origin
        self._polls: Counter[str] = Counter()
        self._used: Counter[int] = Counter()
        self._names: dict[int, str] = {}
        self._attachments: dict[int, str] = {}
        self._created = 0
        self._groups = 0

    def scripted(self, method: str, path: str) -> Answer | None:
        """Return the case's own answer to this request, if any."""
        for number, each in enumerate(self.script.answers):
            if each.method == method and fnmatchcase(path, each.path) and not 0 < each.times <= self._used[number]:
                self._used[number] += 1
                return each
        return None

    def lane(self, sent: SentRequest) -> str | None:
        """Return the lane of a request that may run concurrently with others: one per file."""
        if sent.path.startswith("/storage/"):
            return sent.path
        if sent.path == "/attachments/update":
            number = dict(sent.query).get("attachment_id", "")
            return "/storage/attachments/" + quote(self._attachments.get(int(number), "") if number.isdigit() else "")
        return None

    def answer(self, sent: SentRequest) -> tuple[int, Any]:
        """Return the generic answer: the status, and the value for the JSON body (None: no body)."""
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
        self._polls[number] += 1
        completed = 0 < self.script.job_polls <= self._polls[number]
        status = "failed" if completed else "running"
        return {"id": number, "job_id": number, "name": "a job", "completed": completed, "status": status}

    def _new_group(self) -> dict[str, Any]:
        self._groups += 1
        return {"group_id": 60 + self._groups, "completed": False}

    def _group(self, number: str) -> dict[str, Any]:
        self._polls[f"group {number}"] += 1
        completed = 0 < self.script.group_polls <= self._polls[f"group {number}"]
        counts = {"total_jobs": 2, "success_count": 1 + completed, "failed_count": 0}
        return {"id": number, "group_id": number, "completed": completed, **counts}

    @staticmethod
    def _type_of(number: str) -> str:
        return COLLECTION_TYPES.get(int(number) if number.isdigit() else 0, "image")

    def _target(self, folder: str, name: str) -> dict[str, Any]:
        fields = {"key": f"{folder}/{name}", "Content-Type": "application/octet-stream", "policy": "pølse+/="}
        return {"name": name, "url": f"{self._origin}/storage/{folder}/{quote(name)}", "upload_fields": fields}

    def _upload(self, sent: SentRequest, collection: str, rest: Sequence[str]) -> Any:
        match sent.method, rest:
            case "POST", [] | ["multipart"]:
                return [self._upload_job(file) for file in sent.json["files"]][::-1]
            case "PUT", ["multiple_uploadFinished"]:
                jobs = [{"id": number, "status": "submitted"} for number in sent.json["job_ids"]]
                return {"group_job": self._new_group(), "upload_jobs": jobs}
            case "PUT", [number, "uploadFinished"]:
                return {"job": {"job_id": 51}, "upload_job": {"id": int(number)}}
        query = dict(sent.query)
        ids = query.get("ids", "").split(",") if query.get("ids") else []
        return [self._finished(int(number), collection) for number in ids] or self._page(query, ["upload_jobs"])

    def _upload_job(self, file: Mapping[str, Any]) -> dict[str, Any]:
        self._created += 1
        number = 100 + self._created
        name = file["name"]
        self._names[number] = name
        job = {"id": number, "status": "lobby", **self._target("files", name), "upload_parts": []}
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
            {"id": at, **self._target("support", each["name"])} for at, each in enumerate(file.get("support_files", []))
        ][::-1]
        return job

    def _finished(self, number: int, collection: str) -> dict[str, Any]:
        name = self._names.get(number, f"file {number}")
        if name.startswith("bad"):
            return {"id": number, "name": name, "status": "failed", "detail": {"why": "not a picture"}, "result": None}
        kind = self._type_of(collection)
        name_of_kind = kind if kind in ("image", "point_cloud") else "raster"
        result = {"resource_name": name_of_kind, "resource_id": number + 1000}
        return {"id": number, "name": name, "status": "validated_and_moved", "detail": None, "result": result}

    def _attachment(self, sent: SentRequest, rest: Sequence[str]) -> Any:
        match sent.method, rest:
            case "POST", []:
                made = []
                for number, file in enumerate(sent.json["files"], 81):
                    self._attachments[number] = file["name"]
                    target = self._target("attachments", file["name"])
                    params = {"url": target["url"], "fields": target["upload_fields"]}
                    made.append({"id": number, "name": file["name"], "status": "Pending", "upload_file_params": params})
                return made[::-1]
            case "PUT", ["update"]:
                query = dict(sent.query)
                number = int(query.get("attachment_id") or 0)
                return {"id": number, "name": self._attachments.get(number), "status": query.get("status")}
            case "GET", []:
                return self._page(dict(sent.query), ["attachments"])
        return {"id": 81, "answers": sent.label}
