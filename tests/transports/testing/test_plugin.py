"""The pytest plugin, in a separate pytest that loads it by its entry point, with warnings as errors."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PLUGIN = "pixel_transports.testing.plugin"

NO_SOCKETS = """
import socket
import sys

opened = []


def note(event, args):
    # An event loop's own pair of sockets is no connection.
    if event.startswith("socket.") and getattr(socket, "AF_UNIX", None) not in args[1:2]:
        opened.append((event, args))


sys.addaudithook(note)


def pytest_sessionfinish(session):
    assert not opened, opened
"""


def run(folder: Path, test: str, *options: str, conftest: str = "") -> tuple[int, str]:
    """Run pytest on a test file in a separate process, where the plugin is installed; returns its status and output."""
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    installed = folder / "site" / "kit-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: kit\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{PLUGIN} = {PLUGIN}\n")
    # First in the path, so that there is one plugin of this name if the library itself is installed.
    path = os.pathsep.join([str(folder / "site"), str(ROOT), str(ROOT / "pixel_transports")])
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options, "test_it.py"]
    # pytest prints its summary at full length where it sees a CI system.
    environment = {name: each for name, each in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    environment["PYTHONPATH"] = path
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


USES = """
import asyncio

import pytest
import trio

from pixel_core import Flow, Operations, operation
from pixel_core.models import PixelUploadFile
from pixel_transports import faces
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, sample_photos


def test_blocking(pixel_client, pixel_sandbox, pixel_clock):
    before = pixel_clock()
    project = pixel_client.create_project("P", "", SAMPLE_AREA)
    collection = pixel_client.create_data_collection(project["id"], "C", "", "image")
    files = [PixelUploadFile(file=path) for path in sample_photos()]
    images, errors = pixel_client.upload_multiple_images(project["id"], collection["id"], files)
    assert len(images) == 6
    assert not errors
    assert len(pixel_sandbox.objects) == 6
    assert pixel_clock() > before


def test_each_test_has_new_objects(pixel_client, pixel_sandbox):
    assert pixel_client.list_projects() == []
    assert pixel_sandbox.objects == {}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.mark.anyio
async def test_async_by_a_plugin(pixel_client_async):
    async with pixel_client_async as client:
        assert (await client.me())["email"] == "demo@example.com"


@pytest.mark.parametrize("run", [asyncio.run, lambda main: trio.run(lambda: main)])
def test_async_without_a_plugin(run, pixel_client_async, pixel_client):
    project = pixel_client.create_project("P", "", SAMPLE_AREA)

    async def main():
        assert [each["id"] for each in await pixel_client_async.list_projects()] == [project["id"]]

    run(main())


class Own(Operations):
    @operation
    def email(self) -> Flow[str]:
        return (yield from self.me())["email"]


class TestOwnFixture:
    @pytest.fixture
    def pixel_sandbox(self, pixel_clock):
        return Sandbox(clock=pixel_clock, username="own@example.com")

    @pytest.fixture
    def pixel_client_class(self):
        return faces(Own).blocking

    @pytest.fixture
    def pixel_client_async_class(self):
        return faces(Own).asynchronous

    def test_it_replaces_the_one_of_the_plugin(self, pixel_client, pixel_client_async):
        assert pixel_client.email() == "own@example.com"
        assert asyncio.run(pixel_client_async.email()) == "own@example.com"
"""


def test_its_fixtures_work_under_any_loop_and_open_no_socket(tmp_path: Path) -> None:
    status, output = run(tmp_path, USES, conftest=NO_SOCKETS)
    assert status == 0, output
    assert "7 passed" in output


def test_an_opened_socket_is_detected(tmp_path: Path) -> None:
    opening = "import socket\n\n\ndef test_it():\n    with socket.create_server(('127.0.0.1', 0)):\n        pass\n"
    status, output = run(tmp_path, opening, conftest=NO_SOCKETS)
    assert status != 0
    assert "socket.bind" in output


MOCKS = """
import pytest


@pytest.mark.parametrize("end", [lambda: None, pytest.fail, pytest.skip, pytest.xfail])
def test_it(pixel_transport, end):
    pixel_transport.get("/a", 1)
    end()
"""


def test_a_mock_is_checked_after_a_test_that_passed_and_only_then(tmp_path: Path) -> None:
    """With `-p`, the plugin is loaded once."""
    status, output = run(tmp_path, MOCKS, "-p", PLUGIN)
    assert status == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in output
    assert output.count("GET /a: expected, and never came") == 1


UNUSED = """
import sys


def test_it():
    loaded = {name for name in sys.modules if name.startswith("pixel_")}
    assert loaded <= {
        "pixel_core",
        "pixel_core.lazy",
        "pixel_transports",
        "pixel_transports.testing",
        "pixel_transports.testing.plugin",
    }
    assert not {"pydantic", "anyio.to_thread", "h11", "ssl", "sqlite3", "asyncio"} & set(sys.modules)
"""


def test_it_imports_little_if_no_fixture_is_used(tmp_path: Path) -> None:
    # The plugins of anyio and hypothesis import more.
    status, output = run(tmp_path, UNUSED, "-p", "no:anyio", "-p", "no:hypothesispytest")
    assert status == 0, output


@pytest.mark.parametrize("options", [(), ("-p", f"no:{PLUGIN}")], ids=["by default", "turned off"])
def test_its_fixtures_are_listed_with_their_docstrings_unless_it_is_turned_off(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    _, output = run(tmp_path, "", "--fixtures", *options)
    listed = re.findall(r"^(pixel_\w+) -- .*\n    [A-Z]", output, re.MULTILINE)
    every = [
        "pixel_clock", "pixel_sandbox", "pixel_client_class", "pixel_client_async_class", "pixel_client",
        "pixel_client_async", "pixel_transport",
    ]  # fmt: skip
    assert listed == ([] if options else every), output


def test_the_project_has_the_entry_point_of_the_plugin_and_does_not_require_pytest() -> None:
    everything = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = everything["project"]
    assert project["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
    assert "pixel_transports.testing" in everything["tool"]["setuptools"]["packages"]
    extras = [each for name, extra in project["optional-dependencies"].items() if name != "test" for each in extra]
    assert not [each for each in [*project["dependencies"], *extras] if "pytest" in each]


def test_an_import_of_the_kit_loads_little_and_its_names_need_no_pytest() -> None:
    code = """
import sys

sys.modules["pytest"] = None
from pixel_transports import testing

assert not {"pydantic", "h11", "anyio", "asyncio", "ssl", "pixel_core.api"} & set(sys.modules)
for name in testing.__all__:
    getattr(testing, name)
assert "anyio" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
