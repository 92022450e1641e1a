"""Names the extra that a missing package belongs to, and the command that installs it.

Rules kept here:

* Every error about a missing package has one form: what needs which package, and the command.
* The command is for the way in which the library was installed: from an index, a folder (editable or not), a wheel, or
  a repository. It is quoted for the shell.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "pixel-client-sansio"


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Import packages of an extra in this block, for `what`. Raises ModuleNotFoundError."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(missing_extra(extra, what, error.name), name=error.name) from error


def missing_extra(extra: str, what: str, package: str | None) -> str:
    """The message about a package of an extra that is missing."""
    return f"{what} needs {package or 'a package'}, which is not installed: {install_command(extra)}"


def install_command(extra: str) -> str:
    """The command that installs an extra."""
    import json  # late, as all of this: nothing is missing as a rule
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        source: dict[str, Any] = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        source = {}
    return " ".join(("pip install", *map(_quoted, pip_arguments(extra, source))))


def pip_arguments(extra: str, source: dict[str, Any]) -> list[str]:
    """The arguments of pip for an installation with this source (PEP 610)."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    requirement, url = f"{NAME}[{extra}]", str(source.get("url", ""))
    path = url2pathname(urlsplit(url).path) if url.startswith("file:") else None
    if not url or (path is not None and not os.path.exists(path)):
        return [requirement]
    if "vcs_info" in source:
        return [f"{requirement} @ {source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"]
    if path is None or "dir_info" not in source:
        return [f"{requirement} @ {url}"]
    return [*(["-e"] if source["dir_info"].get("editable") else []), f"{path}[{extra}]"]


def _quoted(argument: str) -> str:
    return subprocess.list2cmdline([argument]) if os.name == "nt" else shlex.quote(argument)
