"""The flows of uploads: from paths to resources.

Errors that are known beforehand are raised before anything is created: a missing file, equal names, a missing part
size. Each file is in exactly one of the two lists of a multiple upload. An error that concerns all files is raised only
while no file is on the server. A run of the journal is finished when all of its files are uploaded: until then, the
same call continues it, and uploads no file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pixel_core import models
from pixel_core.api.paths import collection_path
from pixel_core.api.recall import is_unchanged, recall
from pixel_core.api.upload_service import CollectionUploads, Kind
from pixel_core.effects import CancelEvent, Flow, OpenJournal, WriteJournal, watched
from pixel_core.errors import PixelCancelledError, PixelUploadJobError
from pixel_core.journal import JournalSnapshot
from pixel_core.session.session import Session
from pixel_core.uploads import FileSpec, PartSizing, PlannedFile, Transfer, TransferState, plan, upload
from pixel_core.uploads.names import assign_names

T = TypeVar("T")


class UploadCall:
    """One call that uploads: who listens to it, what cancels it, and its files, as soon as they are known."""

    def __init__(self, listener: Callable[[Any], object] | None = None, cancel: CancelEvent | None = None) -> None:
        self._listener = listener
        self._cancel = cancel
        self.total = 0
        self.uploaded = 0
        """The number of uploaded files that are not among `transfers`."""
        self.transfers: Sequence[Transfer] = ()

    def run(self, session: Session, lead: Callable[[Session], Flow[T]]) -> Flow[T]:
        """Run `lead(session)` with a session whose events have the id of the upload. The error of a cancelled upload
        has the counts of its files.
        """
        session = yield from session.for_upload()
        try:
            return (yield from watched(lead(session), self._listener, self._cancel))
        except PixelCancelledError as error:
            done = self.uploaded + sum(each.state is TransferState.DONE for each in self.transfers)
            text = f"The upload was cancelled: {done} of {self.total} files were uploaded. {_CONTINUES}"
            raise PixelCancelledError(text if self.total else str(error), done=done, total=self.total) from error


class UploadFlows:
    """The uploads of one kind to one data collection, as parts of a call."""

    def __init__(
        self, session: Session, kind: Kind, project_id: int, data_collection_id: int, call: UploadCall
    ) -> None:
        self._session = session
        self._kind = kind
        self._ids = (project_id, data_collection_id)
        self._call = call

    def one(
        self,
        path: object,
        multipart: bool,
        part_size: int | None,
        support_files: Sequence[object],
        metadata: models.Metadata | None,
    ) -> Flow[Any]:
        """Upload one file, and return its resource. Raises ValueError, FileNotFoundError, and the error of the file."""
        sizing = self.sizing(multipart, part_size)
        spec = FileSpec(str(path), tuple(str(each) for each in support_files), metadata_of(metadata))
        self._call.total = 1
        planned = yield from plan([spec], sizing)
        yield from self._check_collection()
        (transfer,), broken = yield from self._upload(planned, single=True)
        if transfer.error is not None:
            raise broken or transfer.error.__cause__ or transfer.error
        return transfer.resource

    def many(
        self, files: Sequence[models.PixelUploadFile], multipart: bool, part_size: int | None
    ) -> Flow[tuple[list[Any], list[PixelUploadJobError]]]:
        """Upload files, and return the resources of some and the errors of the others. Raises ValueError for equal
        names, FileNotFoundError, ValidationError, and an error that concerns all files while none is on the server.
        """
        transfers = yield from self.all(_specs(files), self.sizing(multipart, part_size))
        return split(transfers)

    def all(
        self,
        specs: Sequence[FileSpec],
        sizing: PartSizing,
        name_from: models.NameFrom | None = None,
        checked: bool = False,
    ) -> Flow[list[Transfer]]:
        """Upload files, and return the transfer of each: its name, and its resource or its error. With `name_from`, a
        file that the journal knows keeps its name. `checked` is for a data collection of the right type. Raises what
        `many` raises.
        """
        assign_names(name_from, ((each.path, each.name) for each in specs), _ADVICE)
        self._call.total = len(specs)
        planned = yield from plan(specs, sizing)
        if not planned:
            return []
        if not checked:
            yield from self._check_collection()
        transfers, broken = yield from self._upload(planned, single=False, name_from=name_from)
        if broken is not None and not any(each.handed_over for each in transfers):
            raise broken
        return transfers

    def sizing(self, multipart: bool, part_size: int | None) -> PartSizing:
        """How files are cut. Raises ValueError for multipart without a usable part size."""
        return PartSizing.from_keywords(self._session.options.multipart_threshold, multipart, part_size)

    def _upload(
        self, files: Sequence[PlannedFile], single: bool, name_from: models.NameFrom | None = None
    ) -> Flow[tuple[list[Transfer], Exception | None]]:
        """The transfers of all files, each at its end, and the error that stopped those that had not begun."""
        service = CollectionUploads(self._session, self._kind, *self._ids, single)
        transfers = self._call.transfers = [Transfer(file) for file in files]

        def lead(snapshot: JournalSnapshot) -> Flow[Exception | None]:
            if name_from is not None:
                _name(transfers, name_from, snapshot)
            yield from recall(service, transfers, snapshot)
            broken = yield from upload(service, self._session, transfers, self._kind.path, snapshot.run)
            if snapshot.run is not None and not any(each.error for each in transfers):
                yield from WriteJournal(snapshot.run, (), finish=True)
            return broken

        destination = destination_of(self._session, *self._ids)
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


def destination_of(session: Session, project_id: int, data_collection_id: int) -> str:
    """The name of a data collection in journals."""
    return f"{session.url}{collection_path(project_id, data_collection_id)} ({session.tokens.realm})"


def metadata_of(metadata: models.Metadata | None) -> dict[str, Any] | None:
    """Metadata as JSON."""
    if isinstance(metadata, models.MetadataObject):
        return metadata.body()
    return dict(metadata) if metadata else None


_CONTINUES = "With a journal, the same call continues it, and sends only what is missing"
_ADVICE = "Give one of each another `name`, or use upload_folder with `name_from`"


def split(transfers: Sequence[Transfer]) -> tuple[list[Any], list[PixelUploadJobError]]:
    """The resources of some files and the errors of the others."""
    return (
        [each.resource for each in transfers if each.error is None],
        [each.error for each in transfers if each.error is not None],
    )


def _specs(files: Sequence[models.PixelUploadFile]) -> list[FileSpec]:
    """Raises ValidationError."""
    specs = []
    for each in files:
        file = models.PixelUploadFile.model_validate(each)
        specs.append(spec_of(file))
    return specs


def spec_of(file: models.PixelUploadFile) -> FileSpec:
    """A file as the engine takes it."""
    supports = tuple(str(path) for path in file.support_files or ())
    metadata = file.metadata.body() if file.metadata else None
    return FileSpec(str(file.file), supports, metadata, file.name or "")


def _name(transfers: Sequence[Transfer], rule: models.NameFrom, snapshot: JournalSnapshot) -> None:
    """Give files their names, those that the journal knows the names that they have there. Raises ValueError."""
    kept = {
        path: entry.name
        for each in transfers
        if (entry := snapshot.entries.get(path := each.file.path)) and entry.name and is_unchanged(each.file, entry)
    }
    names = assign_names(rule, ((each.file.path, each.file.name) for each in transfers), _ADVICE, kept)
    for each, name in zip(transfers, names, strict=True):
        each.file = each.file.renamed(name)
