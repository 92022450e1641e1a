"""Values: classes of named fields that nobody changes.

Rules kept here:

* Type checkers refuse a change, as they do for frozen dataclasses. At run time nothing is paid for that, neither where
  a value is made (several for each call) nor where its class is (dozens, each time the package is loaded).
* What has to be hashed, or is handed to those who may not check types, is a frozen dataclass.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Makes a class with annotated fields a value: made, compared and shown by its fields."""
    return dataclass(slots=True)(cls)
