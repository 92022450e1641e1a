"""Where the files of an interrupted upload continue: every status of an upload job with every state in the journal."""

from typing import Any

import pytest

from pixel_core import FileFacts, FileSlice, JournalEntry, JournalState, Response
from pixel_core.api.recall import ACTIONS, Action, JobStatus, action_for, job_status
from pixel_core.session.answers import Answer, Field
from pixel_core.uploads import PlannedFile

STATUSES = {
    JobStatus.UNLISTED: (None,),
    JobStatus.LOBBY: ("lobby",),
    JobStatus.UNDER_WAY: ("submitted", "validating", "validated"),
    JobStatus.DONE: ("validated_and_moved",),
    JobStatus.REFUSED: ("validation_failed", "a status of the future"),
}
STORED = [state for state in JournalState if state not in (JournalState.STORING, JournalState.DROPPED)]
FILE = PlannedFile("/p/a.jpg", FileFacts(10, 0), (FileSlice("/p/a.jpg", 0, 10),))


def job_of(status: str | None) -> Field | None:
    if status is None:
        return None
    return Field(Answer(Response(200), "an upload job", ""), "", {"id": 1, "status": status})


def entry(state: JournalState, **more: Any) -> JournalEntry:
    return JournalEntry("/p/a.jpg", 10, 0, state, 1, **more)


def test_the_table_has_every_status_with_every_state_that_a_journal_stores() -> None:
    assert set(ACTIONS) == {(status, state) for status in JobStatus for state in STORED}
    assert set(STATUSES) == set(JobStatus)


@pytest.mark.parametrize(("status", "state"), ACTIONS, ids=lambda each: each.name)
def test_each_row_of_the_table_applies(status: JobStatus, state: JournalState) -> None:
    for text in STATUSES[status]:
        job = job_of(text)
        assert job_status(job) is status
        assert action_for(job, entry(state), FILE) is ACTIONS[status, state]


@pytest.mark.parametrize("state", STORED)
@pytest.mark.parametrize("of_another_upload", [{"metadata": "other"}, {"name": "other.jpg"}])
def test_other_metadata_or_another_name_need_another_upload_job_while_the_server_waits_for_the_file(
    state: JournalState, of_another_upload: dict[str, str]
) -> None:
    known = entry(state, **of_another_upload)
    assert action_for(job_of("lobby"), known, FILE) is Action.RESTART
    for status in (None, "validating", "validated_and_moved", "refused"):
        assert action_for(job_of(status), known, FILE) is action_for(job_of(status), entry(state), FILE)


def test_a_file_is_uploaded_again_only_where_it_cannot_be_on_the_server() -> None:
    again = {row for row, action in ACTIONS.items() if action is Action.RESTART}
    refused = {(JobStatus.REFUSED, state) for state in STORED}
    never_finished = {(JobStatus.UNLISTED, JournalState.DECLARED), (JobStatus.UNLISTED, JournalState.SENT)}
    # A server that waits for a file that was done before has another job of the same id.
    assert again == refused | never_finished | {(JobStatus.LOBBY, JournalState.DONE)}
