"""Installing, in virtual environments of their own: editable, and with the lowest versions that are declared."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.lowest import EXTRAS, constraints
from tests.support.environments import clean_environment, python_of
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

PROGRAM = """
from pixel_client import get_client
from pixel_transports.testing import settings_for

reveal_type(get_client())
reveal_type(get_client(settings=settings_for(None, "http://pixel.invalid")).get_project(7))
reveal_type(settings_for(None).PIXEL_TENANT)
"""


def copy_of_the_tree(folder: Path) -> Path:
    """The files that make a distribution. (An editable install of the tree itself would replace its links.)"""
    for name in ("pixel_core", "pixel_transports"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [str(each) for each in command]
    environment = clean_environment()
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def pip(python: Path, *arguments: str | Path, folder: Path) -> None:
    done = run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments, folder=folder)
    if done.returncode:
        pytest.skip(f"pip cannot install {arguments}: {done.stderr.strip().splitlines()[-1]}")


def environment_of(folder: Path) -> Path:
    """The interpreter of a new virtual environment."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return python_of(folder)


def test_type_checkers_find_all_packages_of_an_editable_install_and_edits_take_effect(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    copy_of_the_tree(tree)
    python = environment_of(tmp_path / "venv")
    pip(python, "-e", tree, folder=tmp_path)
    (outside / "program.py").write_text(PROGRAM)
    mypy = run(sys.executable, "-m", "mypy", "--python-executable", python, "program.py", folder=outside)
    pyright = run(sys.executable, "-m", "pyright", "--pythonpath", python, "program.py", folder=outside)
    for output in (mypy.stdout, pyright.stdout):
        revealed = [line for line in output.splitlines() if "evealed type" in line or "Type of" in line]
        assert len(revealed) == 3, output
        for line, expected in zip(revealed, ("PixelClient", "project", "str"), strict=True):
            assert expected.lower() in line.lower(), output
        assert "Any" not in "".join(revealed)
    assert "import" not in "".join(each.read_text() for each in tmp_path.rglob("__editable__*.pth"))
    (tree / "pixel_transports" / "pixel_client" / "gis.py").write_text("edited = True\n")
    done = run(python, "-c", "from pixel_client.gis import edited; print(edited)", folder=outside)
    assert done.stdout.strip() == "True", done.stderr


def test_the_lowest_versions_that_are_declared_work(tmp_path: Path) -> None:
    """With the tests of the rooms that use them most."""
    lowest = tmp_path / "lowest.txt"
    lowest.write_text("\n".join(constraints()))
    tree = tmp_path / "tree"
    tree.mkdir()
    copy_of_the_tree(tree)
    python = environment_of(tmp_path / "venv")
    tools = ("pytest", "hypothesis", "blockbuster", "trustme", "starlette", "cloudpickle")
    pip(python, "-c", lowest, f"{tree}[{','.join(EXTRAS)}]", *tools, folder=tmp_path)
    tests = ("core/session", "core/models", "transports/adapters", "transports/client", "transports/testing")
    paths = [f"tests/{each}" for each in tests]
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, folder=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]
    frozen = run(python, "-m", "pip", "freeze", folder=tmp_path).stdout.lower()
    assert "h11==0.16.0" in frozen
