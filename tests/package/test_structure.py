"""Files, functions and imports keep to the rules of `structure.py`."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.package import structure
from tests.package.structure import Import, Module
from tests.support.paths import ROOT

MODULES = structure.modules()
IMPORTS = structure.imports(MODULES)
EARLY = [each for each in IMPORTS if not each.late]


def test_no_file_is_too_long() -> None:
    assert structure.too_long(MODULES) == []


def test_no_function_is_too_large() -> None:
    assert structure.too_large(MODULES) == []


def test_no_import_leads_upward() -> None:
    assert [str(each) for each in structure.upward(IMPORTS)] == []


@pytest.mark.parametrize("found", [EARLY, IMPORTS], ids=["at the top", "in functions too"])
def test_no_modules_import_each_other_in_a_circle(found: list[Import]) -> None:
    assert structure.circle(found) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert structure.circle(structure.room_imports(IMPORTS)) == []


def test_every_module_is_in_a_room() -> None:
    assert {structure.room(name) for name in MODULES} == {name for level in structure.ROOMS for name in level}


PAGES = sorted(
    path for folder in ("pixel_core", "pixel_transports", "tests") for path in (ROOT / folder).rglob("README.md")
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_the_table_of_files_of_a_page_is_complete(page: Path) -> None:
    assert structure.table_problems(page) == []


def test_a_file_that_is_missing_from_a_table_or_is_listed_twice_is_found(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "room/c.py", "room/d.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    page = tmp_path / "README.md"
    rows = "| `a.py`, `room/c.py` | x |\n| `a.py`, `e.py` | y |\n| `room/` | z |\n"
    page.write_text(f"| file | what it is |\n| --- | --- |\n{rows}")
    assert structure.table_problems(page) == [
        "there is no e.py",
        "a.py is listed 2 times",
        "b.py is listed 0 times",
        "room/c.py is listed 2 times",
    ]


def test_the_picture_of_the_readme_has_all_rooms() -> None:
    picture = (ROOT / "README.md").read_text("utf-8").split("## How it is built")[1].split("```")[1]
    folders = [
        path.parent.name
        for package in ("pixel_core", "pixel_transports")
        for path in (ROOT / package).glob("*/__init__.py")
    ]
    assert sorted(re.findall(r"^ *(\w+)/", picture, re.MULTILINE)) == sorted(
        [*folders, "pixel_core", "pixel_transports", "tests"]
    )


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed, key=lambda name: (name == "pixel_client", name))
    assert set(listed) == {name for name, module in MODULES.items() if module.path.name == "__init__.py"}


def test_every_package_says_what_it_is() -> None:
    assert [module.place for module in MODULES.values() if not module.summary] == []


@pytest.mark.parametrize(
    ("source", "name", "late"),
    [
        ("import a.b", "a.b", False),
        ("from a import b", "a.b", False),
        ("from a.b import name", "a.b", False),
        ("from .b import name", "a.b", False),
        ("from . import b", "a.b", False),
        ("if TYPE_CHECKING:\n    from a import b", "a.b", False),
        ("def f():\n    from a import b", "a.b", True),
        ("class C:\n    def f(self):\n        import a.b", "a.b", True),
    ],
)
def test_an_import_is_found(source: str, name: str, late: bool, tmp_path: Path) -> None:
    path = tmp_path / "c.py"
    path.write_text(source)
    known = {each: Module(each, path) for each in ("a", "a.b", "a.c")}
    assert list(structure._imports_of(known["a.c"], known)) == [Import("a.c", name, source.count("\n") + 1, late)]


def test_a_circle_is_found_also_through_others() -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")]
    assert set(structure.circle([Import(a, b, 1, False) for a, b in pairs])) == {"a", "b", "c"}


def test_an_import_upward_is_found() -> None:
    wrong = [
        ("pixel_core.http.pool", "pixel_core.session.tokens"),
        ("pixel_core.models.base", "pixel_core.session.tokens"),
    ]
    right = [("pixel_core.session.tokens", "pixel_core.http.pool"), ("pixel_core.effects", "pixel_core.events")]
    found = [Import(a, b, 1, False) for a, b in wrong + right]
    assert structure.upward(found) == found[:2]


def test_branches_and_lines_of_a_function_are_counted() -> None:
    inner = "        def g():\n            for x in y: pass\n"
    source = "class C:\n    def f(self):\n        if a: pass\n        elif b: pass\n" + inner
    assert list(structure.functions(ast.parse(source), "")) == [("C.f", 5, 2), ("C.f.g", 2, 1)]


def test_the_command_prints_every_section() -> None:
    assert sum(line.startswith("== ") for line in structure.report()) == 9
