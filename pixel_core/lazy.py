"""Names that are loaded when they are first asked for (PEP 562), so that importing a package costs what is used of it.

Rules kept here:

* A package says for each of its names where it lives; type checkers are shown plain imports.
* A name is looked up once: afterwards it is an attribute like any other.
* What is loaded is code, as by an `import`; nothing else is read.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    namespace: dict[str, Any], homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package (known by its `globals()`) whose names live in these modules; a module
    without names is itself one. Modules that begin with a dot are the package's own.
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
