"""The figures that do not depend on the machine keep their bounds. No test looks at a second."""

import pytest

from tests.benchmarks.figures import BOUNDS, in_a_fresh_process, modules_loaded


@pytest.fixture(scope="module")
def figures() -> dict[str, int]:
    return in_a_fresh_process()


@pytest.mark.parametrize("name", BOUNDS)
def test_a_stable_figure_keeps_its_bound(figures: dict[str, int], name: str) -> None:
    assert set(figures) == set(BOUNDS)
    assert figures[name] <= BOUNDS[name]


def test_an_import_and_a_first_blocking_call_load_nothing_that_they_do_not_use() -> None:
    """No model of inputs, no upload engine, no journal, no `anyio`, and nothing of the sandbox and the commands."""
    imported, called = modules_loaded()
    late = {"pydantic", "h11", "anyio", "asyncio", "ssl", "sqlite3", "pixel_core.api", "pixel_transports.client.base"}
    assert late & set(imported) == set()
    assert {name for name in called if name.startswith("pixel_core.models.")} == {"pixel_core.models.results"}
    unused = (
        "anyio", "encodings.idna", "pixel_client.models", "pixel_core.api.attachment_flows",
        "pixel_core.api.upload_flows",
        "pixel_core.api.upload_service", "pixel_core.uploads", "pixel_transports.drivers.asynchronous",
        "pixel_transports.cli",
        "pixel_transports.drivers.journal.store", "pixel_transports.sandbox", "sqlite3",
    )  # fmt: skip
    assert not [name for name in called if any(f"{name}.".startswith(f"{each}.") for each in unused)]
