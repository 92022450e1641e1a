"""The errors: one tree, messages in a known form, and all of them fit for pickling and copying."""

import copy
import pickle
from typing import Any

import pytest

from pixel_core import errors
from pixel_core.errors import (
    BAD_REQUESTS,
    PixelAuthenticationError,
    PixelBadRequestError,
    PixelClosedError,
    PixelConnectionError,
    PixelError,
    PixelFileChangedError,
    PixelJobTimeoutError,
    PixelLoginError,
    PixelMultipleUploadJobError,
    PixelProtocolError,
    PixelProxyError,
    PixelServerError,
    PixelStatusError,
    PixelStorageError,
    PixelTimeoutError,
    PixelUploadJobError,
)

STATUS: dict[str, Any] = {
    "status_code": 500,
    "method": "GET",
    "url": "https://pixel.test/a?b=1",
    "response_json": {"detail": [1]},
    "request_id": "r",
}
UPLOAD = PixelUploadJobError(5, "failed", {"why": "blurry"}, "/p/a.jpg")
EXAMPLES: list[PixelError] = [
    PixelError("e"),
    PixelStatusError("odd", **STATUS),
    PixelServerError("failed", **STATUS),
    PixelStorageError("refused", code="AccessDenied", expired=True, status_code=403, method="PUT", url="https://s3/b"),
    PixelBadRequestError({"detail": "no"}, 400, "POST", "https://pixel.test/a", "r", '{"a":1}', tries=3),
    *(kind({"detail": "no"}, status, "GET", "https://pixel.test/a") for status, kind in BAD_REQUESTS.items()),
    PixelLoginError("refused", error="invalid_grant", status_code=401),
    PixelConnectionError("reset", sent=True),
    PixelTimeoutError("slow", sent=True),
    PixelProxyError("refused", status=407),
    PixelProtocolError("nonsense"),
    PixelJobTimeoutError("late"),
    UPLOAD,
    PixelMultipleUploadJobError([UPLOAD, PixelUploadJobError(None, "not_created", None)]),
    PixelFileChangedError("shorter"),
    PixelClosedError("closed"),
]


def facts(error: BaseException) -> tuple[type, str, tuple[Any, ...], str]:
    return type(error), str(error), error.args, repr({name: repr(value) for name, value in vars(error).items()})


def named(error: object) -> str:
    return type(error).__name__


def test_there_is_an_example_of_every_error() -> None:
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PixelError)}
    assert {type(each) for each in EXAMPLES} == kinds


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_survives_pickling_with_all_that_it_knows(error: PixelError, protocol: int) -> None:
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_an_error_can_be_copied(error: PixelError) -> None:
    assert facts(copy.copy(error)) == facts(error)
    assert facts(copy.deepcopy(error)) == facts(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_the_tree_in_the_docstring_is_the_tree_of_the_classes(error: PixelError) -> None:
    lines = [
        line for line in (errors.__doc__ or "").splitlines() if "Pixel" in line and ("─" in line or "::" not in line)
    ]
    (line,) = [line for line in lines if named(error) in line.replace("─", " ").split()][:1]
    depth = (line.index(named(error)) - 4) // 4
    assert depth == len([each for each in type(error).__mro__ if issubclass(each, PixelError)]) - 1


@pytest.mark.parametrize("kind", [PixelTimeoutError, PixelJobTimeoutError])
def test_time_outs_are_the_time_outs_of_the_language_too(kind: type[PixelError]) -> None:
    assert issubclass(kind, TimeoutError)


def test_a_closed_client_is_a_runtime_error_too() -> None:
    assert issubclass(PixelClosedError, RuntimeError)


def test_a_bad_request_says_status_method_url_and_request_id_in_one_line() -> None:
    error = PixelBadRequestError({"detail": "no"}, 400, "GET", "https://pixel.test/a?b=1", "r-1")
    assert str(error) == (
        'Bad request 400 for GET https://pixel.test/a?b=1 (request ID: r-1)\nResponse: \n{\n    "detail": "no"\n}'
    )


def test_a_bad_request_with_a_body_shows_it_between_the_line_and_the_answer() -> None:
    error = PixelBadRequestError(["å"], 409, "PUT", "https://pixel.test/a", None, '{"name":"Ås"}')
    assert str(error) == (
        "Bad request 409 for PUT https://pixel.test/a (request ID: None)\n"
        'Payload:\n{"name":"Ås"}\n'
        'Response: \n[\n    "\\u00e5"\n]'
    )


@pytest.mark.parametrize("body", ["", None])
def test_a_bad_request_without_a_body_has_no_payload(body: str | None) -> None:
    error = PixelBadRequestError(None, 404, "GET", "https://pixel.test/a", body=body)
    assert str(error) == "Bad request 404 for GET https://pixel.test/a (request ID: None)\nResponse: \nnull"


def test_the_attributes_of_a_bad_request_are_what_it_was_made_of() -> None:
    error = PixelBadRequestError({"d": 1}, 400, "GET", "https://pixel.test/a", "r", "b")
    assert (error.status_code, error.method, error.url) == (400, "GET", "https://pixel.test/a")
    assert (error.body, error.request_id, error.response_json) == ("b", "r", {"d": 1})
    assert error.message == str(error)
    assert error.json_resp_msg == '{\n    "d": 1\n}'


def test_a_bad_request_after_several_tries_says_how_many() -> None:
    error = PixelBadRequestError(None, 429, "GET", "https://pixel.test/a", tries=3)
    assert str(error).startswith("Bad request 429 for GET https://pixel.test/a (request ID: None), after 3 tries\n")


def test_a_401_says_what_to_check() -> None:
    error = PixelAuthenticationError(None, 401, "GET", "https://pixel.test/a")
    assert "check PIXEL_TENANT and PIXEL_API_URL" in str(error)


def test_an_upload_job_error_says_id_status_and_detail() -> None:
    assert str(UPLOAD) == "Upload job 5 failed with status 'failed', detail: \n{'why': 'blurry'}"
    assert (UPLOAD.job_id, UPLOAD.status, UPLOAD.detail, UPLOAD.file) == (5, "failed", {"why": "blurry"}, "/p/a.jpg")


def test_the_error_of_several_uploads_is_made_of_their_texts() -> None:
    error = PixelMultipleUploadJobError([UPLOAD, UPLOAD])
    assert str(error) == f"Multiple upload jobs failed:\n{UPLOAD}\n{UPLOAD}"
    assert error.errors == [UPLOAD, UPLOAD]


def test_whether_a_request_was_sent_is_no_by_default() -> None:
    assert PixelConnectionError("refused").sent is False
    assert PixelTimeoutError("slow").sent is False
