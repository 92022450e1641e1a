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

_ANYWHERE_INSTEAD = {
    "readiness": "ears",
    "read, notice, received": "hear, hears, heard",
    "task group": "crew, crews, alongside",
    "CancelScope": "breakable",
    "callback": "breaker",
    "ClientConfig": "made_of",
    "rebuilt, resumed": "woken",
    "UploadService": "desk",
    "PartSizing": "cutting",
    "Progress": "tally",
    "JournalSnapshot": "recalled",
    "CallTokenProvider": "ask_token",
    "classify": "judged",
    "Decoder": "unpacker",
    "Redactor": "hider",
    "ManualClock": "turned_clock",
    "Harness": "rig",
    "StubServer": "far_end",
    "ScriptedConnection, connection": "talk, talks",
    "tokens, issue": "minting, mint, minted",
    "Table": "shelf",
    "report, return": "told, tell, tells",
    "the user or caller": "whoever, whomever, somebody, someone, nobody, everybody, a person",
    "without success": "vain",
    "callers, waiters": "those who",
    "listener": "who watches",
    "the action, the thing": "is had, what came",
    "results in": "comes to",
}
"""What to say instead of which words."""

_NAMES_INSTEAD = {
    "payload, message, fields": "told",
    "the name of the value": "given, spoken",
    "expected, required": "wanted",
    "requests": "asked, asking",
    "records, received": "seen, heard",
    "response, result": "got",
    "message, output": "said, says, saying",
    "returning": "giving",
    "parsed": "understood",
}
"""Words that are no names of functions, classes, variables or arguments, unless the name is that of a test."""

ANYWHERE, NAMES = (
    {word: instead for instead, words in table.items() for word in words.split(", ")}
    for table in (_ANYWHERE_INSTEAD, _NAMES_INSTEAD)
)
"""What to say instead of a word, by word."""

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
