"""The examples of the page of the kit run as written."""

import re
from pathlib import Path

import pytest

from pixel_transports.sandbox import SandboxServer
from tests.support.paths import ROOT
from tests.transports.testing.test_plugin import run

PAGE = ROOT / "pixel_transports" / "testing" / "README.md"
PART = PAGE.read_text(encoding="utf-8").split("\n## ")[0]
BLOCKS = re.findall(r"^```python\n(.*?)^```", PART, re.MULTILINE | re.DOTALL)
*PROGRAMS, TESTS = BLOCKS


@pytest.mark.parametrize("block", PROGRAMS, ids=["mock", "faults", "recording"])
def test_every_example_of_the_kit_runs_as_written(
    block: str, server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.sandbox.environment(server.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})


def test_the_example_of_tests_passes_as_written(tmp_path: Path) -> None:
    status, output = run(tmp_path, TESTS)
    assert status == 0, output
    assert "3 passed" in output


def test_the_page_names_every_fault_and_every_fixture() -> None:
    for name in ("Refuse", "Reset", "Slow", "Status", "TimeOut", "Garbage", "NoJson"):
        assert f"{name}(" in PART
    for name in ("pixel_clock", "pixel_sandbox", "pixel_client", "pixel_client_async", "pixel_transport"):
        assert f"`{name}`" in PART
