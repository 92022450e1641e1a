"""Words that the project does not use: `python -m tests.package.words` prints where they are.

Rules kept here:

* `ANYWHERE` holds for names, texts, comments and pages; `NAMES` only for names in Python. A word is a whole word, or a
  whole part of a name.
* `ALLOWED` lists the uses that are right, as a part of the line.
"""

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.support.paths import ROOT

ANYWHERE = {
    "ears": "readiness",
    "hear": "read, notice",
    "hears": "reads, notices",
    "heard": "received",
    "crew": "task group",
    "crews": "task groups",
    "alongside": "task group",
    "breakable": "CancelScope",
    "breaker": "callback",
    "made_of": "ClientConfig",
    "woken": "rebuilt, resumed",
    "desk": "UploadService",
    "cutting": "PartSizing",
    "tally": "Progress",
    "recalled": "JournalSnapshot",
    "ask_token": "CallTokenProvider",
    "judged": "classify",
    "unpacker": "Decoder",
    "hider": "Redactor",
    "turned_clock": "ManualClock",
    "rig": "Harness",
    "far_end": "StubServer",
    "talk": "ScriptedConnection, connection",
    "talks": "connections",
    "minting": "tokens",
    "mint": "issue a token",
    "minted": "issued",
    "shelf": "Table",
    "told": "reported, returned",
    "tell": "report, return",
    "tells": "reports, returns",
    "whoever": "name the user or caller",
    "whomever": "name the user or caller",
    "somebody": "a user, a caller",
    "someone": "a user, a caller",
    "nobody": "no caller",
    "everybody": "all users",
    "vain": "without success",
    "those who": "callers, waiters",
    "a person": "a user",
    "who watches": "listener",
    "is had": "name the action",
    "what came": "name the thing",
    "comes to": "results in",
}
"""Words and what to say instead."""

NAMES = {
    "told": "payload, message, fields",
    "given": "name the value",
    "wanted": "expected, required",
    "asked": "requests",
    "asking": "requests",
    "seen": "records",
    "heard": "received",
    "got": "response, result",
    "said": "message, output",
    "says": "message",
    "saying": "message",
    "spoken": "name the value",
    "giving": "returning",
    "understood": "parsed",
}
"""Words that are no names of functions, classes, variables or arguments, unless the name is that of a test."""

ALLOWED = {"given": ("from hypothesis import", "@given"), "tell": (".tell()",)}
"""Parts of lines in which a word is right, by word."""

FOLDERS, KINDS = ("pixel_core", "pixel_transports", "tests"), (".py", ".md", ".ipynb")
OWN = ("tests/package/words.py", "tests/package/test_words.py")


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])({'|'.join(map(re.escape, words))})(?![a-z])", re.IGNORECASE)


_ANYWHERE, _NAMES = _pattern(ANYWHERE), _pattern(NAMES)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def found_in(source: str, python: bool) -> Iterator[tuple[int, str]]:
    """The lines of a source and the words in them that are not used here."""
    lines = source.splitlines()
    for number, line in enumerate(lines, 1):
        words = _ANYWHERE.findall(_CAMEL.sub("_", line) if python else line)
        yield from ((number, word.lower()) for word in words if not _allowed(word, line))
    for token in tokenize.generate_tokens(io.StringIO(source).readline) if python else ():
        if token.type == tokenize.NAME and not token.string.startswith("test_"):  # these are sentences
            for word in _NAMES.findall(_CAMEL.sub("_", token.string)):
                if word.lower() not in ANYWHERE and not _allowed(word, token.line):
                    yield token.start[0], word.lower()


def _allowed(word: str, line: str) -> bool:
    return any(part in line for part in ALLOWED.get(word.lower(), ()))


def report() -> Iterator[str]:
    """`path:line: word (instead)` for each word found in a Python file or a page."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS]
    for path in [ROOT / "README.md", *sorted(inside)]:
        name = path.relative_to(ROOT).as_posix()
        for line, word in found_in(path.read_text(encoding="utf-8"), path.suffix == ".py") if name not in OWN else ():
            yield f"{name}:{line}: {word} ({ANYWHERE.get(word) or NAMES[word]})"


if __name__ == "__main__":
    problems = list(report())
    print("\n".join(problems))
    words = Counter(problem.split(": ")[1].split(" (")[0] for problem in problems)
    print(f"{len(problems)} words:", ", ".join(f"{word} {count}" for word, count in words.most_common()))
    sys.exit(bool(problems))
