"""The project uses the words of its field: none of those in `words.py`."""

import pytest

from tests.package.words import found_in, report


def test_no_word_is_home_made() -> None:
    assert list(report()) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def told(): pass", ["told"]),
        ("result = as_told + AsTold", ["told", "told"]),
        ("wanted = 1  # a person", ["a person", "wanted"]),
        ("def test_an_upload_that_was_given_up(): pass", []),
        ("mantold = 'Hearing'", []),
    ],
)
def test_a_word_is_found_in_names_and_in_texts(source: str, words: list[str]) -> None:
    assert [word for _, word in found_in(source, python=True)] == words
