"""Which files of a folder are uploaded: by suffix and patterns, with their support files.

Rules kept here:

* Folders are searched recursively, in the order of names: the files of a folder before those of its subfolders. Hidden
  names (with a leading dot) are skipped, and links to folders are not followed.
* Upper and lower case are the same in suffixes and patterns: cameras write `.JPG`.
* A pattern without a slash is for names of files, one with a slash for paths from the folder. `*` and `?` match no
  slash, `**` matches any number of folders. An excluded folder is not searched.
* A support file is known by its name: the stem or the whole name of its file, and a known suffix.
* A walk lists one folder at a time, so that its files can be taken before the next folder is read.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import PurePath

from pixel_core.effects import Flow, ListFolder
from pixel_core.values import value

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})

SUFFIXES = {
    "image": _PICTURES,
    "raster": _PICTURES | {".webp", ".mrf", ".pdf"},
    "point_cloud": frozenset({".las", ".laz"}),
}
"""The suffixes of files of each kind of resource, in lower case."""

_SUPPORT_SUFFIXES = (".wld", ".prj", ".aux.xml", ".ovr", ".msk", ".rrd")
"""Suffixes of support files of any picture."""

_WORLD_FILES = {
    ".tif": (".tfw", ".tifw", ".tiffw"),
    ".jpg": (".jgw", ".jpgw", ".jpegw"),
    ".png": (".pgw", ".pngw"),
    ".webp": (".wpw", ".webpw"),
}
"""Suffixes of world files, by the format that they belong to."""

_SYNONYMS = {".tiff": ".tif", ".jpeg": ".jpg"}


@value
class Selection:
    """Which files are taken: those with one of `suffixes`, a pattern of `include` (if there are any), and none of
    `exclude`.
    """

    suffixes: frozenset[str]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str, any_suffix: bool = False) -> bool:
        """Whether a file is taken, by its path from the folder, with slashes. `any_suffix` is for files that were
        named.
        """
        if not (any_suffix or PurePath(path).suffix.lower() in self.suffixes):
            return False
        return (not self.include or _matches(path, self.include)) and not self.excludes(path)

    def excludes(self, path: str) -> bool:
        """Whether a file or folder is excluded."""
        return _matches(path, self.exclude)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(
        _expression(pattern).fullmatch(path if "/" in pattern else path.rpartition("/")[2]) is not None
        for pattern in patterns
    )


@lru_cache(256)
def _expression(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern, as of `glob`."""
    text, at = "", 0
    pattern = pattern.strip("/") if "/" in pattern.strip("/") else pattern
    for token in re.finditer(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", pattern, re.DOTALL):
        at = token.end()
        match token[0]:
            case "**/":
                text += "(?:.*/)?"
            case "**":
                text += ".*"
            case "*":
                text += "[^/]*"
            case "?":
                text += "[^/]"
            case each if len(each) > 1:
                inner = each[1:-1].replace("\\", "\\\\")
                text += f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
            case each:
                text += re.escape(each)
    return re.compile(text + re.escape(pattern[at:]), re.DOTALL | re.IGNORECASE)


@value
class FoundFile:
    """A file of a walk: its path, its path from the folder of the walk (with slashes), and its support files."""

    path: str
    relative: str
    support_files: tuple[str, ...] = ()


class FolderWalk:
    """A walk through a folder.

    >>> walk = FolderWalk("photos", Selection(SUFFIXES["image"]))
    >>> while (files := (yield from walk.next_files())) is not None: ...
    """

    def __init__(self, root: str, selection: Selection, with_support_files: bool = False) -> None:
        self._root = root
        self._selection = selection
        self._with_support_files = with_support_files
        self._folders = [""]
        """The folders that were not listed yet, the next one last: paths from the root that end in a slash."""

    def next_files(self) -> Flow[list[FoundFile] | None]:
        """List the next folder and return its files; None after the last folder. Raises OSError for a folder that
        cannot be read: it may hold some.
        """
        if not self._folders:
            return None
        folder = self._folders.pop()
        listed = yield from ListFolder(str(PurePath(self._root, folder)))
        subfolders = [folder + name for name in sorted(listed.folders, reverse=True) if not name.startswith(".")]
        self._folders += [f"{each}/" for each in subfolders if not self._selection.excludes(each)]
        names = [name for name in sorted(listed.files) if not name.startswith(".")]
        taken = [name for name in names if self._selection.takes(folder + name)]
        support = find_support_files(taken, names) if self._with_support_files else {}
        return [
            FoundFile(self._path(folder, name), folder + name, tuple(self._path(folder, s) for s in support[name]))
            if name in support
            else FoundFile(self._path(folder, name), folder + name)
            for name in taken
        ]

    def _path(self, folder: str, name: str) -> str:
        return str(PurePath(self._root, folder, name))


def find_support_files(names: Sequence[str], siblings: Iterable[str]) -> dict[str, list[str]]:
    """The support files of some files, by the names in their folder. Files without any are left out."""
    by_start: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for sibling in siblings:
        for dot in (match.start() for match in re.finditer(r"\.", sibling)):
            by_start[sibling[:dot]].append((sibling[dot:].lower(), sibling))
    found: dict[str, list[str]] = {}
    for name in names:
        path = PurePath(name)
        suffix = path.suffix.lower()
        suffixes = (*_SUPPORT_SUFFIXES, *_WORLD_FILES.get(_SYNONYMS.get(suffix, suffix), ()))
        candidates = [*by_start.get(path.stem, ()), *(by_start.get(name, ()) if path.suffix else ())]
        files = dict.fromkeys(sibling for end, sibling in candidates if end in suffixes)
        if files:
            found[name] = sorted(files)
    return found
