"""The notebook of the repository: a real kernel executes it, and a browser shows the result."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from pixel_transports.sandbox import sample_photos
from tests.system.browser.conftest import Visit, colour_at, is_blank, near

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "first_steps.ipynb"
NAMES = [path.name for path in sample_photos()]
POINT = (0xC2, 0x41, 0x0C)


class Watched(NotebookClient):
    """Executes a notebook, and keeps what the kernel sends to be shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.messages: list[Any] = []

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.messages.append(msg)
        return super().process_message(msg, cell, cell_index)


def execute(notebook: Any, folder: Path, **variables: str) -> Watched:
    """Execute a notebook in a real kernel. An error in a cell is an error here."""
    client = Watched(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "IPYTHONDIR": str(folder / "ipython"), **variables})
    return client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return execute(notebook, folder, PIXEL_JOURNAL=str(folder / "journal.sqlite"))


@pytest.fixture(scope="module")
def executed(client: Watched) -> Any:
    return client.nb


def outputs(notebook: Any, source: str) -> list[Any]:
    """The outputs of the one cell in which this text is."""
    (cell,) = [each for each in notebook.cells if each.cell_type == "code" and source in each.source]
    return list(cell.outputs)


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []


@pytest.mark.parametrize(
    ("source", "number", "kind", "texts"),
    [
        ("listener=Bar()", 0, "text/html", ["http://127.0.0.1:", "demo@example.com, Sandbox", "open"]),
        ("client.close()", 0, "text/html", ["closed"]),
        ("upload_folder", 0, "text/html", ['data-state="done"']),
        ("upload_folder", 0, "text/plain", ["images: 6 of 6 files done, 0 failed"]),
        ("upload_folder", 1, "text/plain", ["[]"]),
        ("features = Features(images)", 0, "text/plain", ["<Features: 6, 6 with a geometry>"]),
        ("features = Features(images)", 0, "text/html", NAMES),
        ("async for image", 0, "", ["demo@example.com\n"]),
        ("async for image", 1, "text/plain", list(map(repr, NAMES))),
    ],
)
def test_a_cell_shows_its_client_bar_or_features(
    executed: Any, source: str, number: int, kind: str, texts: Iterable[str]
) -> None:
    output = outputs(executed, source)[number]
    found = output.data[kind] if kind else output.text
    assert [text for text in texts if text not in found] == []


def test_a_cell_shows_nothing_else(executed: Any) -> None:
    counts = {"listener=Bar()": 1, "client.close()": 1, "upload_folder": 2, "features = Features(images)": 1}
    assert {source: len(outputs(executed, source)) for source in counts} == counts


def test_the_bar_is_one_output_that_changes_in_its_place(client: Watched) -> None:
    bars = [each for each in client.messages if "pixel-bar" in each["content"].get("data", {}).get("text/html", "")]
    assert [each["msg_type"] for each in bars] == ["display_data"] + ["update_display_data"] * (len(bars) - 1)
    assert len({each["content"]["transient"]["display_id"] for each in bars}) == 1
    states = [each["content"]["data"]["text/html"].split('data-state="')[1].split('"')[0] for each in bars]
    assert states == ["under way"] * (len(bars) - 1) + ["done"]
    assert len(bars) > 1


def test_a_bar_in_a_thread_says_so_when_an_upload_is_broken_off(tmp_path: Path) -> None:
    first = """
import sys
from threading import Thread
from pixel_core.events import UploadProgress
from pixel_transports.display.progress import progress_listener
bar = progress_listener(sys.stderr)
"""
    second = """
with bar:
    event = UploadProgress("<photos>", 10, 0, 5, 0, {"sending": 1}, 0, 0.0, 0.0, None)
    thread = Thread(target=bar, args=[event])
    thread.start()
    thread.join()
"""
    notebook = new_notebook(cells=[new_code_cell(first), new_code_cell(second)])  # type: ignore[no-untyped-call]
    made, used = (cell.outputs for cell in execute(notebook, tmp_path).nb.cells)
    assert made == []
    (bar,) = used
    assert 'data-state="stopped"' in bar.data["text/html"]
    assert "&lt;photos&gt; 50 %" in bar.data["text/html"]


def test_features_and_places_are_geojson(executed: Any) -> None:
    (features,), (places,) = (outputs(executed, source) for source in ("features = Features(images)", "first.location"))
    geojson = features.data["application/geo+json"]["features"]
    assert [feature["properties"]["name"] for feature in geojson] == NAMES
    assert features.data["text/html"].count('class="place"') == 6
    typed, geojson = places.text.splitlines()
    assert typed.startswith("(5.")
    assert geojson.startswith("{'type': 'Point', 'coordinates': [5.")


def test_a_person_sees_the_client_the_bar_the_table_and_the_map(executed: Any, visit: Visit) -> None:
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="lab", require_js_url="", mathjax_url="", mermaid_js_url=""
    )
    html, _ = exporter.from_notebook_node(executed)
    page = visit.page
    page.set_content(html)
    expect(page.locator(".pixel-client").first).to_contain_text("demo@example.com, Sandbox")
    bar = page.locator(".pixel-bar")
    expect(bar).to_have_count(1)
    expect(bar).to_contain_text("6 of 6 files done")
    assert bar.locator("progress").evaluate("bar => bar.position") == 1
    images, projects = page.locator(".pixel-features").all()
    expect(images.locator("tbody tr")).to_have_count(6)
    expect(images.locator("circle.place")).to_have_count(6)
    for row, name in zip(images.locator("tbody tr").all(), NAMES, strict=True):
        expect(row).to_contain_text(name)
        expect(row).to_contain_text("° N, ")
    expect(projects.locator("path.area")).to_have_count(1)
    expect(projects).to_contain_text("Jæren")
    picture = visit.screenshot("notebook")
    assert not is_blank(picture)
    assert near(colour_at(picture, images.locator("circle.place").first), POINT)
