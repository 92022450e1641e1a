"""Calls share the renewals of short-lived tokens: a short run of `python -m tests.transports.drivers.renewals`."""

import pytest

from tests.transports.drivers.renewals import Figures, run


@pytest.mark.parametrize(("face", "calls"), [("blocking", 50), ("asyncio", 200), ("trio", 200)])
def test_each_token_is_renewed_once_and_no_call_fails_however_many_are_under_way(face: str, calls: int) -> None:
    figures = run(face, 1.2, calls)
    assert figures.wrong() == [], figures
    assert figures.answered >= calls
    assert figures.renewals >= 1


def figures_of(**changes: object) -> Figures:
    """Figures of ten seconds with ten renewals, with changes."""
    counts = {"password 200": 1, "refresh_token 200": 10, "call 200": 500}
    return Figures(
        "trio", 200, 10.0, 500, [], {"counts": counts, "refused": 0, "refresh_tokens_used_again": 0, **changes}
    )


def test_renewals_as_they_should_be_are_found_right() -> None:
    assert figures_of().wrong() == []


@pytest.mark.parametrize(
    "figures",
    [
        figures_of(counts={"password 200": 1, "refresh_token 200": 12}),
        figures_of(counts={"password 200": 1, "call 200": 500}),
        figures_of(counts={"password 200": 2, "refresh_token 200": 10}),
        figures_of(counts={"password 200": 1, "refresh_token 200": 10, "refresh_token 400": 1}),
        figures_of(refresh_tokens_used_again=1),
        Figures("trio", 200, 10.0, 500, ["PixelAuthenticationError: no"], figures_of().server),
    ],
    ids=["too many", "none", "the password again", "a refusal", "a refresh token twice", "a call that failed"],
)
def test_renewals_as_they_should_not_be_are_found_out(figures: Figures) -> None:
    assert figures.wrong()


def test_a_token_that_the_api_refused_is_a_reason_for_one_more_renewal() -> None:
    counts = {"password 200": 1, "refresh_token 200": 12}
    assert figures_of(counts=counts, refused=1).wrong() == []
