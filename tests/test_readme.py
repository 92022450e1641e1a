"""The documentation is true: its Python blocks run, its tables are those of the code."""

import re
from pathlib import Path

import pytest

from pixel_transports.sandbox import SandboxServer, sample_photos
from tests.operations_table import markdown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def prepared(server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the examples take for granted: settings in the environment and in `.env`, a folder of photos."""
    environment = server.sandbox.environment(server.url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    (tmp_path / "photos").mkdir()
    for photo in sample_photos():
        (tmp_path / "photos" / photo.name).write_bytes(photo.read_bytes())
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("block", BLOCKS, ids=range(1, len(BLOCKS) + 1))
def test_every_python_block_of_the_readme_runs_as_written(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})


@pytest.mark.usefixtures("prepared")
def test_the_upload_example_uploads_all_photos(server: SandboxServer, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [each for each in BLOCKS if "upload_multiple_images" in each]
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [each.name for each in sample_photos()]


@pytest.mark.usefixtures("prepared")
def test_the_ten_line_driver_gets_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [each for each in BLOCKS if "def drive" in each]
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    assert "demo@example.com" in capsys.readouterr().out


def test_the_table_of_operations_is_that_of_the_code() -> None:
    assert markdown() in (ROOT / "pixel_core" / "README.md").read_text(encoding="utf-8")


def test_each_shell_block_of_the_readme_is_one_command_line() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert [len(block.splitlines()) for block in blocks] == [1, 1]
    assert "pixel demo" in blocks[0]
    assert "pytest" in blocks[1]


@pytest.mark.parametrize("folder", ["pixel_core", "pixel_transports", "tests"])
def test_every_file_that_a_folders_page_names_exists(folder: str) -> None:
    page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    cells = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `") and "| `" in row]
    names = [name for cell in cells for name in re.findall(r"`([\w/]+(?:\.py|/))`", cell)]
    assert names
    missing = [name for name in names if not (ROOT / folder / name).exists()]
    assert missing == []


def test_each_defect_of_the_reference_has_tests_that_exist() -> None:
    page = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 23))
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)\(", sources))
    named = {name for _, names in rows for name in re.findall(r"`(test_\w+)`", names)}
    assert named - defined == set()
