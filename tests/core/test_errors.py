"""Errors: one tree, messages in a fixed form, pickling and copying."""

import copy
import pickle
import re
from typing import Any

import pytest

from pixel_core import errors

STATUS: dict[str, Any] = {
    "status_code": 500,
    "method": "GET",
    "url": "https://pixel.test/a?b=1",
    "response_json": {"detail": [1]},
    "request_id": "r",
}
UPLOAD = errors.PixelUploadJobError(5, "failed", {"why": "blurry"}, "/p/a.jpg")
EXAMPLES: list[errors.PixelError] = [
    errors.PixelError("e"),
    errors.PixelStatusError("odd", **STATUS),
    errors.PixelServerError("failed", **STATUS),
    errors.PixelStorageError(
        "refused", code="AccessDenied", expired=True, status_code=403, method="PUT", url="https://s3/b"
    ),
    errors.PixelBadRequestError({"detail": "no"}, 400, "POST", "https://pixel.test/a", "r", '{"a":1}', tries=3),
    *(kind({"detail": "no"}, status, "GET", "https://pixel.test/a") for status, kind in errors.BAD_REQUESTS.items()),
    errors.PixelLoginError("refused", error="invalid_grant", status_code=401),
    errors.PixelConnectionError("reset", sent=True),
    errors.PixelTimeoutError("slow", sent=True),
    errors.PixelProxyError("refused", status=407),
    errors.PixelProtocolError("nonsense"),
    errors.PixelJobTimeoutError("late"),
    UPLOAD,
    errors.PixelMultipleUploadJobError([UPLOAD, errors.PixelUploadJobError(None, "not_created", None)]),
    errors.PixelFileChangedError("shorter"),
    errors.PixelSettingsError("A is missing", "Set it", ["A"], ["B"]),
    errors.PixelCancelledError("cancelled", done=3, total=10),
    errors.PixelClosedError("closed"),
]


def facts(error: BaseException) -> tuple[type, str, tuple[Any, ...], str]:
    return type(error), str(error), error.args, repr({name: repr(value) for name, value in vars(error).items()})


def named(error: object) -> str:
    return type(error).__name__


def test_there_is_an_example_of_every_error() -> None:
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.PixelError)}
    assert {type(each) for each in EXAMPLES} == kinds


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_is_pickled_and_copied_with_all_its_fields(error: errors.PixelError, protocol: int) -> None:
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)
    assert facts(copy.copy(error)) == facts(copy.deepcopy(error)) == facts(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_the_tree_in_the_docstring_is_the_tree_of_the_classes(error: errors.PixelError) -> None:
    lines = [
        line for line in (errors.__doc__ or "").splitlines() if "Pixel" in line and ("─" in line or "::" not in line)
    ]
    (line,) = [line for line in lines if named(error) in line.replace("─", " ").split()][:1]
    depth = (line.index(named(error)) - 4) // 4
    assert depth == len([each for each in type(error).__mro__ if issubclass(each, errors.PixelError)]) - 1
    builtin = {each.__name__ for each in type(error).__mro__} & {"TimeoutError", "RuntimeError", "ValueError"}
    assert set(re.findall(r"also a (\w+)", line)) == builtin


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            errors.PixelBadRequestError({"detail": "no"}, 400, "GET", "https://pixel.test/a?b=1", "r-1"),
            "Bad request 400 for GET https://pixel.test/a?b=1 (request ID: r-1): no\n"
            'Response: \n{\n    "detail": "no"\n}',
        ),
        (
            errors.PixelBadRequestError(["å"], 409, "PUT", "https://pixel.test/a", None, '{"name":"Ås"}', tries=3),
            'Bad request 409 for PUT https://pixel.test/a (request ID: None), after 3 tries: ["å"]\n'
            'Payload:\n{"name":"Ås"}\n'
            'Response: \n[\n    "\\u00e5"\n]',
        ),
        (
            errors.PixelAuthenticationError(None, 401, "GET", "https://pixel.test/a", body=""),
            "Bad request 401 for GET https://pixel.test/a (request ID: None). A new token was refused too, or there is "
            "none: check PIXEL_TENANT and PIXEL_API_URL, or the token given\nResponse: \nnull",
        ),
    ],
    ids=["400", "409", "401"],
)
def test_a_bad_request_shows_request_id_tries_reason_hint_payload_and_response(
    error: errors.PixelError, message: str
) -> None:
    assert str(error) == message


REASONS: list[tuple[Any, str]] = [
    (None, ""),
    ({}, ""),
    ({"detail": []}, ""),
    ({"detail": "Not yours.\n\x1b[2J"}, r"Not yours.\n\x1b[2J"),
    ("<html>", "<html>"),
    ({"error": {"code": 7}}, '{"error": {"code": 7}}'),
    ({"detail": [{"type": "missing", "loc": ["body", "name"], "msg": "Field required"}]}, "name: Field required"),
    (
        {
            "detail": [
                {"loc": ["body", "files", 3, "size"], "msg": "Value error, Too large"},
                {"loc": ["query", "limit"], "msg": "Not\ta number"},
                {"loc": ["body"], "msg": "Field required"},
                {"msg": "No place", "loc": None},
            ]
        },
        r"files[3].size: Too large; limit: Not\ta number; body: Field required; No place",
    ),
    ({"detail": [{"loc": ["body", "a"]}]}, '[{"loc": ["body", "a"]}]'),
]


@pytest.mark.parametrize(("answer", "reason"), REASONS)
def test_the_reason_of_a_refusal_is_one_line_in_words_field_by_field(answer: Any, reason: str) -> None:
    error = errors.PixelValidationError(answer, 422, "POST", "https://pixel.test/a")
    assert error.reason == reason
    assert str(error).splitlines()[0].partition("(request ID: None)")[2] == (f": {reason}" if reason else "")


def test_the_reason_of_a_refusal_is_bounded() -> None:
    many = [{"loc": ["body", f"field_{number}"], "msg": "x" * 10_000} for number in range(1000)]
    reason = errors.PixelValidationError({"detail": many[:20]}, 422, "POST", "https://pixel.test/a").reason
    assert reason.startswith("field_0: xxx")
    short = errors.PixelValidationError({"detail": [{**each, "msg": "no"} for each in many]}, 422, "POST", "u").reason
    assert short.endswith("field_9: no; and 990 more")
    text = errors.PixelValidationError({"detail": "y" * 10_000}, 422, "POST", "https://pixel.test/a").reason
    assert max(len(reason), len(text)) == 2003


def test_a_message_has_the_beginning_of_a_long_payload_and_response() -> None:
    error = errors.PixelBadRequestError(
        {"detail": "n" * 9_000}, 422, "POST", "https://pixel.test/a", "r", "p" * 1_000_000
    )
    assert len(str(error)) < 11_000
    assert "p" * 4_000 + "... (996,000 more characters)" in str(error)
    assert (len(error.body or ""), error.response_json) == (1_000_000, {"detail": "n" * 9_000})


def test_a_bad_request_has_the_attributes_of_its_exchange() -> None:
    error = errors.PixelBadRequestError({"d": 1}, 400, "GET", "https://pixel.test/a", "r", "b")
    assert (error.status_code, error.method, error.url) == (400, "GET", "https://pixel.test/a")
    assert (error.body, error.request_id, error.response_json) == ("b", "r", {"d": 1})
    assert error.message == str(error)
    assert error.json_resp_msg == '{\n    "d": 1\n}'


def test_the_error_of_several_uploads_lists_theirs() -> None:
    assert str(UPLOAD) == "Upload job 5 failed with status 'failed', detail: \n{'why': 'blurry'}"
    assert (UPLOAD.job_id, UPLOAD.status, UPLOAD.detail, UPLOAD.file) == (5, "failed", {"why": "blurry"}, "/p/a.jpg")
    error = errors.PixelMultipleUploadJobError([UPLOAD, UPLOAD])
    assert str(error) == f"Multiple upload jobs failed:\n{UPLOAD}\n{UPLOAD}"
    assert error.errors == [UPLOAD, UPLOAD]
