"""The changelog: its fragments have their form, and what is made of them can be read.

Rules kept here:

* The fragments of the project are read as they are; those of the other tests are made for them.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.package.changelog import fragments, rendered
from tests.support.paths import ROOT


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_every_fragment_of_the_project_has_its_form() -> None:
    assert fragments()


def test_no_fragment_is_for_a_version_after_the_present_one() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert fragments()[0].version <= tuple(map(int, version.split(".")))


def test_changes_stand_by_version_and_kind_the_newest_first(tmp_path: Path) -> None:
    written(tmp_path, "0.9.0/old.added.md", "Something old.\n")
    written(tmp_path, "0.10.0/b-fix.fixed.md", "A mistake\nover two lines.\n")
    written(tmp_path, "0.10.0/a-thing.added.md", "A thing.\n")
    written(tmp_path, "0.10.0/b-thing.added.md", "Another thing.\n")
    text = "# Changes||## 0.10.0||### Added||* A thing.|* Another thing.||### Fixed||* A mistake|  over two lines."
    text += "||## 0.9.0||### Added||* Something old."
    assert list(rendered(fragments(tmp_path))) == text.split("|")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("0.1.0/thing.md", "A thing.\n", "NAME.KIND.md"),
        ("0.1.0/thing.better.md", "A thing.\n", "one of added, changed, fixed, removed"),
        ("0.1.0/A thing.added.md", "A thing.\n", "NAME.KIND.md"),
        ("next/thing.added.md", "A thing.\n", "'next' is none"),
        ("0.1.0/thing.added.md", "", "full stop"),
        ("0.1.0/thing.added.md", "A thing\n", "full stop"),
        ("0.1.0/thing.added.md", "A thing.", "full stop"),
        ("0.1.0/thing.added.md", "A thing.\n\nMore.\n", "one paragraph"),
        ("0.1.0/thing.added.md", "* A thing.\n", "one paragraph"),
        ("0.1.0/thing.added.md", "# A thing.\n", "one paragraph"),
        ("0.1.0/thing.added.md", "A" * 120 + ".\n", "120 characters"),
        ("0.1.0/thing.added.md", "A thing that takes long.\n" * 17, "400"),
    ],
)
def test_a_fragment_without_its_form_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        fragments(written(tmp_path, name, text))


def test_the_command_prints_the_changelog() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.package.changelog"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines() == list(rendered(fragments()))
