"""Fields of responses: reading them, and the errors that name a wrong one by path, request and status."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel_core.errors import PixelProtocolError
from pixel_core.messages import Response
from pixel_core.session.answers import Answer, Field

LABEL = "GET https://pixel.example/api/x"


def answer_of(body: bytes, status: int = 200) -> Answer:
    return Answer(Response(status, body=body), LABEL, "an-id")


def read(body: bytes, *path: str | int) -> Field:
    found = answer_of(body).root
    for step in path:
        found = found.items()[step] if isinstance(step, int) else found.field(step)
    return found


@pytest.mark.parametrize("body", [b'{"b": 1, "a": [null, 1.5, "x"]}', b"null", b"[]", b"7"])
def test_a_result_is_the_decoded_json(body: bytes) -> None:
    assert answer_of(body).json(object) == Response(200, body=body).json()


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b'{"a":'])
def test_a_body_that_is_not_json_is_a_protocol_error_that_names_the_request(body: bytes) -> None:
    with pytest.raises(PixelProtocolError) as caught:
        answer_of(body).json(object)
    assert str(caught.value) == f"The answer to {LABEL} (request ID: an-id, status 200) is not JSON"
    assert caught.value.__suppress_context__


JOBS = b'[{"upload_parts": [{}, {}, {"url": "https://s3.example/a?sig=1", "number": 3, "done": true, "size": 1.5}]}]'


def test_a_field_is_read_by_its_path() -> None:
    part = read(JOBS, 0, "upload_parts", 2)
    assert part.field("url").text() == part.field("url").url() == "https://s3.example/a?sig=1"
    assert part.field("number").integer() == 3
    assert part.field("number").identifier() == 3
    assert part.field("done").boolean() is True
    assert part.field("missing").value is None
    assert answer_of(b'{"a": "b"}').field("a").text() == "b"


@pytest.mark.parametrize(
    ("reader", "body", "message"),
    [
        (Field.text, b'{"a": null}', "a field 'a' that has to be a string, but is missing or null"),
        (Field.text, b"{}", "a field 'a' that has to be a string, but is missing or null"),
        (Field.text, b'{"a": 1}', "a field 'a' that has to be a string, but is of type int"),
        (Field.integer, b'{"a": "1"}', "a field 'a' that has to be a whole number, but is of type str"),
        (Field.integer, b'{"a": true}', "a field 'a' that has to be a whole number, but is of type bool"),
        (Field.integer, b'{"a": 1.5}', "a field 'a' that has to be a whole number, but is of type float"),
        (Field.boolean, b'{"a": 1}', "a field 'a' that has to be true or false, but is of type int"),
        (Field.identifier, b'{"a": false}', "a field 'a' that has to be an id, but is of type bool"),
        (Field.identifier, b'{"a": ""}', "a field 'a' that has to be an id, but is of type str"),
        (Field.identifier, b'{"a": [1]}', "a field 'a' that has to be an id, but is of type list"),
        (Field.items, b'{"a": {}}', "a field 'a' that has to be a list, but is of type dict"),
        (Field.texts, b'{"a": []}', "a field 'a' that has to be an object, but is of type list"),
        (Field.texts, b'{"a": {"b": null}}', "a field 'a.b' that has to be a string, but is missing or null"),
        (Field.texts, b'{"a": {"b": {}}}', "a field 'a.b' that has to be a string, but is of type dict"),
        (Field.texts, b'{"a": {"b": true}}', "a field 'a.b' that has to be a string, but is of type bool"),
        (Field.url, b'{"a": 1}', "a field 'a' that has to be a string, but is of type int"),
        (lambda field: field.field("b"), b'{"a": "x"}', "a field 'a' that has to be an object, but is of type str"),
        (
            lambda field: field.items()[1].field("b").text(),
            b'{"a": [0, {}]}',
            "a field 'a[1].b' that has to be a string, but is missing or null",
        ),
        (Field.text, b"[]", "a body that has to be an object, but is of type list"),
    ],
)
def test_a_wrong_field_is_a_protocol_error_that_names_it(
    reader: Callable[[Field], Any], body: bytes, message: str
) -> None:
    with pytest.raises(PixelProtocolError) as caught:
        reader(read(body, "a"))
    assert str(caught.value) == f"The answer to {LABEL} (request ID: an-id, status 200) has {message}"


def test_an_object_of_strings_is_read_as_pairs_in_order() -> None:
    assert read(b'{"a": {"z": "1", "b": 2, "c": 1.5}}', "a").texts() == (("z", "1"), ("b", "2"), ("c", "1.5"))
    assert read(b'{"a": {}}', "a").texts() == ()


@pytest.mark.parametrize("url", ["/relative?sig=5ec2e7", "ftp://h/?sig=5ec2e7", "", "https://u:5ec2e7@h/"])
def test_an_invalid_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(PixelProtocolError, match="has to be an absolute http or https URL, but is none") as caught:
        Field(answer_of(b""), "a", url).url()
    assert "5ec2e7" not in str(caught.value)


def test_no_repr_shows_a_value() -> None:
    answer = answer_of(b'{"a": "5ec2e7"}')
    for shown in (answer, answer.root, answer.field("a")):
        assert "5ec2e7" not in repr(shown)
    assert repr(answer) == f"<Answer 200 to {LABEL}>"
    assert repr(answer.root) == "<Field (all)>"
    assert repr(answer.field("a")) == "<Field a>"


READERS: list[Callable[[Field], Any]] = [
    Field.text, Field.url, Field.integer, Field.identifier, Field.boolean, Field.texts, Field.items,
    lambda field: field.field("a"), lambda field: field.items()[0].field("a").text(),
]  # fmt: skip


@given(
    st.binary(max_size=20) | st.sampled_from([b"[{}]", b'{"a": 1}', b"[[]]", b'"x"', b"null"]), st.sampled_from(READERS)
)
def test_any_body_gives_a_value_or_a_protocol_error(body: bytes, reader: Callable[[Field], Any]) -> None:
    try:
        reader(answer_of(body).root)
    except PixelProtocolError:
        pass
    except IndexError:
        assert Response(200, body=body).json() == []
