"""The table of operations and their three faces, made from the code: `python -m tests.package.operations_table`.

`pixel_core/api/README.md` holds it, and a test compares the two.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

from pixel_core.api import Operations, PixelApi, operation_names
from pixel_transports import PixelClient, PixelClientAsync

Row = tuple[str, str, str, str, str]


def rows() -> list[Row]:
    """Where each operation is defined, and what it gives on each face."""
    return [
        (
            name,
            _place(name),
            _returns(getattr(PixelClient, name)),
            _returns(getattr(PixelClientAsync, name)),
            _returns(getattr(PixelApi, name)),
        )
        for name in operation_names()
    ]


def _place(name: str) -> str:
    """The module that defines it: the one class whose own dictionary holds the name."""
    (owner,) = [group for group in Operations.__mro__ if name in vars(group)]
    return f"{owner.__module__.removeprefix('pixel_core.')}.{owner.__name__}"


def _returns(method: Callable[..., Any]) -> str:
    text = inspect.formatannotation(inspect.signature(method).return_annotation)
    text = re.sub(r"Generator\[pixel_core\.effects\.Effect\[[^\]]*\], [\w.]*Any, (.*)\]", r"Flow[\1]", text)
    text = re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", text)
    return f"coroutine of {text}" if inspect.iscoroutinefunction(method) else text


def markdown() -> str:
    """The table as it stands in the documentation."""
    lines = [
        "| operation | defined once in | `PixelClient` | `PixelClientAsync` | `PixelApi` |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, place, *faces in rows():
        lines.append(f"| `{name}` | `{place}` | " + " | ".join(f"`{face}`" for face in faces) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
