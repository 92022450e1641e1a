"""The flow of an upload whose files come one after another: each outcome is passed on as soon as it is known.

Rules kept here:

* Files are taken from their iterator, planned, and looked up in the journal in windows, when the engine needs them.
* A file that cannot be read is an outcome, not the end of the upload. What is no file at all, or an error of the
  iterator, is its end: the error is raised when the files before it are uploaded.
* The kind of the files is that of the data collection.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from pixel_core import models
from pixel_core.api.recall import fail_in_use, recall
from pixel_core.api.streaming import Receive, Results
from pixel_core.api.upload_flows import UploadCall, destination_of, spec_of
from pixel_core.api.upload_service import CollectionUploads, kind_of
from pixel_core.effects import ClaimFiles, Deliver, FileFacts, Flow, NextItems, OpenJournal, WriteJournal
from pixel_core.journal import JournalSnapshot
from pixel_core.session.session import Session
from pixel_core.uploads import FileSpec, PartSizing, PlannedFile, Transfer, TransferState, plan_each, upload


def stream_files(
    session: Session, ids: tuple[int, int], files: Any, multipart: bool, part_size: int | None, call: UploadCall
) -> Results[models.UploadOutcome]:
    """Upload the files of an iterable. Raises TypeError for no iterable, ValueError for multipart without part size."""
    sizing = PartSizing.from_keywords(session.options.multipart_threshold, multipart, part_size)
    iterator = files.__aiter__() if hasattr(files, "__aiter__") else iter(files)

    def flow(session: Session, receive: Receive[models.UploadOutcome]) -> Flow[None]:
        kind = yield from kind_of(session, ids)
        service = CollectionUploads(session, kind, *ids, single=False)

        def lead(snapshot: JournalSnapshot) -> Flow[None]:
            stream = IteratorFiles(iterator, sizing, service, snapshot.run, receive, call)
            broken = yield from upload(service, session, (), kind.path, snapshot.run, stream)
            broken = broken or stream.error
            if broken is not None:
                raise broken
            if snapshot.run is not None and not stream.failed:
                yield from WriteJournal(snapshot.run, (), finish=True)

        skip = session.options.skip_uploaded
        yield from OpenJournal(destination_of(session, *ids), (), lead, with_finished=skip)

    return Results(lambda receive: call.run(session, lambda session: flow(session, receive)))


class IteratorFiles:
    """The `FileStream` of an iterator. `failed` is true if a file was not uploaded, `error` is what ended the iterator
    before its end.
    """

    def __init__(
        self,
        files: Any,
        sizing: PartSizing,
        service: CollectionUploads,
        run: Any,
        receive: Receive[models.UploadOutcome],
        call: UploadCall,
    ) -> None:
        self.failed: bool = False
        self.error: Exception | None = None
        self._files = files
        self._sizing = sizing
        self._service = service
        self._run = run
        self._receive = receive
        self._call = call

    def next_files(self, most: int) -> Flow[list[Transfer]]:
        """Plan the next files, and look them up in the journal."""
        specs: list[FileSpec] = []
        items = [] if self.error is not None else (yield from NextItems(self._files, most))
        for item in items:
            try:
                specs.append(_spec_of(item))
            except Exception as error:
                self.error = error
                break
        planned = yield from plan_each(specs, self._sizing)
        transfers = [_transfer_of(*each) for each in zip(specs, planned, strict=True)]
        self._call.total += len(transfers)
        found: dict[str, Transfer] = {}
        for each in transfers:
            if not each.over and found.setdefault(each.file.path, each) is not each:
                fail_in_use(each)
        if self._run is not None and found:
            snapshot = yield from ClaimFiles(self._run, list(found))
            yield from recall(self._service, list(found.values()), snapshot)
        return transfers

    def deliver(self, ended: Sequence[Transfer]) -> Flow[None]:
        """Pass on outcomes."""
        self.failed = self.failed or any(each.error is not None for each in ended)
        self._call.uploaded += sum(each.error is None for each in ended)
        outcomes = [models.UploadOutcome(each.file.path, each.resource, each.error) for each in ended]
        yield from Deliver(self._receive, outcomes)


def _spec_of(item: Any) -> FileSpec:
    """Raises ValidationError for what is no file, and an exception that stands for an item."""
    if isinstance(item, Exception):
        raise item
    if isinstance(item, (str, PurePath)):
        return FileSpec(str(item))
    return spec_of(models.PixelUploadFile.model_validate(item))


def _transfer_of(spec: FileSpec, planned: PlannedFile | Exception) -> Transfer:
    """The transfer of a file; one that cannot be planned has failed."""
    if not isinstance(planned, Exception):
        return Transfer(planned)
    transfer = Transfer(PlannedFile(spec.path, FileFacts(0, 0), ()), state=TransferState.FAILED)
    transfer.fail("not_read", str(planned), planned)
    return transfer
