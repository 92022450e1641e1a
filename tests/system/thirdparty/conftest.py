"""What the tests against software of others share: the marker `thirdparty`.

Rules kept here:

* Every test of this folder has the marker.
* Tests with the marker are skipped, with the reason, where the software cannot be had; all others run everywhere.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "thirdparty: needs software of others, from the package index or the machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.thirdparty)
