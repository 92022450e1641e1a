"""Calls share the renewals of short-lived tokens: a short run of `python -m tests.transports.drivers.renewals`."""

from typing import Any

import pytest

from tests.transports.drivers.renewals import Figures, run


@pytest.mark.parametrize(("face", "calls"), [("blocking", 50), ("asyncio", 200), ("trio", 200)])
def test_each_token_is_renewed_once_and_no_call_fails_however_many_are_under_way(face: str, calls: int) -> None:
    figures = run(face, 1.2, calls)
    assert figures.wrong() == [], figures
    assert figures.answered >= calls
    assert figures.renewals >= 1


GRANTS = {"password 200": 1, "refresh_token 200": 10}
ONE_MORE = {"password 200": 1, "refresh_token 200": 12}


@pytest.mark.parametrize(
    ("counts", "refused", "used_again", "failures", "wrong"),
    [
        pytest.param(GRANTS, 0, 0, [], 0, id="as they should be"),
        pytest.param(ONE_MORE, 0, 0, [], 1, id="too many"),
        pytest.param(ONE_MORE, 1, 0, [], 0, id="a token that the API refused is a reason for one more"),
        pytest.param({"password 200": 1}, 0, 0, [], 2, id="none"),
        pytest.param({**GRANTS, "password 200": 2}, 0, 0, [], 1, id="the password again"),
        pytest.param({**GRANTS, "refresh_token 400": 1}, 0, 0, [], 1, id="a refusal"),
        pytest.param(GRANTS, 0, 1, [], 1, id="a refresh token twice"),
        pytest.param(GRANTS, 0, 0, ["PixelAuthenticationError: no"], 1, id="a call that failed"),
    ],
)
def test_wrong_renewals_of_ten_seconds_are_found_out(
    counts: dict[str, int], refused: int, used_again: int, failures: list[str], wrong: int
) -> None:
    server: dict[str, Any] = {"counts": counts, "refused": refused, "refresh_tokens_used_again": used_again}
    assert len(Figures("trio", 200, 10.0, 500, failures, server).wrong()) == wrong
