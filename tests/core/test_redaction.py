"""Redaction: which names and values are secrets, and how they are removed from messages."""

import pytest

from pixel_core.messages import Headers
from pixel_core.redaction import body_secrets, header_secrets, is_secret, redact_echo, without_quotes

SECRETS = ["hunter22", "hunter2"]


@pytest.mark.parametrize(
    "name", ["password", "api_key", "X-Amz-Signature", "refresh_token", "Set-Cookie", "pass%77ord"]
)
def test_a_name_of_a_secret_is_known_in_any_spelling(name: str) -> None:
    assert is_secret(name)
    assert not is_secret("username")


def test_secrets_of_a_request_are_its_header_values_and_the_fields_of_its_body() -> None:
    headers = {
        "Authorization": "Bearer abcdefgh",
        "X-Own": "a longer value",
        "X-Short": "abc",
        "Accept": "application/x",
    }
    assert header_secrets(Headers(headers)) == ["a longer value", "abcdefgh"]
    assert body_secrets(b'{"a": [{"password": "hunter2"}], "api_key": ["hunter22"], "name": "kari"}') == SECRETS


def test_an_echo_of_the_request_is_removed() -> None:
    payload = {"detail": [{"msg": "x" * 500, "input": "anything", "ctx": {}}]}
    assert redact_echo(payload, SECRETS) == {"detail": [{"msg": "x" * 200}]}
    assert without_quotes("illegal status line: bytearray(b'Bearer abc')") == "illegal status line"
