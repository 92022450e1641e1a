"""The API reference builds without a warning, and says of every operation what it takes and gives on each face."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from pixel_core.api import operation_names
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference, built by a program of its own: building it imports everything."""
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "tests.support.reference", "--out", str(folder)]
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
        ("pixel_transports/client/blocking.html", "The blocking client. One object works in any number of threads"),
        ("pixel_transports/display/features.html", "Return a GeoJSON FeatureCollection."),
        ("pixel_core/api/projects.html", "Create a project, below"),
        ("pixel_client.html", "The client library for Geodata Pixel"),
    ],
)
def test_the_docstrings_are_on_the_pages(pages: Path, page: str, sentence: str) -> None:
    assert sentence in (pages / page).read_text(encoding="utf-8")


def text_of(pages: Path, page: str, anchor: str) -> str:
    """What stands on a page from an anchor on, without tags and line breaks."""
    html = (pages / page).read_text(encoding="utf-8")
    begin = html.index(f'id="{anchor}"')
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html[begin : begin + 6000])).split())


@pytest.mark.parametrize(
    ("page", "anchor", "declared", "result"),
    [
        ("pixel_client.html", "PixelClient.get_project", "def get_project(", "-> pixel_core.models.Project"),
        ("pixel_client.html", "PixelClientAsync.get_project", "async def get_project(", "-> pixel_core.models.Project"),
        ("pixel_core/api/projects.html", "Projects.get_project", "def get_project(", "-> Generator["),
        ("pixel_client.html", "PixelClient.paginate_images", "def paginate_images(", "-> Iterator["),
        ("pixel_client.html", "PixelClientAsync.paginate_images", "def paginate_images(", "-> AsyncIterator["),
    ],
)
def test_an_operation_is_told_as_it_is_on_its_face(
    pages: Path, page: str, anchor: str, declared: str, result: str
) -> None:
    head = text_of(pages, page, anchor)[:600]
    assert declared in head
    assert "project_id: int" in head
    assert result in head


def test_both_clients_tell_of_all_operations(pages: Path) -> None:
    html = (pages / "pixel_client.html").read_text(encoding="utf-8")
    for client in ("PixelClient", "PixelClientAsync"):
        assert [name for name in operation_names() if f'id="{client}.{name}"' not in html] == []


def test_no_signature_is_unknown(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        assert not re.search(r'class="n">unknown<', page.read_text(encoding="utf-8")), page


def test_no_link_of_the_reference_leads_nowhere(pages: Path) -> None:
    texts = {page.resolve(): page.read_text(encoding="utf-8") for page in pages.rglob("*.html")}
    anchors = {page: set(re.findall(r'id="([^"]+)"', text)) for page, text in texts.items()}
    dead = []
    for page, text in texts.items():
        for link in set(re.findall(r'href="([^":]+)"', text)):
            target, _, anchor = link.partition("#")
            place = (page.parent / target).resolve() if target else page
            if place not in texts or (anchor and anchor not in anchors[place]):
                dead.append(f"{page.name}: {link}")
    assert dead == []
