"""The API reference, built from the docstrings: `python -m tests.package.reference --out FOLDER`.

Rules kept here:

* It holds every public module. The modules of the sandbox and of the command line are left out.
* All warnings are printed. The exit status is 1 if there is one.
"""

import argparse
import re
import sys
import warnings
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any
from unittest.mock import patch

import pdoc
import pdoc.doc
import pdoc.render

from pixel_core.api import operation_names
from pixel_core.api.operation import AsyncFace, BlockingFace, listing, operation
from pixel_core.api.streaming import streaming

PACKAGES = ("pixel_client", "pixel_core", "pixel_transports")
DEFINED = (operation, listing, streaming)
INSIDE = (r".*\.__main__", r"pixel_transports\.(sandbox|cli)\..*")
"""Modules that are left out, as patterns of names."""


class FacedClass(pdoc.doc.Class):
    """A class for pdoc, with operations as methods of its face. A client's operations count as its own."""

    @cached_property
    def bases(self) -> list[tuple[str, str, str]]:
        """The public base classes."""
        return [base for base in super().bases if not base[1].startswith("_")]

    @cached_property
    def _member_objects(self) -> dict[str, Any]:
        found = super()._member_objects
        return {name: getattr(self.obj, name) if isinstance(each, DEFINED) else each for name, each in found.items()}

    @cached_property
    def _declarations(self) -> dict[str, tuple[str, str]]:
        """The module and the name in it that define each member."""
        found = super()._declarations
        is_face = issubclass(self.obj, (BlockingFace, AsyncFace))
        operations = set(operation_names()) if is_face else set()
        return {
            # Members of private classes have no page of their own either.
            name: (self.modulename, f"{self.qualname}.{name}") if name in operations or place[1][0] == "_" else place
            for name, place in found.items()
        }


def modules() -> list[str]:
    """The modules to document. pdoc finds the modules of a package, unless the package has `__all__`."""
    found = []
    for package in PACKAGES:
        home = str(Path(import_module(package).__file__ or "").parent)
        inside = [each.name for each in walk_packages([home], f"{package}.")]
        named = [name for name in inside if hasattr(import_module(name.rpartition(".")[0]), "__all__")]
        # `pixel_client` lies in a folder of the transports.
        found += [package, *(name for name in named if not name.startswith("pixel_transports.pixel_client"))]
    return [name for name in found if not any(re.fullmatch(pattern, name) for pattern in INSIDE)]


def build(folder: Path) -> list[str]:
    """Write the reference of all packages into a folder. Returns the warnings."""
    pdoc.render.configure(docformat="markdown", show_source=False, search=False, footer_text="Pixel client")
    with warnings.catch_warnings(record=True) as caught, patch.object(pdoc.doc, "Class", FacedClass):
        warnings.simplefilter("always")
        # Their keys are keywords of Python, so they are not written as classes. What pdoc assumes of them is right.
        warnings.filterwarnings(
            "ignore", r"Cannot determine where \S+\.SearchFilter(And|Or)Expr\.(and|or) is taken from"
        )
        pdoc.pdoc(*modules(), *(f"!{pattern}" for pattern in INSIDE), output_directory=folder)
    return [str(warning.message) for warning in caught]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.package.reference", description="Build the API reference.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    folder = parser.parse_args().out
    found = build(folder)
    for warning in found:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{len(list(folder.rglob('*.html')))} pages in {folder}, {len(found)} warnings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
