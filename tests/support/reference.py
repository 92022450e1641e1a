"""The API reference, built from the docstrings: `python -m tests.support.reference --out FOLDER`.

Rules kept here:

* Every module that can be programmed against is in it. The rooms of the sandbox and the inside of the command line are
  not, nor are the entries of programs; nothing is written by hand.
* A warning is a mistake: all of them are told, and the exit status is 1.
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

PACKAGES = ("pixel_client", "pixel_core", "pixel_transports")
DEFINED = (operation, listing)
INSIDE = (r".*\.__main__", r"pixel_transports\.(sandbox|cli)\..*")
"""What is no API, as patterns of names."""


class FacedClass(pdoc.doc.Class):
    """A class as pdoc sees it, its operations as the methods that they are on this face. A client's operations count as
    its own: who reads of a client wants to read of them.
    """

    @cached_property
    def bases(self) -> list[tuple[str, str, str]]:
        """The public classes that it is made of: there is nothing to read about the others."""
        return [base for base in super().bases if not base[1].startswith("_")]

    @cached_property
    def _member_objects(self) -> dict[str, Any]:
        found = super()._member_objects
        return {name: getattr(self.obj, name) if isinstance(each, DEFINED) else each for name, each in found.items()}

    @cached_property
    def _declarations(self) -> dict[str, tuple[str, str]]:
        """Where each member is from."""
        found = super()._declarations
        is_face = issubclass(self.obj, (BlockingFace, AsyncFace))
        operations = set(operation_names()) if is_face else set()
        return {
            # What comes from a private class has no page of its own either.
            name: (self.modulename, f"{self.qualname}.{name}") if name in operations or place[1][0] == "_" else place
            for name, place in found.items()
        }


def modules() -> list[str]:
    """The modules that pdoc is told to document. From a package it goes on to what is in it, but for one with
    `__all__`, where it takes that for everything.
    """
    found = []
    for package in PACKAGES:
        home = str(Path(import_module(package).__file__ or "").parent)
        inside = [each.name for each in walk_packages([home], f"{package}.")]
        named = [name for name in inside if hasattr(import_module(name.rpartition(".")[0]), "__all__")]
        # The users' package lies among the transports, and has a name of its own.
        found += [package, *(name for name in named if not name.startswith("pixel_transports.pixel_client"))]
    return [name for name in found if not any(re.fullmatch(pattern, name) for pattern in INSIDE)]


def build(folder: Path) -> list[str]:
    """Write the reference of all packages into a folder. Gives what was warned of."""
    pdoc.render.configure(docformat="markdown", show_source=False, search=False, footer_text="Pixel client")
    with warnings.catch_warnings(record=True) as told, patch.object(pdoc.doc, "Class", FacedClass):
        warnings.simplefilter("always")
        # The keys of these two are keywords of Python, so that they cannot be written as classes. pdoc assumes that
        # they come from the file in which it finds them, and that is so.
        warnings.filterwarnings(
            "ignore", r"Cannot determine where \S+\.SearchFilter(And|Or)Expr\.(and|or) is taken from"
        )
        pdoc.pdoc(*modules(), *(f"!{pattern}" for pattern in INSIDE), output_directory=folder)
    return [str(warning.message) for warning in told]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.reference", description="Build the API reference.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    folder = parser.parse_args().out
    told = build(folder)
    for warning in told:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{len(list(folder.rglob('*.html')))} pages in {folder}, {len(told)} warnings")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
