"""The flows of uploads: from paths to resources.

Errors that are known beforehand are raised before anything is created: a missing file, equal names, a missing part
size. Each file is in exactly one of the two lists of a multiple upload. An error that concerns all files is raised only
while no file is on the server. A run of the journal is finished when all of its files are uploaded: until then, the
same call continues it, and uploads no file twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pixel_core import models
from pixel_core.api.paths import collection_path
from pixel_core.api.recall import recall
from pixel_core.api.upload_service import CollectionUploads, Kind
from pixel_core.effects import Flow, OpenJournal, WriteJournal
from pixel_core.errors import PixelUploadJobError
from pixel_core.journal import JournalSnapshot
from pixel_core.session.session import Session
from pixel_core.uploads import FileSpec, PartSizing, PlannedFile, Transfer, plan, upload


class UploadFlows:
    """The uploads of one kind to one data collection."""

    def __init__(self, session: Session, kind: Kind, project_id: int, data_collection_id: int) -> None:
        self._session = session
        self._kind = kind
        self._ids = (project_id, data_collection_id)

    def one(
        self,
        path: object,
        multipart: bool,
        part_size: int | None,
        support_files: Sequence[object],
        metadata: models.Metadata | None,
    ) -> Flow[Any]:
        """Upload one file, and return its resource. Raises ValueError, FileNotFoundError, and the error of the file."""
        sizing = PartSizing.from_keywords(self._session.options.multipart_threshold, multipart, part_size)
        spec = FileSpec(str(path), tuple(str(each) for each in support_files), metadata_of(metadata))
        (transfer,), broken = yield from self._upload((yield from plan([spec], sizing)), single=True)
        if transfer.error is not None:
            raise broken or transfer.error.__cause__ or transfer.error
        return transfer.resource

    def many(
        self, files: Sequence[models.PixelUploadFile], multipart: bool, part_size: int | None
    ) -> Flow[tuple[list[Any], list[PixelUploadJobError]]]:
        """Upload files, and return the resources of some and the errors of the others. Raises ValueError for equal
        names, FileNotFoundError, ValidationError, and an error that concerns all files while none is on the server.
        """
        sizing = PartSizing.from_keywords(self._session.options.multipart_threshold, multipart, part_size)
        planned = yield from plan(_specs(files), sizing)
        if not planned:
            return [], []
        transfers, broken = yield from self._upload(planned, single=False)
        if broken is not None and not any(each.handed_over for each in transfers):
            raise broken
        return (
            [each.resource for each in transfers if each.error is None],
            [each.error for each in transfers if each.error is not None],
        )

    def _upload(self, files: Sequence[PlannedFile], single: bool) -> Flow[tuple[list[Transfer], Exception | None]]:
        """The transfers of all files, each at its end, and the error that stopped those that had not begun."""
        yield from self._check_collection()
        service = CollectionUploads(self._session, self._kind, *self._ids, single)
        transfers = [Transfer(file) for file in files]

        def lead(snapshot: JournalSnapshot) -> Flow[Exception | None]:
            yield from recall(service, transfers, snapshot)
            broken = yield from upload(service, self._session, transfers, self._kind.path, snapshot.run)
            if snapshot.run is not None and not any(each.error for each in transfers):
                yield from WriteJournal(snapshot.run, (), finish=True)
            return broken

        destination = f"{self._session.url}{collection_path(*self._ids)} ({self._session.tokens.realm})"
        skip = self._session.options.skip_uploaded
        broken = yield from OpenJournal(destination, [each.path for each in files], lead, with_finished=skip)
        return transfers, broken

    def _check_collection(self) -> Flow[None]:
        answer = yield from self._session.call("GET", collection_path(*self._ids))
        found = answer.field("data_collection_type").text()
        if found not in self._kind.collection_types:
            project_id, data_collection_id = self._ids
            raise ValueError(
                f"Data collection is not {self._kind.noun} data collection: "
                f"{data_collection_id} of project {project_id} is of type {found!r}"
            )


def metadata_of(metadata: models.Metadata | None) -> dict[str, Any] | None:
    """Metadata as JSON."""
    if isinstance(metadata, models.MetadataObject):
        return metadata.body()
    return dict(metadata) if metadata else None


def _specs(files: Sequence[models.PixelUploadFile]) -> list[FileSpec]:
    """Raises ValueError for equal names, ValidationError."""
    specs = []
    names: set[str] = set()
    for each in files:
        file = models.PixelUploadFile.model_validate(each)
        if file.file.name in names:
            raise ValueError(f"All files must have unique names: there are two of the name {file.file.name!r}")
        names.add(file.file.name)
        supports = tuple(str(path) for path in file.support_files or ())
        specs.append(FileSpec(str(file.file), supports, file.metadata.body() if file.metadata else None))
    return specs
