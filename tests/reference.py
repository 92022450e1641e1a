"""The API reference, built from the docstrings: `python -m tests.reference --out FOLDER`.

Rules kept here:

* Every module is in it, with pdoc's own pages; nothing is written by hand.
* A warning is a mistake: all of them are told, and the exit status is 1.
"""

import argparse
import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

PACKAGES = ("pixel_client", "pixel_core", "pixel_transports")


def build(folder: Path) -> list[str]:
    """Write the reference of all packages into a folder. Gives what was warned of."""
    pdoc.render.configure(docformat="markdown", show_source=False, search=False, footer_text="Pixel client")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        # A program's entry is no module to read about: running it is what importing it does.
        pdoc.pdoc(*PACKAGES, output_directory=folder)
    return [str(warning.message) for warning in told]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reference", description="Build the API reference.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    folder = parser.parse_args().out
    told = build(folder)
    for warning in told:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{len(list(folder.rglob('*.html')))} pages in {folder}, {len(told)} warnings")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
