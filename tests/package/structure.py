"""The structure of the project: `python -m tests.package.structure` prints it, and what breaks its rules.

Rules kept here:

* A room imports only rooms before it in `ROOMS`. No modules import each other in a circle. Imports for type checkers
  count like any other; imports inside functions count too, and are listed apart.
* A file has at most 400 lines, a function at most 40 lines and 12 branches.
* A page with a table of files lists each file below its folder exactly once.
* Only syntax trees are read; no module is imported.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.support.paths import ROOT

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
MAX_BRANCHES = 12

ROOMS = (
    ("pixel_core.messages", "pixel_core.errors", "pixel_core.journal", "pixel_core.values", "pixel_core.lazy"),
    ("pixel_core.redaction",),
    ("pixel_core.effects", "pixel_core.events"),
    ("pixel_core.http",),
    ("pixel_core.session", "pixel_core.models"),
    ("pixel_core.uploads",),
    ("pixel_core.api",),
    ("pixel_core",),
    ("pixel_transports.runtime",),
    ("pixel_transports.observability",),
    ("pixel_transports.net",),
    ("pixel_transports.adapters",),
    ("pixel_transports.drivers",),
    ("pixel_transports.client",),
    ("pixel_transports.display",),
    ("pixel_transports.shards",),
    ("pixel_transports.sandbox",),
    ("pixel_transports.testing",),
    ("pixel_transports",),
    ("pixel_client",),
    ("pixel_transports.cli",),
)
"""Rooms from the lowest to the highest. Those on one level do not import each other, except for single files."""

GROUND = {name for level in ROOMS[:3] for name in level}
"""The single files at the root of the core."""

FOLDERS = {
    "pixel_core": "pixel_core",
    "pixel_client": "pixel_transports/pixel_client",
    "pixel_transports": "pixel_transports",
}
"""Folders of the packages, by import name."""

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Import:
    """One import of a module of the project by another."""

    importer: str
    imported: str
    line: int
    late: bool
    """True inside a function."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@dataclass(frozen=True)
class Module:
    """A source file of the project."""

    name: str
    path: Path

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def lines(self) -> int:
        return len(self.source.splitlines())

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]


def functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Names, lines and branches. Nested functions count on their own and in the lines of the outer one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            name = prefix + child.name
            yield name, (child.end_lineno or child.lineno) - child.lineno + 1, _branches(child)
            yield from functions(child, f"{name}.")
        else:
            yield from functions(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)


def _branches(node: ast.AST) -> int:
    """The number of branches of a function, without those of functions inside it."""
    inside = [child for child in ast.iter_child_nodes(node) if not isinstance(child, FUNCTIONS)]
    return sum(isinstance(child, BRANCHES) + _branches(child) for child in inside)


@cache
def modules() -> dict[str, Module]:
    """The modules of the three packages, by name."""
    found: dict[str, Module] = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if parts[0] in FOLDERS:  # a package that lies inside another
                continue
            name = ".".join((package, *(part for part in parts if part != "__init__")))
            found[name] = Module(name, path)
    return found


def imports(found: dict[str, Module]) -> list[Import]:
    """All imports between modules of the project."""
    return [each for module in found.values() for each in _imports_of(module, found)]


def _imports_of(module: Module, found: dict[str, Module]) -> Iterator[Import]:
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    for node, late in _walk(module.tree, late=False):
        for name in _imported_names(node, package):
            target = name
            while target and target not in found:
                target = target.rpartition(".")[0]
            if target and target != module.name:
                yield Import(module.name, target, getattr(node, "lineno", 0), late)


def _walk(node: ast.AST, late: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, late
        yield from _walk(child, late or isinstance(child, FUNCTIONS))


def _imported_names(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            full = ".".join((*base, *([module] if module else [])))
            yield from (f"{full}.{alias.name}" for alias in names)


def room(module: str) -> str:
    """The room that a module belongs to: the longest name of `ROOMS` that it begins with."""
    fitting = [name for level in ROOMS for name in level if module == name or module.startswith(f"{name}.")]
    return max(fitting, key=len)


def upward(found: list[Import]) -> list[Import]:
    """Imports of a higher room, or of another room on the same level."""
    level = {name: number for number, names in enumerate(ROOMS) for name in names}
    result = []
    for each in found:
        here, there = room(each.importer), room(each.imported)
        beside = level[there] == level[here] and here != there and not {here, there} <= GROUND
        if level[there] > level[here] or beside:
            result.append(each)
    return result


def circle(found: list[Import]) -> list[str]:
    """Modules that import each other, directly or through others; empty if there are none."""
    graph: dict[str, set[str]] = defaultdict(set)
    for each in found:
        graph[each.importer].add(each.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names: list[str] = error.args[1]
        return names
    return []


def room_imports(found: list[Import]) -> list[Import]:
    """The same imports between rooms instead of modules."""
    return [
        Import(room(e.importer), room(e.imported), e.line, e.late)
        for e in found
        if room(e.importer) != room(e.imported)
    ]


def too_long(found: dict[str, Module]) -> list[str]:
    """Files over the limit with their size."""
    return [f"{each.place}: {each.lines} lines" for each in found.values() if each.lines > MAX_FILE_LINES]


def too_large(found: dict[str, Module]) -> list[str]:
    """Functions over the limits with their size, as `path:qualified.name`."""
    return [
        f"{name}: {lines} lines, {branches} branches"
        for module in found.values()
        for name, lines, branches in functions(module.tree, f"{module.place}:")
        if lines > MAX_FUNCTION_LINES or branches > MAX_BRANCHES
    ]


def line_counts() -> dict[str, int]:
    """Lines of Python by room; tests by folder."""
    counts: dict[str, int] = defaultdict(int)
    for module in modules().values():
        counts[room(module.name)] += module.lines
    for path in sorted((ROOT / "tests").rglob("*.py")):
        inside = path.relative_to(ROOT).parts[:-1]
        counts["/".join(inside[:3])] += len(path.read_text(encoding="utf-8").splitlines())
    return counts


def tree() -> Iterator[str]:
    """A line for each folder with Python in it: its path and what it is."""
    for top in ("pixel_core", "pixel_transports", "tests"):
        for path in sorted((ROOT / top).rglob("__init__.py")):
            place = path.parent.relative_to(ROOT)
            summary = Module("", path).summary
            yield f"{'  ' * (len(place.parts) - 1)}{place.name}/".ljust(28) + summary


def table_problems(page: Path) -> list[str]:
    """The problems of a page's tables `| file |` and `| room |`: entries that do not exist, and files below the folder
    of the page that are not in exactly one entry, by their own path or by that of a folder.
    """
    text = page.read_text(encoding="utf-8")
    tables = re.findall(r"^\| (?:file|room) \|.*\n\|.*\n((?:\|.*\n?)+)", text, re.MULTILINE)
    cells = [row.split("|")[1] for table in tables for row in table.splitlines()]
    entries = [name for cell in cells for name in re.findall(r"`([\w./]+)`", cell)]
    problems = [f"there is no {entry}" for entry in entries if not (page.parent / entry).exists()]
    for path in sorted(page.parent.rglob("*.py")) if entries else ():
        name = path.relative_to(page.parent).as_posix()
        count = sum(entry == name or (entry.endswith("/") and name.startswith(entry)) for entry in entries)
        if count != 1 and not (count == 0 and path.stem in ("__init__", "__main__")):
            problems.append(f"{name} is listed {count} times")
    return problems


def report() -> Iterator[str]:
    """The lines that the command prints."""
    found = modules()
    between = imports(found)
    early = [each for each in between if not each.late]
    yield from _section("Folders", list(tree()))
    yield from _section("Lines", [f"{count:6}  {name}" for name, count in line_counts().items()])
    yield from _section(f"Files over {MAX_FILE_LINES} lines", too_long(found))
    yield from _section(f"Functions over {MAX_FUNCTION_LINES} lines or {MAX_BRANCHES} branches", too_large(found))
    yield from _section("Imports upward", [str(each) for each in upward(between)])
    yield from _section("Circles", circle(early))
    yield from _section("Circles with imports inside functions", circle(between))
    yield from _section("Circles of rooms", circle(room_imports(between)))
    yield from _section("Imports inside functions", [str(each) for each in between if each.late])


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"== {title}", *(lines or ["none"])]


if __name__ == "__main__":
    print("\n".join(report()))
