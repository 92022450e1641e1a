"""The API reference builds without a warning, and shows every operation with its signature on each face."""

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
    """The reference, built in another process, since that imports everything."""
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-m", "tests.package.reference", "--out", str(folder)]
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
    ("page", "anchor", "declared", "result"),
    [
        ("pixel_client.html", "PixelClient.get_project", "def get_project(", "-> pixel_core.models.Project"),
        ("pixel_client.html", "PixelClientAsync.get_project", "async def get_project(", "-> pixel_core.models.Project"),
        ("pixel_core/api/projects.html", "Projects.get_project", "def get_project(", "-> Generator["),
        ("pixel_client.html", "PixelClient.paginate_images", "def paginate_images(", "-> Iterator["),
        ("pixel_client.html", "PixelClientAsync.paginate_images", "def paginate_images(", "-> AsyncIterator["),
    ],
)
def test_an_operation_has_the_signature_of_its_face(
    pages: Path, page: str, anchor: str, declared: str, result: str
) -> None:
    html = (pages / page).read_text(encoding="utf-8")
    begin = html.index(f'id="{anchor}"')
    head = " ".join(unescape(re.sub(r"<[^>]+>", "", html[begin : begin + 6000])).split())[:600]
    assert declared in head
    assert "project_id: int" in head
    assert result in head


def test_both_clients_have_all_operations(pages: Path) -> None:
    html = (pages / "pixel_client.html").read_text(encoding="utf-8")
    for client in ("PixelClient", "PixelClientAsync"):
        assert [name for name in operation_names() if f'id="{client}.{name}"' not in html] == []


def test_no_signature_is_unknown_and_no_link_is_dead(pages: Path) -> None:
    texts = {page.resolve(): page.read_text(encoding="utf-8") for page in pages.rglob("*.html")}
    anchors = {page: set(re.findall(r'id="([^"]+)"', text)) for page, text in texts.items()}
    assert [page for page, text in texts.items() if 'class="n">unknown<' in text] == []
    dead = []
    for page, text in texts.items():
        for link in set(re.findall(r'href="([^":]+)"', text)):
            target, _, anchor = link.partition("#")
            place = (page.parent / target).resolve() if target else page
            if place not in texts or (anchor and anchor not in anchors[place]):
                dead.append(f"{page.name}: {link}")
    assert dead == []
