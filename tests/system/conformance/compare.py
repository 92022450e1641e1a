"""Compares the requests and the outcomes of two clients.

* Requests are paired by method and path, in order; those of different files (`SentRequest.lane`) file by file.
* Every part of a request is compared. What one side alone sent is a difference. Repeated polling counts once.
* A difference says where: `query.ids`, `json.enabled`, `missing`, `outcome.error`, ...
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
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

_HELD = {
    "refused": ("status_code", "method", "body", "json_resp_msg"),
    "upload job failed": ("job_id", "status", "detail"),
}
"""The attributes of errors that are compared."""

_ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """A difference: its place, the request (or the outcome), and the two values."""

    place: str
    where: str
    reference: Any
    ours: Any

    def __str__(self) -> str:
        one, other = (json.dumps(each, ensure_ascii=False, default=str)[:300] for each in (self.reference, self.ours))
        return f"{self.place} ({self.where}): reference {one}, ours {other}"


def in_order(requests: Sequence[SentRequest]) -> list[SentRequest]:
    """The requests, with those of lanes sorted by lane, and without repeated polling."""
    ordered: list[SentRequest] = []
    for _, group in groupby(requests, lambda each: each.lane is None):
        ordered += sorted(group, key=lambda each: each.lane or "")
    pairs = zip([None, *ordered], ordered, strict=False)
    return [each for before, each in pairs if each != before or not _is_polling(each)]


def _is_polling(sent: SentRequest) -> bool:
    """Whether it polls a job: the server's, or the upload jobs of some ids."""
    upload_jobs = sent.path.endswith("/upload_jobs/") and any(name == "ids" for name, _ in sent.query)
    return sent.method == "GET" and (sent.path.startswith("/jobs/") or upload_jobs)


def compare_requests(reference: Sequence[SentRequest], ours: Sequence[SentRequest]) -> Iterator[Difference]:
    """All differences between the requests of two clients."""
    left, right = in_order(reference), in_order(ours)
    matcher = SequenceMatcher(None, [each.label for each in left], [each.label for each in right], autojunk=False)
    for what, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        these, those = left[left_from:left_to], right[right_from:right_to]
        if what == "equal":
            for one, other in zip(these, those, strict=True):
                yield from _compare(one, other)
            continue
        yield from (Difference("missing", each.label, each, _ABSENT) for each in these)
        yield from (Difference("extra", each.label, _ABSENT, each) for each in those)


def _compare(one: SentRequest, other: SentRequest) -> Iterator[Difference]:
    yield from _pairs("query", one.label, one.query, other.query)
    yield from _json("header", one.label, one.headers, other.headers)
    yield from _json("json", one.label, one.json, other.json)
    yield from _pairs("form", one.label, one.form or [], other.form or [])
    yield from _json("files", one.label, one.files or [], other.files or [])
    yield from _json("content", one.label, one.content, other.content)


def _pairs(
    place: str, where: str, one: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]
) -> Iterator[Difference]:
    these, those = ({name: tuple(v for n, v in pairs if n == name) for name, _ in pairs} for pairs in (one, other))
    yield from _json(place, where, these, those)
    if these == those and list(one) != list(other):
        yield Difference(f"{place}, its order", where, one, other)


def _json(place: str, where: str, one: Any, other: Any) -> Iterator[Difference]:
    """The differences of two values; 1, 1.0 and true are three things."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            yield from _json(f"{place}.{name}", where, one.get(name, _ABSENT), other.get(name, _ABSENT))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (these, those) in enumerate(zip(one, other, strict=True)):
            yield from _json(f"{place}.{number}", where, these, those)
    elif json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
        yield Difference(place, where, one, other)


def _simple(value: Any) -> Any:
    """A value with its errors reduced to their kind and attributes."""
    if isinstance(value, list):
        return [_simple(each) for each in value]
    if isinstance(value, dict) and set(value) == {"error", "message", "holds"}:
        names: list[str] = value["error"]
        kind = next((KINDS[name] for name in names if name in KINDS), names[0])
        return {"error": kind, **{name: value["holds"].get(name) for name in _HELD.get(kind, ())}}
    return value


def compare_outcomes(reference: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Difference]:
    """All differences between two outcomes: results, or kinds of errors and their attributes."""
    one, other = map(_comparable, (reference, ours))
    if ("error" in one) != ("error" in other):
        yield Difference("outcome", "error here, result there", reference, ours)
    elif one.get("error") != other.get("error"):
        yield Difference("outcome.error", "error", reference, ours)
    else:
        yield from _json("outcome", "outcome", one, other)


def _comparable(outcome: Mapping[str, Any]) -> Any:
    """An outcome without the ports of its URLs, since each run has a server of its own."""
    simple = {"result": _simple(outcome["result"])} if "result" in outcome else _simple(outcome)
    return json.loads(re.sub(r"http://127\.0\.0\.1:\d+", "http://server", json.dumps(simple)))


def compare(
    reference: tuple[Sequence[SentRequest], Mapping[str, Any]], ours: tuple[Sequence[SentRequest], Mapping[str, Any]]
) -> list[Difference]:
    """All differences of two runs of a case: requests first, then the outcome."""
    return [*compare_requests(reference[0], ours[0]), *compare_outcomes(reference[1], ours[1])]
