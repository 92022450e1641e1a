"""Request schemas: parsing of bodies and queries, and the base classes of all schemas.

Rules kept here:

* The schemas are the server's own, not the client's, so that they find mistakes of the client.
* A validation error is a 422 with `{"detail": [{"type", "loc", "msg", "input"}]}`. `loc` starts with "body", "query" or
  "path". `input` repeats the input, including secrets, as FastAPI does.
* Unknown names are ignored; the last of several values in a query counts.
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
    """Return the body as a `model`. Raises HttpError (422)."""
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
        problem = {"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}, "ctx": context}
        raise http_error(422, [problem]) from None
    return _validate(model, value, "body")


def parse_query(request: IncomingRequest, model: type[M]) -> M:
    """Return the query as a `model`. Raises HttpError (422)."""
    try:
        query = request.query
    except ValueError:
        raise validation_error("too_long", ["query"], "Too many fields", None) from None
    return _validate(model, query, "query")


def validation_error(kind: str, loc: list[str | int], message: str, value: Any) -> HttpError:
    """Return the error for one invalid value (422)."""
    return http_error(422, [{"type": kind, "loc": loc, "msg": message, "input": value}])


def _validate(model: type[M], value: Any, location: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = [
            {"type": e["type"], "loc": [location, *e["loc"]], "msg": e["msg"], "input": e["input"]}
            for e in error.errors(include_url=False)
        ]
        raise http_error(422, problems) from None


class Schema(BaseModel):
    """The base of all bodies and queries."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    def dump(self) -> dict[str, Any]:
        """Return the fields that are not null, as JSON values."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


def _split_commas(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


CommaNumbers = Annotated[list[int], BeforeValidator(_split_commas)]
CommaTexts = Annotated[list[str], BeforeValidator(_split_commas)]


class PlainListQuery(Schema):
    """Filters and paging of every list. `ids` is one comma-separated value."""

    name: str | None = None
    ids: CommaNumbers | None = None
    offset: int = Field(0, ge=0)
    limit: int = Field(100, ge=0)


class ListQuery(PlainListQuery):
    """Filters and paging of most lists. `tags` is one comma-separated value; a record needs all of them."""

    extended: bool = False
    tags: CommaTexts | None = None


class ExtendedQuery(Schema):
    extended: bool = False
