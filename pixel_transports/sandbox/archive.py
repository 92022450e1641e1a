"""Keeps the state of a sandbox in a folder: records in a database, stored objects in files.

Rules kept here:

* What changed in a request is stored in one transaction, before the request gets its response.
* A file is complete before its object is stored, and is removed after its object was. Files without an object are those
  of requests that got no response; they are removed at the start.
* Requests that were received are not kept.
"""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pixel_transports.sandbox.database import Database, Row
from pixel_transports.sandbox.job_records import Job, JobGroup, PartSlot, Upload, UploadJob
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.keycloak import Keycloak, Session
from pixel_transports.sandbox.objects import ObjectFiles
from pixel_transports.sandbox.packing import pack, pack_object, unpack, unpack_object
from pixel_transports.sandbox.records import Collection, Project, Resource
from pixel_transports.sandbox.service_records import (
    AnalysisService,
    AnalysisTask,
    ArcgisService,
    Attachment,
    HarvestService,
    HarvestTask,
    Optimized,
)
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.tokens import TokenIssuer, random_first_id
from pixel_transports.sandbox.tracking import Changes
from pixel_transports.sandbox.users import Account, Accounts

_NONE: Mapping[Any, Any] = {}


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of record. `home` returns the mapping that has it by `key`, `restore` puts it there."""

    name: str
    home: Callable[[Any], Mapping[Any, Any]]
    restore: Callable[[Any], object]
    key: Callable[[Any], int | str] = lambda record: record.id


class Archive:
    """The folder of one sandbox. Raises OSError if it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder)
        self._changes = Changes()
        self._counters: tuple[int, int] | None = None
        self.files: ObjectFiles = ObjectFiles(folder / "objects", memory_bytes=0)
        meta = dict(self._database.read("meta"))
        if not meta:
            # Ids of another folder are not those of this one.
            meta = {"secret": json.dumps(secrets.token_hex(32)), "ids": str(random_first_id())}
            self._database.write([("meta", name, text) for name, text in meta.items()], ())
        self.secret: bytes = bytes.fromhex(json.loads(meta["secret"]))
        self._first_id, self._issued = int(meta["ids"]), int(meta.get("issued", "0"))

    def close(self) -> None:
        """Close the database. Can be called again."""
        self._database.close()

    def attach(self, state: State, accounts: Accounts, keycloak: Keycloak, jobs: Jobs, issuer: TokenIssuer) -> None:
        """Restore the records, and note their changes from now on."""
        self._state, self._issuer, self._jobs = state, issuer, jobs
        issuer.issued, state.ids = self._issued, count(self._first_id)
        self._kinds = _kinds(state, accounts, keycloak, jobs)
        self._uploads: dict[str, Upload] = {}
        self._resources: dict[int, Resource] = {}
        for record_type, kind in self._kinds.items():
            if kind.name == "optimized":
                self._restore_objects()
            for _, text in self._database.read(kind.name):
                try:
                    self._restore(kind, record_type(**unpack(text, lambda kind, key: self._find(accounts, kind, key))))
                except KeyError:
                    # What it belongs to was deleted, and it with that.
                    continue
        self._resources.clear()
        self._remove_unused_files()
        if not any(self._database.read("account")):
            with self.changes():
                self._changes.records = {id(each): each for each in accounts.by_id.values()}

    def _find(self, accounts: Accounts, kind: str, key: Any) -> Any:
        if kind == "piece":
            return self.files.piece(*key)
        found: dict[str, Mapping[Any, Any]] = {
            "job": self._state.jobs,
            "resource": self._resources,
            "account": accounts.by_id,
        }
        return found[kind][key]

    def _restore(self, kind: _Kind, record: Any) -> None:
        if isinstance(record, Resource):
            self._resources[record.id] = record
        if isinstance(record, UploadJob) and record.main.upload_id is not None:
            self._uploads[record.main.upload_id] = record.main
            if record.main.is_open:
                self._state.uploads[record.main.upload_id] = record.main
        if isinstance(record, PartSlot):
            self._uploads[record.upload_id].parts[record.number] = record
        kind.restore(record)

    def _restore_objects(self) -> None:
        for key, text in self._database.read("object"):
            self._state.objects[str(key)] = unpack_object(text, self.files.piece)

    def _remove_unused_files(self) -> None:
        used = {piece.number for stored in self._state.objects.values() for piece in stored.pieces}
        parts = (part.content for upload in self._uploads.values() for part in upload.parts.values())
        self.files.keep_only(used | {piece.number for piece in parts if piece is not None})

    @contextmanager
    def changes(self) -> Iterator[None]:
        """Store what changes inside, also if an exception leaves it. Raises OSError if it cannot be stored.

        What could not be stored is stored with the next change.
        """
        try:
            with self._changes.recording():
                yield
        finally:
            self._store()

    def _store(self) -> None:
        noted, state = self._changes, self._state
        if not (noted.records or noted.keys):
            return
        put: list[Row] = []
        removed: list[tuple[str, int | str]] = []
        for record in noted.records.values():
            kind = self._kinds[type(record)]
            key = kind.key(record)
            if kind.home(record).get(_place(record)) is record:
                put.append((kind.name, key, pack(record)))
            else:
                removed.append((kind.name, key))
        for name in noted.keys:
            stored = state.objects.get(name)
            if stored is None:
                removed.append(("object", name))
            else:
                put.append(("object", name, pack_object(stored)))
        self._first_id = next(state.ids)
        state.ids = count(self._first_id)
        put += [("meta", "ids", str(self._first_id)), ("meta", "issued", str(self._issuer.issued))]
        self._database.write(put, removed)
        noted.records.clear()
        noted.keys.clear()
        dropped, noted.dropped = noted.dropped, []
        self.files.drop(dropped)

    def records(self) -> Iterable[tuple[str, int | str, str]]:
        """Return all stored rows: kind, id and body."""
        names = [*(kind.name for kind in self._kinds.values()), "object"]
        return [(name, key, text) for name in names for key, text in self._database.read(name)]


def _place(record: Any) -> Any:
    return record.number if isinstance(record, PartSlot) else record.id


def _kinds(state: State, accounts: Accounts, keycloak: Keycloak, jobs: Jobs) -> dict[type, _Kind]:
    """Return the kinds by type, in the order in which they are restored: those that are referred to come first."""

    def put(home: Callable[[Any], Any]) -> Callable[[Any], None]:
        def restore(record: Any) -> None:
            home(record)[record.id] = record

        return restore

    def plain(name: str, home: Callable[[Any], Any]) -> _Kind:
        return _Kind(name, home, put(home))

    def owned(name: str, services: Mapping[int, Any]) -> _Kind:
        return _Kind(
            name,
            lambda task: services[task.service_id].tasks if task.service_id in services else _NONE,
            lambda task: services[task.service_id].tasks.update({task.id: task}),
        )

    return {
        Account: _Kind("account", lambda _: accounts.by_id, accounts.put),
        Session: plain("session", lambda _: keycloak.sessions),
        Project: plain("project", lambda _: state.projects),
        Collection: plain("collection", lambda _: state.collections),
        Job: _Kind("job", lambda _: state.jobs, jobs.put),
        JobGroup: _Kind("group", lambda _: state.groups, jobs.put_group),
        Resource: _Kind("resource", lambda record: state.resources[record.kind], state.add_resource),
        Optimized: _Kind("optimized", lambda _: state.optimized, state.add_optimized),
        Attachment: _Kind("attachment", lambda each: state.attachments[each.owner], state.add_attachment),
        ArcgisService: plain("arcgis", lambda service: state.arcgis_services[service.service_type]),
        HarvestService: plain("harvest", lambda _: state.harvest_services),
        HarvestTask: owned("harvest_task", state.harvest_services),
        AnalysisService: plain("analysis", lambda _: state.analysis_services),
        AnalysisTask: owned("analysis_task", state.analysis_services),
        UploadJob: plain("upload_job", lambda job: state.upload_jobs[job.collection_id]),
        PartSlot: _Kind("part", lambda part: {part.number: part}, lambda _: None, lambda part: part.key),
    }
