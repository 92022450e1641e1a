"""The fragments of the changelog have their form, and the changelog is made of them."""

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


def test_the_fragments_of_the_project_have_their_form_and_are_for_no_later_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert fragments()[0].version <= tuple(map(int, version.split(".")))


def test_changes_are_ordered_by_version_the_newest_first_and_by_kind(tmp_path: Path) -> None:
    written(tmp_path, "0.9.0/old.added.md", "Something old.\n")
    written(tmp_path, "0.10.0/b-fix.fixed.md", "A mistake\nover two lines.\n")
    written(tmp_path, "0.10.0/a-thing.added.md", "A thing.\n")
    text = "# Changes||## 0.10.0||### Added||* A thing.||### Fixed||* A mistake|  over two lines."
    text += "||## 0.9.0||### Added||* Something old."
    assert list(rendered(fragments(tmp_path))) == text.split("|")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("0.1.0/thing.md", "A thing.\n", "NAME.KIND.md"),
        ("0.1.0/thing.better.md", "A thing.\n", "one of added, changed, fixed, removed"),
        ("next/thing.added.md", "A thing.\n", "'next' is none"),
        ("0.1.0/thing.added.md", "A thing\n", "full stop"),
        ("0.1.0/thing.added.md", "A thing.\n\nMore.\n", "one paragraph"),
        ("0.1.0/thing.added.md", "* A thing.\n", "one paragraph"),
        ("0.1.0/thing.added.md", "A" * 120 + ".\n", "120 characters"),
        ("0.1.0/thing.added.md", "A thing that takes long.\n" * 17, "400"),
    ],
)
def test_a_malformed_fragment_is_a_value_error(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fragments(written(tmp_path, name, text))
