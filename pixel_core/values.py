"""Values: classes of named fields that nobody changes.

Rules kept here:

* Type checkers refuse a change, as they do for frozen dataclasses. At run time nothing is paid for that, neither where
  a value is made (several for each call) nor where its class is (dozens, each time the package is loaded).
* Those that have to be hashed say so, with `__hash__ = hash_of_fields`.
* What is handed to those who may not check types, and would do harm if it was changed, is a frozen dataclass.
"""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")


def _equals(self: Any, other: Any) -> Any:
    if self.__class__ is not other.__class__:
        return NotImplemented
    return self is other or all(getattr(self, name) == getattr(other, name) for name in self._compared)


def hash_of_fields(self: Any) -> int:
    return hash(tuple([getattr(self, name) for name in self._compared]))


def _shown(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Makes a class with annotated fields a value: made, compared and shown by its fields."""
    made: Any = dataclass(slots=True, eq=False, repr=False)(cls)
    made._compared = tuple(each.name for each in fields(made) if each.compare)
    for name, method in (("__eq__", _equals), ("__hash__", None), ("__repr__", _shown)):
        if name not in vars(cls):
            setattr(made, name, method)
    return cast(type[T], made)
