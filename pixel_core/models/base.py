"""Base classes of all inputs.

Rules kept by every input:

* Unknown fields are ignored, strings are converted. An invalid value raises ValidationError (a ValueError) before a
  request is sent.
* Fields that are None are left out of bodies and queries. None inside a free mapping is sent as null.
* NaN and infinity are kept, also in free mappings, so that the JSON encoder refuses them. They never become null.
* Secrets appear in request bodies only, not in `repr`, `str` or errors.
* The validator of a model is built at its first use.
* No model reads a file: sizes and digests come from effects.
"""

from typing import Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, StrictBool, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

JsonMetadata: TypeAlias = dict[str, StrictBool | str | float | int | None]
"""Free metadata by name. A bool stays a bool and does not become 1.0."""


class PixelModel(BaseModel):
    """Base class of all inputs."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", ser_json_inf_nan="constants", defer_build=True)

    def body(self) -> dict[str, Any]:
        """Return the model as a JSON body, without fields that are None."""
        return self.model_dump(mode="json", exclude_none=True)


class SensitiveModel(PixelModel):
    """Base class of inputs with secrets: a ValidationError contains no input, neither in its text nor in `errors()`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _hide_input(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            details = error.errors(include_url=False)
        raise ValidationError.from_exception_data(cls.__name__, [_hidden(each) for each in details], hide_input=True)


def _hidden(details: ErrorDetails) -> InitErrorDetails:
    """Return one error of a ValidationError without its input. The message is kept."""
    kind = details["type"]
    error = PydanticCustomError(kind, "{message}", {"message": details["msg"]})  # pyright: ignore[reportArgumentType]
    return InitErrorDetails(type=error, loc=details["loc"], input="(not shown)")
