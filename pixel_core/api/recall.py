"""Recall: where the files of an interrupted upload continue, by the server's upload job and the journal.

Rules kept here:

* The server decides: a table of the status of the upload job and the state in the journal gives the action.
* A file that changed since, and one whose metadata or name is to be another, is uploaded again.
* A file that may be on the server is not uploaded again while that is unknown.
"""

import enum
from collections.abc import Sequence
from contextlib import suppress

from pixel_core.api.upload_service import DONE, CollectionUploads, resource_of
from pixel_core.effects import Flow
from pixel_core.errors import PixelNotFoundError, PixelProtocolError
from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
from pixel_core.messages import Response
from pixel_core.session.answers import Answer, Field
from pixel_core.uploads import HashedFile, PlannedFile, Transfer, TransferState
from pixel_core.uploads.transfers import NOT_CONFIRMED, NOT_LISTED, NOT_UPLOADED, UNDER_WAY


class JobStatus(enum.Enum):
    """The status of an upload job on the server."""

    UNLISTED = "there is none"
    LOBBY = "it waits for the file"
    UNDER_WAY = "the file is in validation"
    DONE = "the file is a resource"
    REFUSED = "the file was not accepted"


class Action(enum.Enum):
    """How a file continues."""

    RESTART = "upload it from the start"
    SEND = "send what is not stored to the upload job in the journal"
    FINISH = "ask the server to finish its upload job"
    AWAIT = "wait for the end of its validation"
    LOOK_UP = "read the resource that the upload job names"
    LOOK_UP_RECORDED = "read the resource that the journal names"
    SEARCH = "upload it from the start, unless a resource has its name: that may be the file, or an older one"


_STATES = (JournalState.DECLARED, JournalState.SENT, JournalState.FINISHING, JournalState.DONE)

_ROWS = {
    JobStatus.UNLISTED: (Action.RESTART, Action.RESTART, Action.SEARCH, Action.LOOK_UP_RECORDED),
    JobStatus.LOBBY: (Action.SEND, Action.FINISH, Action.FINISH, Action.RESTART),
    JobStatus.UNDER_WAY: (Action.AWAIT, Action.AWAIT, Action.AWAIT, Action.AWAIT),
    JobStatus.DONE: (Action.LOOK_UP, Action.LOOK_UP, Action.LOOK_UP, Action.LOOK_UP),
    JobStatus.REFUSED: (Action.RESTART, Action.RESTART, Action.RESTART, Action.RESTART),
}

ACTIONS: dict[tuple[JobStatus, JournalState], Action] = {
    (status, state): action for status, row in _ROWS.items() for state, action in zip(_STATES, row, strict=True)
}
"""The action for each status and each state that is read from a journal."""


def recall(service: CollectionUploads, transfers: Sequence[Transfer], snapshot: JournalSnapshot) -> Flow[None]:
    """Set the state of files that the journal knows. Files that another program uploads fail."""
    known: list[tuple[Transfer, JournalEntry]] = []
    for transfer in transfers:
        entry = snapshot.entries.get(transfer.file.path)
        if transfer.file.path in snapshot.taken:
            fail_in_use(transfer)
        elif entry is not None and is_unchanged(transfer.file, entry):
            known.append((transfer, entry))
    if not known:
        return
    jobs = yield from service.jobs([entry.job_id for _, entry in known if entry.job_id is not None])
    for transfer, entry in known:
        job = None if entry.job_id is None else jobs.get(entry.job_id)
        try:
            action = action_for(job, entry, transfer.file)
            _apply(action, transfer, entry, job)
        except PixelProtocolError as error:  # It may be on the server.
            transfer.fail(NOT_CONFIRMED, str(error), error)
            transfer.state = TransferState.FAILED
        else:
            if action is Action.SEARCH:
                yield from _search(service, transfer, entry)
    yield from _look_up(service, [transfer for transfer, _ in known if transfer.became])


def fail_in_use(transfer: Transfer) -> None:
    """Fail a file that is being uploaded already."""
    transfer.fail("in_use", "it is being uploaded to the same data collection, by this or another program")
    transfer.state = TransferState.FAILED


def action_for(job: Field | None, entry: JournalEntry, file: PlannedFile) -> Action:
    """The action for an upload job and a journal entry. Raises PixelProtocolError for a job without a status."""
    status = job_status(job)
    if status is JobStatus.LOBBY and (entry.metadata, entry.name or file.name) != (file.metadata_digest, file.name):
        return Action.RESTART
    return ACTIONS.get((status, entry.state), Action.RESTART)


def job_status(job: Field | None) -> JobStatus:
    """The status of an upload job. Raises PixelProtocolError for a job without one."""
    if job is None:
        return JobStatus.UNLISTED
    status = job.field("status").text()
    if status == "lobby":
        return JobStatus.LOBBY
    if status in UNDER_WAY:
        return JobStatus.UNDER_WAY
    return JobStatus.DONE if status == DONE else JobStatus.REFUSED


def _apply(action: Action, transfer: Transfer, entry: JournalEntry, job: Field | None) -> None:
    match action:
        case Action.LOOK_UP if job is not None:
            transfer.job_id, transfer.became = entry.job_id, resource_of(job)
        case Action.LOOK_UP_RECORDED:
            transfer.became = entry.resource
        case Action.AWAIT:
            transfer.job_id, transfer.trouble, transfer.state = entry.job_id, NOT_CONFIRMED, TransferState.SENT
        case Action.FINISH:
            transfer.job_id, transfer.state = entry.job_id, TransferState.SENT
        case Action.SEND:
            _continue_sending(transfer, entry)


def _continue_sending(transfer: Transfer, entry: JournalEntry) -> None:
    """Continue with the upload job in the journal, if the file is cut as before. It is not hashed again."""
    file, count = transfer.file, len(transfer.file.slices)
    fits = file.part_size == entry.part_size and len(entry.digests) == count + len(file.support_files)
    if entry.target is None or not fits:
        return
    supports = tuple(
        HashedFile(support, (digest,))
        for support, digest in zip(file.support_files, entry.digests[count:], strict=True)
    )
    transfer.hashed = HashedFile(file, entry.digests[:count], supports)
    answer = Answer(Response(200), f"the upload job {entry.job_id} in the journal", "")
    transfer.job = Field(answer, "", entry.target)
    transfer.job_id = entry.job_id
    transfer.parts = set(entry.parts)
    transfer.state = TransferState.SENDING


def _search(service: CollectionUploads, transfer: Transfer, entry: JournalEntry) -> Flow[None]:
    if (yield from service.may_have(transfer.file.name)):
        transfer.job_id = entry.job_id
        transfer.fail(
            NOT_CONFIRMED,
            f"the server was asked to finish upload job {entry.job_id}, and does not list it any more; it lists a "
            "resource of this name, which may be this file or an older one: if it is an older one, drop the file from "
            "the journal (pixel journal drop --file), and upload it again",
        )
        transfer.state = TransferState.FAILED


def _look_up(service: CollectionUploads, finished: Sequence[Transfer]) -> Flow[None]:
    """Read resources. A file whose resource was deleted since is uploaded again; other errors are raised."""
    for transfer in finished:
        transfer.trouble = NOT_LISTED
    with suppress(PixelNotFoundError):
        yield from service.look_up(finished)
    for transfer in finished:
        if transfer.resource is None:
            transfer.became, transfer.error, transfer.job_id, transfer.trouble = None, None, None, NOT_UPLOADED
            transfer.state = TransferState.WAITING
        else:
            transfer.state = TransferState.DONE


def is_unchanged(file: PlannedFile, entry: JournalEntry) -> bool:
    """True if a file and its support files have the sizes and times in the journal."""
    facts = tuple((each.size, each.facts.modified) for each in (file, *file.support_files))
    return ((entry.size, entry.modified), *entry.supports) == facts
