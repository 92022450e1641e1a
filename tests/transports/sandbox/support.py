"""A client for the sandbox's tests: logs in, sends JSON, uploads. It uses the API, and nothing internal."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

from pydantic_core import to_json

from pixel_core.messages import Form, Headers, Origin, Request, Response, split_url
from pixel_transports.sandbox import SAMPLE_AREA, ManualClock, Sandbox

ORIGIN = Origin("http", "pixel.test", 80)
JPEG = b"\xff\xd8\xff\xe0 a picture of a field"
PNG = b"\x89PNG\r\n\x1a\n a map"
TIFF = b"II*\0 heights of a field"
LOGIN = {"client_id": "frontend", "username": "demo@example.com", "password": "demo", "scope": "openid email profile"}


def md5(content: bytes) -> str:
    """Return the MD5 as in `Content-MD5`."""
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def form_body(fields: dict[str, str], content: bytes, filename: str = "x.jpg") -> tuple[bytes, str]:
    """Return the bytes of a form, and its content type."""
    form = Form(tuple(fields.items()), filename, content, "b0undary")
    return b"".join(piece for piece in form.segments() if isinstance(piece, bytes)), form.content_type


def las(major: int = 1, minor: int = 4, point_format: int = 6) -> bytes:
    """Return the header of a LAS file."""
    head = bytearray(227)
    head[:4], head[24], head[25], head[104] = b"LASF", major, minor, point_format
    return bytes(head)


def names(records: list[dict[str, Any]]) -> list[str]:
    return [record["name"] for record in records]


class Caller:
    """One user of a sandbox, by default of one that takes parts of any size."""

    def __init__(self, sandbox: Sandbox | None = None, clock: ManualClock | None = None, **options: Any) -> None:
        self.clock = clock or ManualClock()
        options = {"min_part_bytes": 0, **options}
        self.sandbox = Sandbox(clock=self.clock, **options) if sandbox is None else sandbox
        self.job_seconds: float = options.get("job_seconds", 0.0)
        self.token: str | None = None
        self.origin: Origin = ORIGIN

    def raw(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Response:
        return self.sandbox(Request(method, self.origin, target, Headers(headers or {}), body))

    def token_request(self, **form: str) -> Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        path = f"/auth/realms/{self.sandbox.tenant.capitalize()}/protocol/openid-connect/token"
        return self.raw("POST", path, headers, urlencode(form).encode())

    def login(self) -> dict[str, Any]:
        response: dict[str, Any] = self.token_request(grant_type="password", **LOGIN).json()
        self.token = response["access_token"]
        return response

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
        """Call the API with bytes or JSON, after a login if there was none."""
        if self.token is None:
            self.login()
        fields = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None:
            fields["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else to_json(body)
        return self.raw(method, self.sandbox.api_path + path, fields, body or b"")

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API and return the JSON of the response, which has to be a 200."""
        response = self.call(method, path, body)
        assert response.status == 200, response.body
        return response.json()

    def status(self, method: str, path: str, body: Any = None) -> int:
        """Call the API and return the status."""
        return self.call(method, path, body).status

    def error_loc(self, method: str, path: str, body: Any = None) -> list[Any]:
        """Call the API and return the location of the first validation error."""
        response = self.call(method, path, body)
        assert response.status == 422, response.body
        loc: list[Any] = response.json()["detail"][0]["loc"]
        return loc

    def resource(self, place: str, content: bytes = JPEG, name: str = "a.jpg", **more: Any) -> int:
        """Upload a file and return the id of its resource."""
        return int(self.upload(place, content, name, **more)["result"]["resource_id"])

    def project(self, name: str = "Coast", **more: Any) -> int:
        body = {"name": name, "description": "d", "area_of_interest": SAMPLE_AREA, **more}
        return int(self.ok("POST", "/projects/", body)["id"])

    def collection(self, project_id: int, kind: str = "image", **more: Any) -> int:
        body = {"name": "Photos", "description": "d", "data_collection_type": kind, **more}
        return int(self.ok("POST", f"/projects/{project_id}/data_collections/", body)["id"])

    def place(self, kind: str = "image") -> str:
        """Return the path of a new data collection in a new project."""
        project_id = self.project()
        return f"/projects/{project_id}/data_collections/{self.collection(project_id, kind)}"

    def move(self, place: str, key: int, target: str) -> Response:
        """Move a resource from `place` (a collection's path with its kind) to the collection `target`."""
        project_id, collection_id = target.split("/")[2::2]
        query = f"new_project_id={project_id}&new_data_collection_id={collection_id}"
        return self.call("PUT", f"{place}/{key}/move?{query}")

    def post_form(self, url: str, fields: dict[str, str], content: bytes) -> Response:
        body, content_type = form_body(fields, content)
        origin, target = split_url(url)
        return self.sandbox(Request("POST", origin, target, Headers({"Content-Type": content_type}), body))

    def put(self, url: str, headers: dict[str, str], content: bytes) -> Response:
        origin, target = split_url(url)
        return self.sandbox(Request("PUT", origin, target, Headers(headers), content))

    def upload_job(self, place: str, content: bytes, name: str = "a.jpg", **more: Any) -> dict[str, Any]:
        body = {"files": [{"name": name, "md5": md5(content), **more}]}
        job: dict[str, Any] = self.ok("POST", f"{place}/upload_jobs/", body)[0]
        return job

    def read_upload_job(self, place: str, job_id: int) -> dict[str, Any]:
        job: dict[str, Any] = self.ok("GET", f"{place}/upload_jobs/?ids={job_id}&limit=1")[0]
        return job

    def upload(self, place: str, content: bytes = JPEG, name: str = "a.jpg", **more: Any) -> dict[str, Any]:
        """Upload a file, wait, and return the finished upload job."""
        job = self.upload_job(place, content, name, **more)
        assert self.post_form(job["url"], job["upload_fields"], content).status == 204
        self.ok("PUT", f"{place}/upload_jobs/{job['id']}/uploadFinished")
        self.clock.advance(max(1, self.job_seconds))
        return self.read_upload_job(place, job["id"])
