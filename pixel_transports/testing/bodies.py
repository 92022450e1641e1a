"""Bodies and whole requests as a person can read them, and an answer made of that again.

Rules kept here:

* A body is `json` where it is JSON, `form` where it is a form, `text` where it is text, and otherwise `base64`. Of what
  is sent and is neither, only the size and the SHA-256 are told where it is long, and of a file in a form always: that
  is enough to know it again.
* A form's boundary is drawn anew each time, so it is no part of what is told.
* Secrets are hidden on the way (`Redactor`).
"""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from pixel_core.messages import Form, Headers, Request, Response
from pixel_transports.sandbox.multipart import FormError, parse_boundary, parse_form
from pixel_transports.testing.secrets import Redactor, open_headers, query_of

LONG = 4096
"""Above it, what is sent and is no text is told by its digest, in bytes."""

_KEPT = frozenset({"content-type", "etag", "retry-after", "location", "date", "x-request-id"})
"""Header fields of answers that the library reads, or that people look for."""


def request_fields(request: Request, body: bytes, redactor: Redactor) -> dict[str, Any]:
    """What of a request makes it that request: its method, path, query and body."""
    redactor.learn_headers(request.headers)
    told: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.query:
        told["query"] = redactor.value(query_of(request.query))
    content = _told_body(body, _content_type(request), redactor, sent=True)
    if content:
        told["body"] = content
    return told


def response_fields(response: Response, redactor: Redactor) -> dict[str, Any]:
    """An answer: its status, those of its header fields that are read, its body."""
    redactor.learn_headers(response.headers, sent=False)
    told: dict[str, Any] = {"status": response.status}
    headers = {name: redactor.text(value) for name, value in open_headers(response.headers) if name.lower() in _KEPT}
    if headers:
        told["headers"] = headers
    content = _told_body(response.body, response.headers.get("Content-Type", ""), redactor, sent=False)
    if content:
        told["body"] = content
    return told


def response_of(told: dict[str, Any]) -> Response:
    """The answer that was told. Raises KeyError, TypeError, ValueError for what no recorder writes."""
    body = told.get("body", {})
    if "json" in body:
        content = to_json(body["json"])
    elif "text" in body:
        content = body["text"].encode()
    else:
        content = base64.b64decode(body.get("base64", ""))
    return Response(told["status"], Headers(told.get("headers", {})), content)


def _content_type(request: Request) -> str:
    given = request.headers.get("Content-Type", "")
    return request.body.content_type if isinstance(request.body, Form) else given


def _told_body(body: bytes, content_type: str, redactor: Redactor, sent: bool) -> dict[str, Any]:
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return {"form": redactor.value(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))}
    if kind == "multipart/form-data":
        try:
            form = parse_form(body, parse_boundary(content_type))
        except FormError:
            pass
        else:
            file = {"name": form.filename, **_digest(bytes(form.content or b""))}
            return {"form": redactor.value(dict(form.fields)), "file": file}
    if not kind or "json" in kind:
        try:
            return {"json": redactor.value(from_json(body, allow_inf_nan=False))}
        except ValueError:
            pass
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text and all(letter.isprintable() or letter in "\r\n\t" for letter in text):
        return {"text": redactor.text(text)}
    return _digest(body) if sent and len(body) > LONG else {"base64": body}


def _digest(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def in_base64(told: Any) -> Any:
    """What was told, with bytes as base64: ready for JSON."""
    if isinstance(told, dict):
        return {name: in_base64(each) for name, each in told.items()}
    if isinstance(told, list):
        return [in_base64(each) for each in told]
    return base64.b64encode(told).decode() if isinstance(told, bytes) else told
