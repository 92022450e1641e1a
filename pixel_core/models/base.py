"""The base of all inputs.

Rules kept by every input of this package:

* Unknown names are ignored, strings are coerced; wrong values are a ValidationError (a ValueError), before anything is
  sent.
* Dumps are in JSON mode; what is None is left out of bodies and queries. What is None inside a free mapping stays.
* NaN and infinities stay what they are, in free mappings too, so that the encoder refuses them; none becomes null.
* Secrets are hidden in every text but a body.
* No model reads a file: sizes and digests come from effects.
"""

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, StrictBool

JsonMetadata: TypeAlias = dict[str, StrictBool | str | float | int | None]
"""Free metadata by name. A bool stays one (as 1.0, which a float would make of it, it would say something else)."""


class PixelModel(BaseModel):
    """The base of all inputs."""

    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="constants")

    def body(self) -> dict[str, Any]:
        """The model as a JSON body: without what is None."""
        return self.model_dump(mode="json", exclude_none=True)


class SensitiveModel(PixelModel):
    """The base of inputs that hold secrets: what was given does not stand in a ValidationError."""

    model_config = ConfigDict(hide_input_in_errors=True)
