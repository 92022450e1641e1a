"""The table of operations and their three faces, made from the code: `python -m tests.package.operations_table`.

`pixel_core/api/README.md` holds it, and a test compares the two.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

from pixel_core.api import Operations, PixelApi, operation_names
from pixel_transports import PixelClient, PixelClientAsync


def _returns(method: Callable[..., Any]) -> str:
    text = inspect.formatannotation(inspect.signature(method).return_annotation)
    text = re.sub(r"Generator\[pixel_core\.effects\.Effect\[[^\]]*\], [\w.]*Any, (.*)\]", r"Flow[\1]", text)
    text = re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", text)
    text = text.replace("|", r"\|")  # A table ends a cell there.
    return f"coroutine of {text}" if inspect.iscoroutinefunction(method) else text


def markdown() -> str:
    """The table as it stands in the documentation."""
    lines = [
        "| operation | defined once in | `PixelClient` | `PixelClientAsync` | `PixelApi` |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in operation_names():
        (owner,) = [group for group in Operations.__mro__ if name in vars(group)]
        place = f"{owner.__module__.removeprefix('pixel_core.')}.{owner.__name__}"
        faces = [_returns(getattr(face, name)) for face in (PixelClient, PixelClientAsync, PixelApi)]
        lines.append(f"| `{name}` | " + " | ".join(f"`{cell}`" for cell in (place, *faces)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
