"""The API reference builds without a warning, and every public name is in it with a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference, built by a program of its own: building it imports everything."""
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "tests.reference", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return folder


def test_every_module_has_a_page(pages: Path) -> None:
    for package in ("pixel_core", "pixel_transports"):
        for module in (ROOT / package).rglob("*.py"):
            name = module.relative_to(ROOT).with_suffix("")
            if {"__init__", "__main__", "pixel_client", "sandbox", "cli"} & set(name.parts):
                continue
            assert (pages / name.with_suffix(".html")).is_file(), name


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("pixel_transports/clients.html", "The blocking client. One object works in any number of threads"),
        ("pixel_transports/gis.html", "A GeoJSON FeatureCollection."),
        ("pixel_core/api/projects.html", "Create a project, below"),
        ("pixel_client.html", "The client library for Geodata Pixel"),
    ],
)
def test_the_docstrings_are_on_the_pages(pages: Path, page: str, sentence: str) -> None:
    assert sentence in (pages / page).read_text(encoding="utf-8")
