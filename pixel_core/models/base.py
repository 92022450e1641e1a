"""The base of all inputs.

Rules kept by every input of this package:

* Unknown names are ignored, strings are coerced; wrong values are a ValidationError (a ValueError), before anything is
  sent.
* Dumps are in JSON mode; what is None is left out of bodies and queries. What is None inside a free mapping stays.
* NaN and infinities stay what they are, in free mappings too, so that the encoder refuses them; none becomes null.
* Secrets are hidden in every text but a body.
* What validates a model is built at its first use, since a program that imports them all uses few of them.
* No model reads a file: sizes and digests come from effects.
"""

from typing import Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, StrictBool, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

JsonMetadata: TypeAlias = dict[str, StrictBool | str | float | int | None]
"""Free metadata by name. A bool stays one (as 1.0, which a float would make of it, it would say something else)."""


class PixelModel(BaseModel):
    """The base of all inputs."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", ser_json_inf_nan="constants", defer_build=True)

    def body(self) -> dict[str, Any]:
        """The model as a JSON body: without what is None."""
        return self.model_dump(mode="json", exclude_none=True)


class SensitiveModel(PixelModel):
    """The base of inputs that hold secrets: what was given does not stand in a ValidationError, neither in its text nor
    in its `errors()`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="wrap")
    @classmethod
    def _hide_input(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            found = error.errors(include_url=False)
        raise ValidationError.from_exception_data(cls.__name__, [_hidden(each) for each in found], hide_input=True)


def _hidden(found: ErrorDetails) -> InitErrorDetails:
    """One finding of a ValidationError without what was given. Its own words stand where a validator of ours spoke."""
    kind = found["type"]
    told = PydanticCustomError(kind, "{told}", {"told": found["msg"]})  # pyright: ignore[reportArgumentType]
    return InitErrorDetails(type=told, loc=found["loc"], input="(not shown)")
