"""A missing package of an extra is named with the command that installs it, in one form."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pixel_transports.runtime import extras

MISSING = [
    ("click", "cli", "import pixel_transports.cli"),
    ("rich", "cli", "import sys; from pixel_transports import Bar; Bar(sys.stderr)"),
    ("PIL", "photos", "from pixel_transports.drivers.photos import read_metadata; read_metadata('a.jpg')"),
    ("geopandas", "gis", "from pixel_client.gis import Features; Features([]).to_geopandas()"),
    ("httpx", "httpx", "from pixel_transports.adapters import HttpxTransport"),
    ("aiohttp", "aiohttp", "from pixel_transports.adapters import AiohttpTransport"),
    ("opentelemetry", "otel", "from pixel_transports import testing; testing.client(transport=len, tracer=True)"),
]


@pytest.mark.parametrize(("package", "extra", "use"), MISSING, ids=[each[0] for each in MISSING])
def test_a_missing_package_is_named_with_its_extra_wherever_it_is_missing(
    package: str, extra: str, use: str, tmp_path: Path
) -> None:
    code = f"import sys\nsys.modules[{package!r}] = None\n{use}\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    form = rf"(ModuleNotFoundError: )?.* needs {package}[.\w]*, which is not installed: pip install .*\[{extra}\].*"
    assert re.fullmatch(form, last), done.stderr


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ({}, ["pixel-client-sansio[gis]"]),
        ({"url": "FOLDER", "dir_info": {}}, ["FOLDER[gis]"]),
        ({"url": "FOLDER", "dir_info": {"editable": True}}, ["-e", "FOLDER[gis]"]),
        ({"url": "FOLDER/a.whl", "archive_info": {}}, ["pixel-client-sansio[gis] @ URL/a.whl"]),
        ({"url": "FOLDER/gone.whl", "archive_info": {}}, ["pixel-client-sansio[gis]"]),
        (
            {"url": "https://example.com/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            ["pixel-client-sansio[gis] @ git+https://example.com/a.git@abc"],
        ),
    ],
)
def test_the_command_is_for_the_way_in_which_the_library_was_installed(
    source: dict[str, Any], arguments: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "a 'folder'"
    folder.mkdir()
    (folder / "a.whl").touch()
    if "url" in source:
        source = {**source, "url": source["url"].replace("FOLDER", folder.as_uri())}
    expected = [each.replace("FOLDER", str(folder)).replace("URL", folder.as_uri()) for each in arguments]
    assert extras.pip_arguments("gis", source) == expected


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_the_command_is_quoted_for_the_shell() -> None:
    command = extras.install_command("gis").replace("pip install", "printf '%s\\n'", 1)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1].endswith("[gis]")
