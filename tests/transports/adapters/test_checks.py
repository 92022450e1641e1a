"""Every check of the suite holds for every transport that it applies to."""

from collections.abc import Callable

import pytest

from pixel_transports.testing import checks
from tests.transports.adapters.candidates import CANDIDATES


@pytest.mark.parametrize(**checks.cases(**CANDIDATES))
def test_a_transport_does_what_the_clients_rely_on(case: Callable[[], None]) -> None:
    case()
