"""The requests that send a file to the object storage.

Rules kept here:

* Files are matched with the server's response by name, parts by number, never by position.
* All requests of a file are made, and the response is checked, before the first is sent.
* Each request has the MD5 of its bytes, so that the response of the storage can be checked.
"""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from pixel_core.effects import Flow, Random
from pixel_core.messages import FileSlice, Form, Headers, Meter, Segment
from pixel_core.session.answers import Field
from pixel_core.session.session import Session
from pixel_core.uploads.plans import HashedFile
from pixel_core.values import value


@value
class StorageRequest:
    """One request to the object storage: a part (its `number`, from 1) or a whole file (0), of `size` bytes."""

    number: int
    size: int
    meter: Meter
    send: Callable[[], Flow[None]]


def storage_requests(
    session: Session, hashed: HashedFile, job: Field, stored: Collection[int] = ()
) -> list[StorageRequest]:
    """The requests of a file and of its support files, without the parts in `stored`. Raises PixelProtocolError when
    the upload job lacks a field.
    """
    session = session.for_file(hashed.file.path, job.field("id").value)
    if hashed.file.multipart:
        made = _parts(session, hashed, job, stored)
    else:
        made = [whole(session, hashed, job.field("url").url(), job.field("upload_fields").texts())]
    for each, found in zip(hashed.support_files, _support_jobs(hashed, job), strict=True):
        made.append(whole(session, each, found.field("url").url(), found.field("upload_fields").texts()))
    return made


def is_for(job: Any, hashed: HashedFile) -> bool:
    """True if an upload job takes exactly the bytes of a file and of its support files: if it signs their MD5s."""
    try:
        forms = [each["upload_fields"] for each in (job, *(job.get("support_files") or ()))]
        headers = [part["headers"] for part in job.get("upload_parts") or ()]
        signed = Counter(text for fields in (*forms, *headers) for text in (fields or {}).values())
    except (AttributeError, LookupError, TypeError):  # It is listed without them, or in another form.
        return False
    return not Counter([*hashed.digests, *(each.digests[0] for each in hashed.support_files)]) - signed


def whole(session: Session, hashed: HashedFile, url: str, fields: tuple[tuple[str, str], ...]) -> StorageRequest:
    """The request of a file that is sent whole, as a form."""
    meter = Meter()
    content: Segment = _metered(hashed.file.slices[0], meter) if hashed.content is None else hashed.content
    name, md5 = hashed.file.name, hashed.digests[0]

    def send() -> Flow[None]:
        boundary = f"{(yield from Random()):032x}"
        yield from session.store("POST", url, Form(fields, name, content, boundary), md5=md5, meter=meter)

    return StorageRequest(0, hashed.file.size, meter, send)


def _metered(piece: FileSlice, meter: Meter) -> FileSlice:
    return FileSlice(piece.path, piece.offset, piece.length, meter)


def _support_jobs(hashed: HashedFile, job: Field) -> list[Field]:
    if not hashed.support_files:
        return []
    jobs = job.field("support_files")
    by_name = {each.field("name").text(): each for each in jobs.items()}
    for each in hashed.support_files:
        if each.file.name not in by_name:
            raise jobs.wrong(f"a list with {each.file.name!r} in it", "lacks it")
    return [by_name[each.file.name] for each in hashed.support_files]


def _parts(session: Session, hashed: HashedFile, job: Field, stored: Collection[int]) -> list[StorageRequest]:
    parts = job.field("upload_parts")
    by_number = {part.field("part_number").integer(): part for part in parts.items()}
    numbers = range(1, len(hashed.file.slices) + 1)
    if sorted(by_number) != list(numbers):
        raise parts.wrong(f"a list of the parts 1 to {len(numbers)}", f"has the parts {sorted(by_number)}")
    targets = [(by_number[number].field("url").url(), by_number[number].field("headers").texts()) for number in numbers]

    def piece(number: int, url: str, headers: Headers) -> StorageRequest:
        meter = Meter()
        content, md5 = _metered(hashed.file.slices[number - 1], meter), hashed.digests[number - 1]

        def send() -> Flow[None]:
            yield from session.store("PUT", url, content, headers, md5=md5, meter=meter)

        return StorageRequest(number, content.length, meter, send)

    return [
        piece(number, url, Headers(headers)) for number, (url, headers) in enumerate(targets, 1) if number not in stored
    ]
