"""Problems of files: codes, details, and advice.

Rules kept here:

* A problem has a stable code for programs, a detail that says what was found, and advice.
* These are problems of one file. A problem of the whole call is an error of the command.
"""

import os
import stat
from dataclasses import dataclass

from pixel_transports.cli.file_search import Candidate

_LATER = "Run the same command again: it continues where this one stopped"
_CHECK_TYPE = "Check that the file has the format that its name says, or leave it out"

ADVICE = {
    # Found before anything is sent
    "not_found": "Check the path",
    "not_a_file": "Name a file, or the folder it is in",
    "not_utf8": "Rename it",
    "empty": "Copy it again from its source: an empty file cannot be uploaded",
    "not_read": "Check that you may read it, and that its disk is there",
    **dict.fromkeys(("not_a_picture", "not_a_raster", "not_a_point_cloud"), _CHECK_TYPE),
    "truncated": "Copy it again from its source: its end is missing",
    "broken": "Copy it again from its source",
    "no_position": "Give its location with --metadata or in JSON lines, or upload it without one",
    "null_island": "The receiver had no fix: give the location with --metadata or in JSON lines",
    "outside_project": "Check that it belongs to this project",
    "bad_name": "Rename it, or give it another name in JSON lines",
    "bad_metadata": "Correct --metadata, or its metadata in JSON lines",
    "bad_parts": "Use another --part-size, or none",
    "bad_support_files": "Rename them, or leave some out",
    "too_large": "Leave it out: support files are sent whole",
    "duplicate_name": "Use --name-from path, parent or counter, or upload them in two calls",
    "duplicate_content": "Leave one of them out",
    # Found by the upload
    **dict.fromkeys(("not_uploaded", "not_created", "not_stored", "interrupted", "stopped"), _LATER),
    "not_confirmed": "The server has it and did not report its result. " + _LATER,
    "not_listed": "The server finished it and does not list it. " + _LATER,
    "in_use": "Another program is uploading it: wait for that",
    **dict.fromkeys(
        ("lobby", "submitted", "validating", "validated"), "The server is still processing it. Run the command later"
    ),
}

REFUSED = "The server did not accept it: the detail says why"
"""Advice for codes that are not in the table: states from the server."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of one file."""

    code: str
    detail: str

    @property
    def advice(self) -> str:
        return ADVICE.get(self.code, REFUSED)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


def find_problem(candidate: Candidate) -> Problem | None:
    """Return the first problem of a file and its support files that `os.stat` shows, or None."""
    for path in (candidate.path, *candidate.support_files):
        subject = "it" if path == candidate.path else f"{path}, which belongs to it,"
        try:
            status = os.stat(path)
        except FileNotFoundError:
            return Problem("not_found", f"{subject} does not exist")
        except OSError as error:
            return Problem("not_read", f"{subject} cannot be accessed: {error.strerror}")
        if any("\ud800" <= each <= "\udfff" for each in path.name):
            return Problem("not_utf8", f"the name of {subject} is no UTF-8")
        if not stat.S_ISREG(status.st_mode):
            return Problem("not_a_file", f"{subject} is no regular file")
        if not status.st_size:
            return Problem("empty", f"{subject} has no bytes")
    return None


def file_size(candidate: Candidate) -> int | None:
    """Return the size of a file in bytes, or None if it cannot be read."""
    try:
        return os.stat(candidate.path).st_size
    except OSError:
        return None
