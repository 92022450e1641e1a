"""The public names are those that the READMEs list, and the examples use no others."""

import importlib
import re
from pathlib import Path

import pytest

from tests.package.names import EXAMPLES, PAGES, PUBLIC, imports, names, written
from tests.support.paths import ROOT

MODULES = [(page, module) for page, modules in PAGES.items() for module in modules]


@pytest.mark.parametrize(("page", "module"), MODULES)
def test_the_table_of_a_page_has_the_public_names(page: str, module: str) -> None:
    """`python -m tests.package.names` writes the tables."""
    rows = re.findall(
        r"^\| `(\w+)` \| \S.* \|$", written((ROOT / page).read_text(encoding="utf-8"), module), re.MULTILINE
    )
    assert rows == names(module)


@pytest.mark.parametrize("module", sorted(PUBLIC - {"pixel_transports.testing.plugin"}))
def test_a_public_module_has_the_names_that_it_lists(module: str) -> None:
    found = importlib.import_module(module)
    assert len(set(found.__all__)) == len(found.__all__)
    assert all(getattr(found, name) is not None for name in found.__all__)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_imports_from_public_modules_only(path: Path) -> None:
    assert imports(path) - PUBLIC == set()
