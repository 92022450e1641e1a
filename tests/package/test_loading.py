"""Packages load their names late, and values hash as they compare."""

import importlib
from dataclasses import field
from types import ModuleType
from typing import Any

import pixel_client
import pytest

import pixel_core
import pixel_transports
from pixel_core import Limits, models
from pixel_core.lazy import lazily
from pixel_core.values import hash_of_fields, value


@pytest.mark.parametrize(
    "package", [pixel_core, models, pixel_transports, pixel_client], ids=lambda package: str(package.__name__)
)
def test_a_package_has_each_name_that_it_lists_and_no_other(package: ModuleType) -> None:
    assert set(package.__all__) <= {*dir(package), "__version__"}
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Nothing'"):
        _ = package.Nothing


@pytest.mark.parametrize("name", ["auth", "exceptions", "models", "settings", "types", "utils"])
def test_modules_of_the_package_are_attributes_too(name: str) -> None:
    assert getattr(pixel_client, name) is importlib.import_module(f"pixel_client.{name}")


def test_a_name_is_looked_up_once() -> None:
    namespace: dict[str, Any] = {"__name__": "pixel_core"}
    get, listed = lazily(namespace, {".messages": ["Origin"], ".values": []})
    assert listed() == ["Origin", "__name__", "messages", "values"]
    assert get("Origin") is namespace["Origin"] is pixel_core.Origin
    assert get("values").value is value


def test_a_field_that_is_not_compared_is_not_hashed_either() -> None:
    @value
    class Named:
        name: str
        note: str = field(default="", compare=False)

        __hash__ = hash_of_fields

    assert Named("a", "b") == Named("a", "c")
    assert hash(Named("a", "b")) == hash(Named("a", "c"))
    assert hash(Named("a")) != hash(Named("b"))


def test_other_values_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Limits())
