"""The names that files are uploaded under, where files of several folders have the same name.

Rules kept here:

* A name of the rules "path" and "parent" depends on the path of its file only. A "counter" depends on the files before
  it. So the same files in the same order have the same names each time.
* A file that the journal knows keeps the name that it has there: an upload that is continued, with more files than
  before, gives no file a second name.
* A name has no slash: folders are joined by `_`.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import get_args

from pixel_core.models.files import NameFrom

RULES: tuple[str, ...] = get_args(NameFrom)


def check_rule(rule: object) -> None:
    """Raise ValueError for an unknown rule."""
    if rule is not None and rule not in RULES:
        raise ValueError(f"name_from is one of {', '.join(map(repr, RULES))}, or None, not {rule!r}")


def proposed_name(rule: NameFrom | None, path: str, relative: str = "") -> str:
    """The name of a file before it is compared with others. `relative` is its path from the folder of the upload."""
    file = PurePath(path)
    if rule == "path" and relative:
        return "_".join(part for part in PurePath(relative).parts if part not in ("..", PurePath(relative).anchor))
    if rule == "parent" and file.parent.name:
        return f"{file.parent.name}_{file.name}"
    return file.name


def assign_names(
    rule: NameFrom | None,
    proposed: Iterable[tuple[str, str]],
    advice: str,
    kept: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Return the names of files, in order. `proposed` are their paths and names, `kept` the names in the journal, by
    path. Raises ValueError for equal names, with advice; with a counter there are none.
    """
    reserved = set(kept.values())
    owners: dict[str, str] = {}
    numbers: dict[str, int] = {}
    equal: list[str] = []
    names: list[str] = []
    for path, name in proposed:
        known = kept.get(path)
        if known is not None and known not in owners:
            name = known
        elif rule == "counter":
            first, number = PurePath(name), numbers.get(name, 1)
            while name in owners or name in reserved:
                number += 1
                name = f"{first.stem}-{number}{first.suffix}"
            numbers[first.name] = number
        if name in owners:
            equal.append(f"{owners[name]} and {path}")
        owners.setdefault(name, path)
        names.append(name)
    if equal:
        more = f", and {len(equal) - 5:,} more" if len(equal) > 5 else ""
        raise ValueError(f"All files must have unique names: {', '.join(equal[:5])}{more}. {advice}")
    return names
