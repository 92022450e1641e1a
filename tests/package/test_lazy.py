"""Names that are loaded when they are asked for: all of them are there, and an import costs what is used of it."""

import importlib
import subprocess
import sys
from types import ModuleType

import pixel_client
import pytest

import pixel_core
import pixel_transports

PACKAGES = [pixel_client, pixel_core, pixel_transports]


@pytest.mark.parametrize(
    ("package", "name"),
    [(package, name) for package in PACKAGES for name in package.__all__],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_name_of_a_package_is_there_and_is_listed(package: ModuleType, name: str) -> None:
    assert getattr(package, name) == getattr(package, name)
    assert name in dir(package)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.__name__))
def test_another_name_is_an_attribute_error_that_says_which(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", ["auth", "exceptions", "models", "settings", "types", "utils"])
def test_modules_of_the_package_are_attributes_too(name: str) -> None:
    assert getattr(pixel_client, name) is importlib.import_module(f"pixel_client.{name}")


def test_an_import_of_the_package_loads_next_to_nothing() -> None:
    code = "import pixel_client, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needed_later = {
        "pydantic",
        "h11",
        "anyio",
        "asyncio",
        "ssl",
        "sqlite3",
        "pixel_core.api",
        "pixel_transports.client.base",
    }
    assert not needed_later & set(done.stdout.split())
