"""The changelog, made of fragments: `python -m tests.package.changelog` prints it.

Rules kept here:

* A change brings a fragment: one short paragraph in `pixel_transports/changes/VERSION/NAME.KIND.md`, where KIND is one
  of `KINDS`. So two branches never change the same line.
* VERSION is the one that it will be part of: that of `pyproject.toml`, until that is raised.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

FOLDER = ROOT / "pixel_transports" / "changes"
KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.(\w+)\.md")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
LONGEST = 400
"""The longest fragment, in characters."""


@dataclass(frozen=True)
class Fragment:
    """One change."""

    version: tuple[int, ...]
    kind: str
    text: str


def fragments(folder: Path = FOLDER) -> list[Fragment]:
    """All changes, the newest version first, kinds as `KINDS` has them. Raises ValueError where one is malformed."""
    found = [_read(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    kinds = list(KINDS)
    return sorted(found, key=lambda each: ([-number for number in each.version], kinds.index(each.kind)))


def _read(path: Path) -> Fragment:
    name, version = _NAME.fullmatch(path.name), path.parent.name
    if name is None or name[2] not in KINDS:
        raise ValueError(f"{path.name}: the name of a fragment is NAME.KIND.md, and KIND one of {', '.join(KINDS)}")
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{path.name}: a fragment lies in a folder of its version, and {version!r} is none")
    text = path.read_text(encoding="utf-8")
    if problem := _problem(text):
        raise ValueError(f"{path.name}: {problem}")
    return Fragment(tuple(map(int, version.split("."))), name[2], text.strip())


def _problem(text: str) -> str | None:
    lines = text.splitlines()
    if not text.endswith(".\n") or text.endswith("\n\n"):
        return "a fragment ends with a full stop and one line break"
    if not all(lines) or re.match(r"[-*#\s]", text):
        return "a fragment is one paragraph, without a heading or a bullet"
    if max(map(len, lines)) > 120 or len(text) > LONGEST:
        return f"lines have up to 120 characters, and a fragment {LONGEST}"
    return None


def rendered(changes: list[Fragment]) -> Iterator[str]:
    """The lines of the changelog."""
    yield "# Changes"
    last: tuple[object, object] = (None, None)
    for change in changes:
        if change.version != last[0]:
            yield from ("", f"## {'.'.join(map(str, change.version))}")
        if (change.version, change.kind) != last:
            yield from ("", f"### {KINDS[change.kind]}", "")
        last = change.version, change.kind
        first, *more = change.text.splitlines()
        yield f"* {first}"
        yield from (f"  {line}" for line in more)


if __name__ == "__main__":
    print("\n".join(rendered(fragments())))
