"""The core does no I/O: its syntax trees say so, and so do the import contracts. Both are shown to catch what they
are there for.

Rules held here:

* No `async`, no `await`.
* No import of what reaches the world: files, sockets, clocks, random sources, the environment, locks, loops, logs.
* No call that does so under another name: `open`, `print`, `eval`, a path's methods, `datetime.now`, `uuid4`.
* An effect is asked for with `yield from`. A bare `yield` stands in `Effect.__iter__` alone, and in functions that are
  annotated as an iterator of flows: there, what is yielded is not asked for but handed out.
* Nothing of `pixel_transports`.
* `lazy.py` imports `importlib`, to load code of the core later than at the top of a file; what it loads is held to
  these rules, as what any import loads. `pool.py` imports `weakref`, to know its leases no longer than their owners do.
"""

import ast
import logging
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import pixel_core

CORE = Path(pixel_core.__file__).parent
ROOT = CORE.parent
FILES = sorted(CORE.rglob("*.py"))

FORBIDDEN_MODULES = frozenset({
    "_thread", "aiohttp", "anyio", "asyncio", "atexit", "concurrent", "contextvars", "ctypes", "curio", "fcntl",
    "fileinput", "getpass", "glob", "httpx", "importlib", "io", "logging", "mmap", "multiprocessing", "os",
    "pixel_transports", "pixel_client", "platform", "pydantic_settings", "queue", "random", "requests", "sched",
    "secrets", "select", "selectors", "shelve", "shutil", "signal", "socket", "socketserver", "sqlite3", "ssl",
    "subprocess", "sys", "tempfile", "threading", "time", "trio", "twisted", "urllib3", "warnings", "weakref",
    "webbrowser", "http.client", "http.server", "urllib.request", "urllib.robotparser",
})  # fmt: skip
ALLOWED = {"lazy.py": "importlib", "pool.py": "weakref"}
FORBIDDEN_CALLS = frozenset({"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"})
FORBIDDEN_METHODS = frozenset({
    "open", "read_bytes", "read_text", "write_bytes", "write_text", "exists", "is_file", "is_dir", "is_symlink",
    "stat", "lstat", "owner", "samefile", "resolve", "absolute", "readlink", "expanduser", "home", "cwd", "iterdir",
    "glob", "rglob", "walk", "unlink", "rmdir", "mkdir", "touch", "rename", "symlink_to", "hardlink_to", "chmod",
    "now", "utcnow", "today", "uuid1", "uuid4",
})  # fmt: skip


def violations(source: str, name: str = "core.py") -> list[str]:
    """What a source says that the core may not say, as sentences that begin with the line."""
    tree = ast.parse(source)
    handed_out = {id(node) for function in _iterators_of_flows(tree) for node in _own_nodes(function)}
    found = [
        (getattr(node, "lineno", 0), sentence)
        for node in ast.walk(tree)
        for sentence in _of_node(node, id(node) in handed_out)
    ]
    return [f"{name}:{line}: {sentence}" for line, sentence in sorted(found)]


def _of_node(node: ast.AST, handed_out: bool) -> Iterator[str]:
    match node:
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            yield "is asynchronous"
        case ast.comprehension(is_async=1):
            yield "is asynchronous"
        case ast.Import(names=names):
            yield from (f"imports {alias.name}" for alias in names if _is_forbidden(alias.name))
        case ast.ImportFrom(module=str(module), level=0, names=names):
            if _is_forbidden(module):
                yield f"imports {module}"
            else:
                full = (f"{module}.{alias.name}" for alias in names)
                yield from (f"imports {name}" for name in full if _is_forbidden(name))
                yield from (f"imports {alias.name}" for alias in names if alias.name in ("uuid1", "uuid4"))
        case ast.Call(func=ast.Name(id=called)) if called in FORBIDDEN_CALLS:
            yield f"calls {called}()"
        case ast.Attribute(attr=method) if method in FORBIDDEN_METHODS:
            yield f"uses .{method}"
        case ast.Yield() if not handed_out:
            yield "asks with a bare yield"


def _is_forbidden(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:count]) in FORBIDDEN_MODULES for count in range(1, len(parts) + 1))


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
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo += ast.iter_child_nodes(node)


def test_the_walk_sees_the_whole_core() -> None:
    names = {path.relative_to(CORE).as_posix() for path in FILES}
    assert {
        "effects.py",
        "http/connection.py",
        "http/pool.py",
        "session/session.py",
        "api/lists.py",
        "models/files.py",
    } <= names


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(CORE).as_posix() for path in FILES])
def test_a_file_of_the_core_does_no_io(path: Path) -> None:
    expected = []
    if path.name == "effects.py":
        source = path.read_text("utf-8").splitlines()
        (line,) = [number for number, text in enumerate(source, 1) if text.strip() == "result: T_co = yield self"]
        expected = [f"effects.py:{line}: asks with a bare yield"]
    found = violations(path.read_text("utf-8"), path.name)
    allowed = ALLOWED.get(path.name, "nothing")
    assert [each for each in found if not each.endswith(f": imports {allowed}")] == expected
    assert any(each.endswith(f": imports {allowed}") for each in found) == (path.name in ALLOWED)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("async def f(): pass", "is asynchronous"),
        ("async def f():\n    await g()", "is asynchronous"),
        ("async def f():\n    async with g(): pass", "is asynchronous"),
        ("async def f():\n    async for x in g(): pass", "is asynchronous"),
        ("async def f(): return [x async for x in g()]", "is asynchronous"),
        *((f"import {module}", f"imports {module}") for module in sorted(FORBIDDEN_MODULES)),
        *((f"from {module} import x", f"imports {module}") for module in sorted(FORBIDDEN_MODULES)),
        ("import os.path", "imports os.path"),
        ("import json, os", "imports os"),
        ("import time as t", "imports time"),
        ("from os import path", "imports os"),
        ("from urllib import request", "imports urllib.request"),
        ("from http import client", "imports http.client"),
        ("from concurrent.futures import Future", "imports concurrent.futures"),
        ("def f():\n    import socket", "imports socket"),
        ("if TYPE_CHECKING:\n    import ssl", "imports ssl"),
        ("from pixel_transports.net.blocking import connect", "imports pixel_transports.net.blocking"),
        ("from uuid import uuid4", "imports uuid4"),
        *((f"{called}('x')", f"calls {called}()") for called in sorted(FORBIDDEN_CALLS)),
        *((f"Path('x').{method}()", f"uses .{method}") for method in sorted(FORBIDDEN_METHODS)),
        ("stat = path.stat", "uses .stat"),
        ("clock = datetime.now", "uses .now"),
        ("datetime.datetime.now(UTC)", "uses .now"),
        ("uuid.uuid4()", "uses .uuid4"),
        ("def f() -> Flow[int]:\n    yield Sleep(1.0)", "asks with a bare yield"),
        ("def f() -> Flow[int]:\n    x = yield Sleep(1.0)", "asks with a bare yield"),
        ("def f() -> Iterator[int]:\n    yield 1", "asks with a bare yield"),
        ("def f():\n    yield 1", "asks with a bare yield"),
        (
            "def f() -> Iterator[Flow[int]]:\n    def g() -> Flow[int]:\n        yield Sleep(1.0)\n    yield g()",
            "asks with a bare yield",
        ),
    ],
)
def test_the_walk_catches(source: str, sentence: str) -> None:
    assert any(found.endswith(f": {sentence}") for found in violations(source)), violations(source)


@pytest.mark.parametrize(
    "source",
    [
        "import json, enum, re, inspect\nfrom urllib.parse import quote\nfrom pathlib import Path, PurePath",
        "from urllib import parse",
        "from datetime import datetime\nx: datetime",
        "from pixel_core.effects import Sleep\nfrom . import effects\nfrom .time import x",
        "def f() -> Flow[int]:\n    x = yield from Sleep(1.0)\n    return x",
        "def f() -> Iterator[Flow[Page[T]]]:\n    while True:\n        yield page()",
        "name.replace('a', 'b')\nPurePath(x).name\nopened(x)\nself.printed()",
    ],
)
def test_the_walk_lets_pass(source: str) -> None:
    assert violations(source) == []


def lint(config: Path) -> tuple[int, str]:
    """The exit status and the words of import-linter. It silences all loggers that are there, for the tests that follow
    too, unless that is undone.
    """
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    speaking = [logger for logger in loggers if not logger.disabled]
    try:
        with redirect_stdout(StringIO()) as said:
            status = lint_imports(config_filename=str(config), no_cache=True)
    finally:
        for logger in speaking:
            logger.disabled = False
    return status, said.getvalue()


def test_the_import_contracts_are_kept() -> None:
    status, said = lint(ROOT / "pyproject.toml")
    assert status == 0, said
    assert "0 broken" in said


def test_a_broken_import_contract_is_noticed(tmp_path: Path) -> None:
    config = tmp_path / "contracts.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["pixel_core"]\ninclude_external_packages = true\n'
        '[[tool.importlinter.contracts]]\nname = "No h11"\ntype = "forbidden"\n'
        'source_modules = ["pixel_core"]\nforbidden_modules = ["h11"]\n'
    )
    status, said = lint(config)
    assert status == 1
    assert "pixel_core.http.connection -> h11" in said
