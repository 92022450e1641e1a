"""Requests and responses as readable fields, and responses made from fields.

Rules kept here:

* A body is stored as `json`, `form`, `text` or else `base64`. A long binary body of a request, and a file in a form, is
  stored as its size and SHA-256, which is enough to compare it.
* The boundary of a form is random, so it is not stored.
* Secrets are hidden (`Redactor`).
"""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

from pixel_core.messages import Form, Headers, Request, Response
from pixel_transports.sandbox.multipart import FormError, parse_boundary, parse_form
from pixel_transports.testing.secrets import Redactor, open_headers, parse_query

LONG = 4096
"""Binary bodies of requests above this size are stored as a digest, in bytes."""

_KEPT = frozenset({"content-type", "etag", "retry-after", "location", "date", "x-request-id"})
"""Header fields of responses that are stored."""


def request_fields(request: Request, body: bytes, redactor: Redactor) -> dict[str, Any]:
    """The method, path, query and body of a request."""
    redactor.learn_headers(request.headers)
    fields: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.query:
        fields["query"] = redactor.value(parse_query(request.query))
    content = _body_fields(body, _content_type(request), redactor, sent=True)
    if content:
        fields["body"] = content
    return fields


def response_fields(response: Response, redactor: Redactor) -> dict[str, Any]:
    """The status, the stored header fields and the body of a response."""
    redactor.learn_headers(response.headers, sent=False)
    fields: dict[str, Any] = {"status": response.status}
    headers = {name: redactor.text(value) for name, value in open_headers(response.headers) if name.lower() in _KEPT}
    if headers:
        fields["headers"] = headers
    content = _body_fields(response.body, response.headers.get("Content-Type", ""), redactor, sent=False)
    if content:
        fields["body"] = content
    return fields


def parse_response(fields: dict[str, Any]) -> Response:
    """Make a response from its fields. Raises KeyError, TypeError, ValueError for wrong fields."""
    body = fields.get("body", {})
    if "json" in body:
        content = to_json(body["json"])
    elif "text" in body:
        content = body["text"].encode()
    else:
        content = base64.b64decode(body.get("base64", ""))
    return Response(fields["status"], Headers(fields.get("headers", {})), content)


def _content_type(request: Request) -> str:
    return request.body.content_type if isinstance(request.body, Form) else request.headers.get("Content-Type", "")


def _body_fields(body: bytes, content_type: str, redactor: Redactor, sent: bool) -> dict[str, Any]:
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


def to_json_value(value: Any) -> Any:
    """The same value with bytes as base64, and text as plain `str`, ready for JSON."""
    if isinstance(value, dict):
        return {name: to_json_value(each) for name, each in value.items()}
    if isinstance(value, list):
        return [to_json_value(each) for each in value]
    if isinstance(value, str):
        return str(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
