"""Loads a package's names at their first use (PEP 562), so that an import costs only what is used.

A package lists the module of each of its names; type checkers are shown plain imports. A name is looked up once:
afterwards it is an ordinary attribute.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    namespace: dict[str, Any], homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package, given its `globals()` and the names of each module. A module
    that begins with a dot is the package's own, and is a name too.
    """
    package: str = namespace["__name__"]
    home_of = {name: module for module, names in homes.items() for name in names}
    modules = {module.lstrip(".") for module in homes if module.startswith(".")}

    def get(name: str) -> Any:
        if name in home_of:
            value = getattr(import_module(home_of[name], package), name)
        elif name in modules:
            value = import_module(f".{name}", package)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    def listed() -> list[str]:
        return sorted({*namespace, *home_of, *modules})

    return get, listed
