"""What the API takes: how bodies and queries are read, and what all lists are select by.

Rules kept here:

* These models are the server's own, not the client's, so that a mistake of the client does not pass unseen.
* A http_error is 422 with `{"detail": [{"type", "loc", "msg", "input"}]}`; `loc` starts with "body", "query" or "path",
  and `input` repeats what was sent, secrets too, as FastAPI does.
* Unknown names are ignored; of a repeated name in a query the last value counts.
"""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import from_json

from pixel_transports.sandbox.http import HttpError, IncomingRequest, http_error

M = TypeVar("M", bound=BaseModel)

JsonMetadata = dict[str, StrictBool | str | float | int | None]
Name = Annotated[str, Field(min_length=1, max_length=500)]
Tags = list[str]
Status = Literal["pending", "submitted", "in_progress", "completed", "failed"]


def parse_body(request: IncomingRequest, model: type[M]) -> M:
    """The body as a `model`. Raises HttpError (422)."""
    if not len(request.content):
        raise validation_error("missing", ["body"], "Field required", None)
    if request.media_type != "application/json":
        message = "Input should be a valid dictionary or object to extract fields from"
        raise validation_error(
            "model_attributes_type", ["body"], message, str(request.content[:200], "utf-8", "replace")
        )
    try:
        value = from_json(bytes(request.content), allow_inf_nan=False)
    except ValueError as error:
        context = {"error": str(error)}
        unread = {"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}, "ctx": context}
        raise http_error(422, [unread]) from None
    return _checked(model, value, "body")


def parse_query(request: IncomingRequest, model: type[M]) -> M:
    """The query as a `model`. Raises HttpError (422)."""
    try:
        query = request.query
    except ValueError:
        raise validation_error("too_long", ["query"], "Too many fields", None) from None
    return _checked(model, query, "query")


def validation_error(kind: str, loc: list[str | int], message: str, value: Any) -> HttpError:
    """A http_error of one value (422)."""
    return http_error(422, [{"type": kind, "loc": loc, "msg": message, "input": value}])


def _checked(model: type[M], value: Any, place: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = [
            {"type": e["type"], "loc": [place, *e["loc"]], "msg": e["msg"], "input": e["input"]}
            for e in error.errors(include_url=False)
        ]
        raise http_error(422, found) from None


class Schema(BaseModel):
    """The base of all bodies and queries."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    def dump(self) -> dict[str, Any]:
        """What was sent and is not null, as JSON says it."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


def _commas(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


CommaNumbers = Annotated[list[int], BeforeValidator(_commas)]
CommaTexts = Annotated[list[str], BeforeValidator(_commas)]


class PlainListQuery(Schema):
    """What narrows any list. `ids` is one comma-separated value."""

    name: str | None = None
    ids: CommaNumbers | None = None
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=0)


class ListQuery(PlainListQuery):
    """What narrows most lists. `tags` is one comma-separated value too: all of them have to be there."""

    extended: bool = False
    tags: CommaTexts | None = None


class ExtendedQuery(Schema):
    extended: bool = False
