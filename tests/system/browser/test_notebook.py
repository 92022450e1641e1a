"""The notebook of the repository: a real kernel executes it, and a browser shows the result."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from pixel_transports.sandbox import sample_photos
from tests.system.browser.conftest import Visit
from tests.system.browser.pictures import colour_at, is_blank, near

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


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """What executed the notebook. An error in a cell is an error here."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    kernel = {**os.environ, "PIXEL_JOURNAL": str(folder / "journal.sqlite"), "IPYTHONDIR": str(folder / "ipython")}
    client = Watched(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=kernel)
    return client


@pytest.fixture(scope="module")
def executed(client: Watched) -> Any:
    """The notebook with the outputs of all its cells."""
    return client.nb


def outputs(notebook: Any, source: str) -> list[Any]:
    """The outputs of the one cell in which this text is."""
    (cell,) = [each for each in notebook.cells if each.cell_type == "code" and source in each.source]
    return list(cell.outputs)


def shown(notebook: Any, source: str) -> Any:
    """The data of the only output of a cell, by media type."""
    (output,) = outputs(notebook, source)
    return output.data


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []


def test_a_client_shows_where_it_is_and_who_and_no_password(executed: Any) -> None:
    html = shown(executed, "listener=Bar()")["text/html"]
    assert "http://127.0.0.1:" in html
    assert "demo@example.com, Sandbox" in html
    assert "open" in html
    assert "closed" in shown(executed, "client.close()")["text/html"]


def test_an_upload_shows_one_bar_that_ends_with_the_exact_line(executed: Any) -> None:
    bar, errors = outputs(executed, "upload_multiple_images")
    assert bar.output_type == "display_data"
    assert 'data-state="done"' in bar.data["text/html"]
    assert "images: 6 of 6 files done, 0 failed" in bar.data["text/plain"]
    assert errors.data["text/plain"] == "[]"


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
    kernel = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute(env=kernel)
    made, used = (cell.outputs for cell in notebook.cells)
    assert made == []
    (bar,) = used
    assert 'data-state="stopped"' in bar.data["text/html"]
    assert "&lt;photos&gt; 50 %" in bar.data["text/html"]


def test_images_show_as_a_table_a_map_and_geojson(executed: Any) -> None:
    data = shown(executed, "features = Features(images)")
    assert data["text/plain"] == "<Features: 6, 6 with a geometry>"
    assert [feature["properties"]["name"] for feature in data["application/geo+json"]["features"]] == NAMES
    assert data["text/html"].count('class="place"') == 6
    assert all(name in data["text/html"] for name in NAMES)


def test_places_headings_and_dates_are_types(executed: Any) -> None:
    (output,) = outputs(executed, "first.location")
    typed, geojson = output.text.splitlines()
    assert typed.startswith("(5.")
    assert geojson.startswith("{'type': 'Point', 'coordinates': [5.")


def test_the_async_client_takes_await_at_the_top_of_a_cell(executed: Any) -> None:
    email, names = outputs(executed, "async for image")
    assert email.text == "demo@example.com\n"
    assert all(repr(name) in names.data["text/plain"] for name in NAMES)


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
