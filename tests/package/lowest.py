"""The lowest versions that are declared: `python -m tests.package.lowest` prints them as constraints of pip.

    python -m tests.package.lowest > lowest.txt
    pip install -c lowest.txt '.[aiohttp,cli,httpx,otel,trio]' pytest hypothesis

Rules kept here:

* Each requirement of `pyproject.toml` has a lower bound, and works with it; `test_lowest.py` runs tests with them.
* The tools of the extra `test` and the environments of its programs do not count: they are no part of the library.
"""

import re
import tomllib

from tests.support.paths import ROOT

EXTRAS = ("cli", "photos", "trio", "otel", "httpx", "aiohttp", "keyring")
"""The extras of users; the others are tools, or need much to be installed."""

_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)")


def constraints() -> list[str]:
    """Each requirement at its lowest version. Raises ValueError for one without a lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [each for extra in EXTRAS for each in project["optional-dependencies"][extra]]
    found = []
    for requirement in [*project["dependencies"], *extras]:
        if requirement.startswith(project["name"]):
            continue
        bound = _REQUIREMENT.fullmatch(requirement)
        if bound is None:
            raise ValueError(f"{requirement} has no lower bound")
        found.append(f"{bound[1]}=={bound[2]}")
    return found


if __name__ == "__main__":
    print("\n".join(constraints()))
