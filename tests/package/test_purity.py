"""The core does no I/O: by the import contracts of `pyproject.toml`, and by a walk over its syntax trees for the rest.

An effect is requested with `yield from`. A bare `yield` is allowed in `Effect.__iter__`, and in iterators of flows.
"""

import ast
import logging
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.support.paths import ROOT

FILES = sorted((ROOT / "pixel_core").rglob("*.py"))
FORBIDDEN_IMPORTS = frozenset({"urllib.request", "urllib.robotparser", "uuid.uuid1", "uuid.uuid4"})
"""Names in modules that the contracts allow."""
FORBIDDEN_CALLS = frozenset({"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"})
FORBIDDEN_METHODS = frozenset({
    "open", "read_bytes", "read_text", "write_bytes", "write_text", "exists", "is_file", "is_dir", "is_symlink",
    "stat", "lstat", "owner", "samefile", "resolve", "absolute", "readlink", "expanduser", "home", "cwd", "iterdir",
    "glob", "rglob", "walk", "unlink", "rmdir", "mkdir", "touch", "rename", "symlink_to", "hardlink_to", "chmod",
    "uuid1", "uuid4",
})  # fmt: skip
CLOCKS = frozenset({"now", "utcnow", "today"})
"""Methods of `datetime` and `date`."""


def violations(source: str) -> list[str]:
    """The violations in a source, as sentences that begin with the line."""
    tree = ast.parse(source)
    allowed_yields = {id(node) for function in _iterators_of_flows(tree) for node in _own_nodes(function)}
    found = [
        (getattr(node, "lineno", 0), sentence)
        for node in ast.walk(tree)
        for sentence in _of_node(node, id(node) in allowed_yields)
    ]
    return [f"{line}: {sentence}" for line, sentence in sorted(found)]


def _of_node(node: ast.AST, may_yield: bool) -> Iterator[str]:
    match node:
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith() | ast.comprehension(is_async=1):
            yield "is asynchronous"
        case ast.Import(names=names):
            yield from (f"imports {alias.name}" for alias in names if alias.name in FORBIDDEN_IMPORTS)
        case ast.ImportFrom(module=str(module), level=0, names=names):
            full = (module, *(f"{module}.{alias.name}" for alias in names))
            yield from (f"imports {name}" for name in full if name in FORBIDDEN_IMPORTS)
        case ast.Call(func=ast.Name(id=called)) if called in FORBIDDEN_CALLS:
            yield f"calls {called}()"
        case ast.Attribute(attr=method) if method in FORBIDDEN_METHODS:
            yield f"uses .{method}"
        case ast.Attribute(ast.Name("datetime" | "date") | ast.Attribute(attr="datetime" | "date"), method):
            if method in CLOCKS:
                yield f"uses .{method}"
        case ast.Yield() if not may_yield:
            yield "has a bare yield"


def _iterators_of_flows(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions that are annotated to return `Iterator[Flow[…]]`."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(
                returns=ast.Subscript(value=ast.Name(id="Iterator"), slice=ast.Subscript(value=ast.Name(id="Flow")))
            ):
                yield node


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    rest: list[ast.AST] = list(function.body)
    while rest:
        node = rest.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            rest += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_of_the_core_does_no_io(path: Path) -> None:
    source = path.read_text("utf-8")
    own = [number for number, line in enumerate(source.splitlines(), 1) if line.strip() == "result: T_co = yield self"]
    assert violations(source) == [f"{number}: has a bare yield" for number in own]
    assert len(own) == (path.name == "effects.py" and path.parent.name == "pixel_core")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("async def f(): pass", "is asynchronous"),
        ("async def f():\n    async with g(): pass", "is asynchronous"),
        ("async def f(): return [x async for x in g()]", "is asynchronous"),
        ("from urllib import request", "imports urllib.request"),
        ("if TYPE_CHECKING:\n    from uuid import uuid4", "imports uuid.uuid4"),
        ("def f():\n    import json, urllib.request", "imports urllib.request"),
        ("open('x')", "calls open()"),
        ("Path('x').read_bytes()", "uses .read_bytes"),
        ("clock = datetime.now", "uses .now"),
        ("def f() -> Flow[int]:\n    x = yield Sleep(1.0)", "has a bare yield"),
        ("def f() -> Iterator[int]:\n    yield 1", "has a bare yield"),
        (
            "def f() -> Iterator[Flow[int]]:\n    def g() -> Flow[int]:\n        yield Sleep(1.0)\n    yield g()",
            "has a bare yield",
        ),
    ],
)
def test_the_walk_catches(source: str, sentence: str) -> None:
    assert any(found.endswith(f": {sentence}") for found in violations(source)), violations(source)


@pytest.mark.parametrize(
    "source",
    [
        "from urllib import parse\nfrom datetime import datetime\nx: datetime",
        "def f() -> Flow[int]:\n    x = yield from Sleep(1.0)\n    return x",
        "def f() -> Iterator[Flow[Page[T]]]:\n    while True:\n        yield page()",
        "later = self.now + 1",
        "name.replace('a', 'b')\nPurePath(x).name\nopened(x)\nself.printed()",
    ],
)
def test_the_walk_allows(source: str) -> None:
    assert violations(source) == []


def lint(config: Path) -> tuple[int, str]:
    """The exit status and the output of import-linter, which would otherwise leave all loggers disabled."""
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    enabled = [logger for logger in loggers if not logger.disabled]
    try:
        with redirect_stdout(StringIO()) as output:
            status = lint_imports(config_filename=str(config), no_cache=True)
    finally:
        for logger in enabled:
            logger.disabled = False
    return status, output.getvalue()


def test_the_import_contracts_are_kept() -> None:
    status, output = lint(ROOT / "pyproject.toml")
    assert status == 0, output
    assert "0 broken" in output


def test_a_broken_import_contract_is_noticed(tmp_path: Path) -> None:
    config = tmp_path / "contracts.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["pixel_core"]\ninclude_external_packages = true\n'
        '[[tool.importlinter.contracts]]\nname = "No h11"\ntype = "forbidden"\n'
        'source_modules = ["pixel_core"]\nforbidden_modules = ["h11"]\n'
    )
    status, output = lint(config)
    assert status == 1
    assert "pixel_core.http.connection -> h11" in output
