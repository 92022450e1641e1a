"""Compares the requests and the outcomes of two clients.

Rules kept here:

* Requests are paired by method and path, in order. Every part of a request is compared: query (decoded pairs, in
  order), headers that a client chose, JSON, form fields, files. What one side alone sent is a difference.
* Requests that may run side by side (those of different files, `SentRequest.lane`) are compared file by file.
* Repeated polling counts once.
* A difference says where: `query.ids`, `json.enabled`, `missing`, `outcome.error`, ... Allowed
  differences are in `differences.py`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from tests.support.operations.answering import SentRequest

KINDS = {
    "PixelBadRequestError": "refused",
    "PixelUploadJobError": "upload job failed",
    "HTTPStatusError": "status",
    "PixelStatusError": "status",
    "JSONDecodeError": "no JSON",
    "PixelProtocolError": "no JSON",
    "TransportError": "connection",
    "PixelConnectionError": "connection",
    "ValidationError": "ValidationError",
    "TimeoutError": "TimeoutError",
}
"""Equal kinds of errors, by their names in the reference (of httpx and json too) and in this library."""


@dataclass(frozen=True)
class Difference:
    """A difference: its place, the request (or the outcome), and the two values."""

    place: str
    where: str
    reference: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.place} ({self.where}): reference {_short(self.reference)}, ours {_short(self.ours)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 300 else text[:300] + "…"


_ABSENT = "(absent)"


def in_order(requests: Sequence[SentRequest]) -> list[SentRequest]:
    """The requests, with those of lanes sorted by lane, and without repeated polling."""
    ordered: list[SentRequest] = []
    lanes: list[SentRequest] = []
    for each in requests:
        if each.lane is None:
            ordered += sorted(lanes, key=_lane)
            ordered.append(each)
            lanes = []
        else:
            lanes.append(each)
    ordered += sorted(lanes, key=_lane)
    kept: list[SentRequest] = []
    for each in ordered:
        if kept and each == kept[-1] and _is_polling(each):
            continue
        kept.append(each)
    return kept


def _lane(sent: SentRequest) -> str:
    return sent.lane or ""


def _is_polling(sent: SentRequest) -> bool:
    """Whether it polls a job: the server's, or the upload jobs of some ids."""
    upload_jobs = sent.path.endswith("/upload_jobs/") and any(name == "ids" for name, _ in sent.query)
    return sent.method == "GET" and (sent.path.startswith("/jobs/") or upload_jobs)


def compare_requests(reference: Sequence[SentRequest], ours: Sequence[SentRequest]) -> Iterator[Difference]:
    """All differences between the requests of two clients."""
    left, right = in_order(reference), in_order(ours)
    matcher = SequenceMatcher(None, [each.label for each in left], [each.label for each in right], autojunk=False)
    for _, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        these, those = left[left_from:left_to], right[right_from:right_to]
        if [each.label for each in these] == [each.label for each in those]:
            for one, other in zip(these, those, strict=True):
                yield from _compare(one, other)
            continue
        for each in these:
            yield Difference("missing", each.label, _fields(each), _ABSENT)
        for each in those:
            yield Difference("extra", each.label, _ABSENT, _fields(each))


def _fields(sent: SentRequest) -> dict[str, Any]:
    fields = {"query": sent.query, "json": sent.json, "form": sent.form, "files": sent.files, "content": sent.content}
    return {name: value for name, value in fields.items() if value}


def _compare(one: SentRequest, other: SentRequest) -> Iterator[Difference]:
    yield from _pairs("query", one.label, one.query, other.query)
    yield from _mappings("header", one.label, one.headers, other.headers)
    yield from _json("json", one.label, one.json, other.json)
    yield from _pairs("form", one.label, one.form or [], other.form or [])
    yield from _files(one.label, one.files or [], other.files or [])
    if one.content != other.content:
        yield Difference("content", one.label, one.content, other.content)


def _pairs(
    place: str, where: str, one: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]
) -> Iterator[Difference]:
    found = False
    for name in dict.fromkeys(name for name, _ in (*one, *other)):
        these, those = [v for n, v in one if n == name], [v for n, v in other if n == name]
        if these != those:
            found = True
            yield Difference(f"{place}.{name}", where, these, those)
    if not found and list(one) != list(other):
        yield Difference(f"{place}, its order", where, list(one), list(other))


def _mappings(place: str, where: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys((*one, *other)):
        these, those = one.get(name, _ABSENT), other.get(name, _ABSENT)
        if not same(these, those):
            yield Difference(f"{place}.{name}", where, these, those)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are three things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _json(place: str, where: str, one: Any, other: Any) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            yield from _json(f"{place}.{name}", where, one.get(name, _ABSENT), other.get(name, _ABSENT))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (these, those) in enumerate(zip(one, other, strict=True)):
            yield from _json(f"{place}.{number}", where, these, those)
    elif not same(one, other):
        yield Difference(place, where, one, other)


def _files(where: str, one: Sequence[Mapping[str, str]], other: Sequence[Mapping[str, str]]) -> Iterator[Difference]:
    if len(one) != len(other):
        yield Difference("files, their number", where, len(one), len(other))
        return
    for these, those in zip(one, other, strict=True):
        yield from _mappings("file", where, these, those)


def kind_of(outcome: Mapping[str, Any]) -> str:
    """The kind of an error: that of the first of its classes in `KINDS`, or its own class."""
    names: list[str] = outcome["error"]
    return next((KINDS[name] for name in names if name in KINDS), names[0])


def _error_text(outcome: Mapping[str, Any]) -> str:
    return f"{outcome['error'][0]}: {outcome['message']}"


_HELD = {
    "refused": ("status_code", "method", "body", "json_resp_msg"),
    "upload job failed": ("job_id", "status", "detail"),
}


def without_origin(value: Any) -> Any:
    """A value without the ports of its URLs, since each run has a server of its own."""
    return json.loads(re.sub(r"http://127\.0\.0\.1:\d+", "http://server", json.dumps(value)))


def _simple(value: Any) -> Any:
    """A result with its errors reduced to their kind and attributes."""
    if isinstance(value, list):
        return [_simple(each) for each in value]
    if isinstance(value, dict) and set(value) == {"error", "message", "holds"}:
        kind = kind_of(value)
        return {"error": kind, **{name: value["holds"].get(name) for name in _HELD.get(kind, ())}}
    return value


def compare_outcomes(reference: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Difference]:
    """All differences between two outcomes: results, or kinds of errors and their attributes."""
    if "error" not in reference and "error" not in ours:
        one, other = (without_origin(_simple(each["result"])) for each in (reference, ours))
        yield from (replace(each, place=f"outcome.{each.place}") for each in _json("result", "result", one, other))
        return
    if "error" not in reference or "error" not in ours:
        one = _error_text(reference) if "error" in reference else reference["result"]
        other = _error_text(ours) if "error" in ours else ours["result"]
        yield Difference("outcome", "error here, result there", one, other)
        return
    kind = kind_of(reference)
    if kind != kind_of(ours):
        yield Difference("outcome.error", "error", _error_text(reference), _error_text(ours))
        return
    for name in _HELD.get(kind, ()):
        one, other = (without_origin(each["holds"].get(name)) for each in (reference, ours))
        if not same(one, other):
            yield Difference(f"outcome.error.{name}", "error", one, other)


def compare(
    reference: tuple[Sequence[SentRequest], Mapping[str, Any]], ours: tuple[Sequence[SentRequest], Mapping[str, Any]]
) -> list[Difference]:
    """All differences of two runs of a case: requests first, then the outcome."""
    return [*compare_requests(reference[0], ours[0]), *compare_outcomes(reference[1], ours[1])]
