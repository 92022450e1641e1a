"""The filter language of search: compiles a JSON filter into a predicate over records.

Rules kept here:

* A filter is `{operator: [{"var": name}, value]}`, `{"and": [filters]}` or `{"or": [filters]}`. Several operators in
  one object are combined with "and". An empty object or `and` is true, an empty `or` is false.
* A record whose field is null is found by `== null` alone, as in SQL: an operator with a leading `!` is the opposite of
  the one without for other records, `!= null` finds those, and a null in a list is ignored.
* `~` is SQL's LIKE over the whole text, ignoring case: `%` is any text, `_` one character.
* `contains` is true if a text has another one in it, ignoring case, or a list has a value (or all values of a list).
  `in` takes a list.
* Dates compare as dates. An unknown field or operator, or a value of another type than the field, is a FilterError.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from pixel_transports.sandbox.search_fields import SearchField, find_field, parse_date

Predicate = Callable[[Any], bool]
Loc = tuple[str | int, ...]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "~", "!~", "contains", "!contains", "in", "!in")


class FilterError(ValueError):
    """The filter is invalid: a message, and where in the filter."""

    def __init__(self, loc: Loc, message: str, value: Any) -> None:
        super().__init__(message)
        self.loc = loc
        self.message = message
        self.value = value


def compile_filter(condition: Any, fields: dict[str, SearchField], loc: Loc = ()) -> Predicate:
    """Return a filter as a predicate. Raises FilterError."""
    if not isinstance(condition, dict):
        raise FilterError(loc, "A filter is an object", condition)
    predicates: list[Predicate] = []
    for name, operands in condition.items():
        inner_loc = (*loc, name)
        if name in ("and", "or"):
            if not isinstance(operands, list):
                raise FilterError(inner_loc, f"`{name}` takes a list of filters", operands)
            inner = [compile_filter(each, fields, (*inner_loc, number)) for number, each in enumerate(operands)]
            predicates.append(_all(inner) if name == "and" else _any(inner))
        elif name in OPERATORS:
            predicates.append(_comparison(name, operands, fields, inner_loc))
        else:
            raise FilterError(inner_loc, f"Unknown operator: one of {', '.join(OPERATORS)}, and, or", name)
    return predicates[0] if len(predicates) == 1 else _all(predicates)


def _all(predicates: list[Predicate]) -> Predicate:
    return lambda record: all(predicate(record) for predicate in predicates)


def _any(predicates: list[Predicate]) -> Predicate:
    return lambda record: any(predicate(record) for predicate in predicates)


def _comparison(name: str, operands: Any, fields: dict[str, SearchField], loc: Loc) -> Predicate:
    match operands:
        case [{"var": str(variable)}, value]:
            pass
        case _:
            raise FilterError(loc, 'An operator takes [{"var": name}, value]', operands)
    field = find_field(fields, variable)
    if field is None:
        raise FilterError((*loc, 0, "var"), f"Unknown field: one of {', '.join(fields)}", variable)
    matches = _value_predicate(name.removeprefix("!") if name != "!=" else "==", field, value, (*loc, 1))
    get = field.get
    if name.startswith("!"):
        return lambda record: (actual := get(record)) is not None and not matches(actual)
    return lambda record: matches(get(record))


def _value_predicate(name: str, field: SearchField, value: Any, loc: Loc) -> Predicate:
    """Return a predicate over a field's value."""
    if name == "contains":
        return _contains(field, value, loc)
    if name == "~":
        return _like(field, value, loc)
    if field.type == "object" and value is not None:
        raise FilterError(loc, f"{field.name} is an object: it can only be compared with null", value)
    if name == "in":
        return _member_of(field, value, loc)
    if field.type == "list" and name == "==" and isinstance(value, list):
        members = [_convert(field, each, loc) for each in value]
        return lambda actual: sorted(actual) == sorted(map(str, members))
    expected = _convert(field, value, loc)
    if name == "==":
        return lambda actual: _equal(actual, expected)
    if field.type == "list":
        raise FilterError(loc, f"{field.name} is a list: it has no order", value)
    return _ordered(_ORDERS[name], expected)


def _member_of(field: SearchField, value: Any, loc: Loc) -> Predicate:
    if not isinstance(value, list):
        raise FilterError(loc, "`in` takes a list of values", value)
    expected = [_convert(field, each, (*loc, number)) for number, each in enumerate(value)]
    return lambda actual: actual is not None and any(_equal(actual, each) for each in expected)


def _ordered(compare: Callable[[Any, Any], bool], expected: Any) -> Predicate:
    def ordered(actual: Any) -> bool:
        if actual is None or expected is None or isinstance(actual, str) != isinstance(expected, str):
            return False
        return compare(actual, expected)

    return ordered


def _equal(actual: Any, expected: Any) -> bool:
    # In Python True equals 1; free metadata may have either.
    return isinstance(actual, bool) == isinstance(expected, bool) and bool(actual == expected)


def _contains(field: SearchField, value: Any, loc: Loc) -> Predicate:
    values = value if isinstance(value, list) else [value]
    if any(not isinstance(each, str) for each in values) or field.type not in ("list", "string", "any"):
        raise FilterError(loc, f"`contains` takes text, and a list or a text to search, not {field.name}", value)
    if field.type == "list":
        return lambda actual: all(each in actual for each in values)
    lowered = [each.lower() for each in values]
    return lambda actual: isinstance(actual, str) and all(each in actual.lower() for each in lowered)


def _like(field: SearchField, value: Any, loc: Loc) -> Predicate:
    if not isinstance(value, str) or field.type not in ("string", "any"):
        raise FilterError(loc, f"`~` compares text with a pattern, not {field.name} with {value!r}", value)
    first, *rest = [
        re.compile(re.escape(piece).replace("_", "."), re.IGNORECASE | re.DOTALL) for piece in value.split("%")
    ]
    lengths = [len(piece) for piece in value.split("%")]

    def like(actual: Any) -> bool:
        if not isinstance(actual, str):
            return False
        if not rest:
            return first.fullmatch(actual) is not None
        # Piece by piece from the left, which takes linear time; one pattern with many `.*` does not.
        match, last = first.match(actual), len(actual) - lengths[-1]
        for piece in rest[:-1]:
            match = match and piece.search(actual, match.end())
        return match is not None and last >= match.end() and rest[-1].match(actual, last) is not None

    return like


def _convert(field: SearchField, value: Any, loc: Loc) -> Any:
    """Return a value in the type in which the field compares. Raises FilterError."""
    match field.type:
        case "datetime" if isinstance(value, str):
            try:
                return parse_date(value)
            except (ValueError, OverflowError):
                raise FilterError(loc, f"{field.name} is a date: the value has to be an ISO 8601 date", value) from None
        case "integer" | "number" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        case "string" | "list" if isinstance(value, str):
            return value
        case "any" if isinstance(value, (str, int, float)):
            return value
    if value is None:
        return None
    raise FilterError(loc, f"{field.name} is of type {field.type}: this value does not fit", value)
