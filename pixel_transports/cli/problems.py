"""Problems of files: what can be wrong with one, and what to do about it.

Rules kept here:

* A problem has a code that programs can rely on, words that say what was found, and advice.
* These are problems of one file. What is wrong with the whole call is an error of the command.
"""

import os
import stat
from dataclasses import dataclass

from pixel_transports.cli.finding import Candidate

_LATER = "Run the same command again: it goes on where this one ended"

ADVICE = {
    # Seen before anything is sent
    "not_found": "Check the path",
    "not_a_file": "Name a file, or the folder it is in",
    "empty": "Copy it again from where it came from: nothing can be done with an empty file",
    "not_read": "Check that you may read it, and that its disk is there",
    "not_a_picture": "Check that it is what its name says, or leave it out",
    "not_a_raster": "Check that it is what its name says, or leave it out",
    "not_a_point_cloud": "Check that it is what its name says, or leave it out",
    "truncated": "Copy it again from where it came from: its end is missing",
    "broken": "Copy it again from where it came from",
    "no_position": "Give its location with --metadata or in JSON lines, or upload it without one",
    "null_island": "The receiver had no fix: give the location with --metadata or in JSON lines",
    "outside_project": "Check that it belongs to this project",
    "duplicate_name": "Rename one of them, or upload them in two calls",
    "duplicate_content": "Leave one of them out",
    # Found by the upload
    "not_uploaded": _LATER,
    "not_created": _LATER,
    "not_stored": _LATER,
    "not_confirmed": "The server has it and did not say what became of it. " + _LATER,
    "not_listed": "The server finished it and does not list it. " + _LATER,
    "not_the_same": "Look at it in Pixel; delete it there and upload it again",
    "in_use": "Another program is uploading it at this moment: wait for that",
    "interrupted": _LATER,
    "stopped": _LATER,
    **dict.fromkeys(
        ("lobby", "submitted", "validating", "validated"), "The server is still at work on it. Run the command later"
    ),
}

REFUSED = "The server did not accept it: the detail says why"
"""Advice for what is not in the table: a state that the server gave."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file."""

    code: str
    detail: str

    @property
    def advice(self) -> str:
        return ADVICE.get(self.code, REFUSED)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


def seen_at(candidate: Candidate) -> Problem | None:
    """What is wrong with a file, or with one that belongs to it, as far as a look at the folder tells."""
    for path in (candidate.path, *candidate.support_files):
        whose = "it" if path == candidate.path else f"{path}, which belongs to it,"
        try:
            facts = os.stat(path)
        except FileNotFoundError:
            return Problem("not_found", f"{whose} does not exist")
        except OSError as error:
            return Problem("not_read", f"{whose} cannot be looked at: {error.strerror}")
        if not stat.S_ISREG(facts.st_mode):
            return Problem("not_a_file", f"{whose} is no regular file")
        if not facts.st_size:
            return Problem("empty", f"{whose} has no bytes")
    return None


def size_of(candidate: Candidate) -> int | None:
    """The size of a file in bytes, where it can be had."""
    try:
        return os.stat(candidate.path).st_size
    except OSError:
        return None
