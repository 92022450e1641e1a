"""Redaction: secrets are recognised by their names, and then by their values."""

from typing import Any

import pytest

from pixel_transports.testing.secrets import Redactor, matches

SECRETS: list[tuple[str, str]] = [
    (
        "https://s3.test/b/k?X-Amz-Date=1&X-Amz-Signature=5ecret&a=b",
        "https://s3.test/b/k?X-Amz-Date=1&X-Amz-Signature=***&a=b",
    ),
    ("https://s3.test/?AWSAccessKeyId=5ecret&Signature=5ecret", "https://s3.test/?AWSAccessKeyId=***&Signature=***"),
    ("<Error><AWSAccessKeyId>5ecret</AWSAccessKeyId></Error>", "<Error><AWSAccessKeyId>***</AWSAccessKeyId></Error>"),
    ("got Authorization: Bearer 5ecret.5ecret", "got Authorization: Bearer ***"),
    ("http://user:5ecret@proxy.test/", "http://***@proxy.test/"),
    ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln here", "token *** here"),
    ('wrong: {"password": "5ecret", "a": "b"}', 'wrong: {"password": "***", "a": "b"}'),
    ("grant_type=password&password=5ecret", "grant_type=password&password=***"),
    ("nothing of that kind", "nothing of that kind"),
]


@pytest.mark.parametrize(("text", "hidden"), SECRETS)
def test_secrets_in_a_text_are_recognised_by_their_names(text: str, hidden: str) -> None:
    assert Redactor().text(text) == hidden


def test_secrets_in_json_are_recognised_by_their_names_at_any_depth() -> None:
    kept = {"expires_in": 300, "not-before-policy": 0, "has_token": True, "name": "open"}
    credentials, signed = {"username": "c", "more": ["d"]}, {"policy": "e", "x-amz-signature": "f", "key": "open"}
    secrets = {"password": "a", "Api-Key": "b", "credentials": credentials, "fields": signed}
    assert Redactor().value(kept | secrets) == kept | {
        "password": "***",
        "Api-Key": "***",
        "credentials": {"username": "***", "more": ["***"]},
        "fields": {"policy": "***", "x-amz-signature": "***", "key": "open"},
    }


@pytest.mark.parametrize(
    "fields", ["its 5ecret+a/ö ", "in 5ecret%2Ba%2F%C3%B6", "a 5ecret+a/\\u00f6 b", "NWVjcmV0K2Evw7Y="]
)
def test_a_known_secret_is_hidden_in_all_its_spellings(fields: str) -> None:
    redactor = Redactor()
    redactor.value({"password": "5ecret+a/ö"})
    hidden = redactor.again({"a": [fields, fields.encode()]})
    assert "***" in hidden["a"][0]
    assert b"***" in hidden["a"][1]


@pytest.mark.parametrize(
    ("recorded", "sent", "same"),
    [
        ({"a": ["x"]}, {"a": ["x"]}, True),
        ({"a": ["x"]}, {"a": ["x", "y"]}, False),
        ({"a": "x***z"}, {"a": "xyz"}, True),
        ({"a": "x***z"}, {"a": "xy"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, False),
    ],
)
def test_stars_match_any_text(recorded: Any, sent: Any, same: bool) -> None:
    assert matches(recorded, sent) is same
