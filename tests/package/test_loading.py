"""Names that are loaded when they are asked for, and values.

Rules kept here:

* A package that loads its names late has each name that it says it has, and no other.
* Values that say so can be hashed, equal ones alike; the others refuse.
"""

from dataclasses import field
from types import ModuleType
from typing import Any

import pixel_client
import pytest

import pixel_core
import pixel_transports
from pixel_core import Limits, models
from pixel_core.http.proxies import Proxies, Proxy
from pixel_core.lazy import lazily
from pixel_core.values import hash_of_fields, value

PACKAGES = [pixel_core, models, pixel_transports, pixel_client]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_has_the_names_that_it_says_it_has(package: ModuleType) -> None:
    assert {name for name in package.__all__ if name != "__version__"} <= set(dir(package))
    assert all(getattr(package, name) is not None for name in package.__all__)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_has_no_other_name(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Nothing'"):
        _ = package.Nothing


def test_a_name_is_looked_up_once() -> None:
    namespace: dict[str, Any] = {"__name__": "pixel_core"}
    get, listed = lazily(namespace, {".messages": ["Origin"], ".values": []})
    assert listed() == ["Origin", "__name__", "messages", "values"]
    assert get("Origin") is namespace["Origin"] is pixel_core.Origin
    assert get("values").value is value


def test_equal_values_that_can_be_hashed_are_hashed_alike() -> None:
    assert hash(Proxies.from_url("http://proxy:8080")) == hash(Proxies.from_url("http://proxy:8080"))
    assert hash(Proxy("http", "proxy", 80)) != hash(Proxy("http", "proxy", 81))


def test_a_field_that_is_not_compared_is_not_hashed_either() -> None:
    @value
    class Named:
        name: str
        note: str = field(default="", compare=False)

        __hash__ = hash_of_fields

    assert Named("a", "b") == Named("a", "c")
    assert hash(Named("a", "b")) == hash(Named("a", "c"))


def test_other_values_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Limits())
