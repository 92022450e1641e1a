"""The filter language of search: a filter as JSON becomes a test of records.

Rules kept here:

* A filter is `{operator: [{"var": name}, value]}`, `{"and": [filters]}` or `{"or": [filters]}`; several operators in
  one object have all to hold, and an empty object or `and` holds always, an empty `or` never.
* An operator that begins with `!` is the plain opposite of the one without, also for what is null.
* Null is equal to null; in an order it is never before or after anything.
* `~` is SQL's LIKE over the whole text, without regard to case: `%` stands for any text, `_` for one character.
* `contains` asks whether a text holds another, without regard to case, or whether a list holds a value (or all of a
  list of values). `in` takes a list.
* Dates compare as dates; a value that does not fit its field, and an unknown field or operator, is a FilterError.
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
    """What is wrong with a filter, and where in it."""

    def __init__(self, loc: Loc, message: str, value: Any) -> None:
        super().__init__(message)
        self.loc = loc
        self.message = message
        self.value = value


def compile_filter(condition: Any, fields: dict[str, SearchField], loc: Loc = ()) -> Predicate:
    """A filter as a test. Raises FilterError."""
    if not isinstance(condition, dict):
        raise FilterError(loc, "A filter is an object", condition)
    tests: list[Predicate] = []
    for name, operands in condition.items():
        here = (*loc, name)
        if name in ("and", "or"):
            if not isinstance(operands, list):
                raise FilterError(here, f"`{name}` takes a list of filters", operands)
            inner = [compile_filter(each, fields, (*here, number)) for number, each in enumerate(operands)]
            tests.append(_all(inner) if name == "and" else _any(inner))
        elif name in OPERATORS:
            tests.append(_comparison(name, operands, fields, here))
        else:
            raise FilterError(here, f"Unknown operator: one of {', '.join(OPERATORS)}, and, or", name)
    return tests[0] if len(tests) == 1 else _all(tests)


def _all(tests: list[Predicate]) -> Predicate:
    return lambda record: all(test(record) for test in tests)


def _any(tests: list[Predicate]) -> Predicate:
    return lambda record: any(test(record) for test in tests)


def _comparison(name: str, operands: Any, fields: dict[str, SearchField], loc: Loc) -> Predicate:
    match operands:
        case [{"var": str(variable)}, value]:
            pass
        case _:
            raise FilterError(loc, 'An operator takes [{"var": name}, value]', operands)
    field = find_field(fields, variable)
    if field is None:
        raise FilterError((*loc, 0, "var"), f"Unknown field: one of {', '.join(fields)}", variable)
    matches = _test(name.removeprefix("!") if name != "!=" else "==", field, value, (*loc, 1))
    negated, get = name.startswith("!"), field.get
    return lambda record: matches(get(record)) != negated


def _test(name: str, field: SearchField, value: Any, loc: Loc) -> Predicate:
    """A test of a field's value."""
    if name == "contains":
        return _contains(field, value, loc)
    if name == "~":
        return _like(field, value, loc)
    if field.type == "object" and value is not None:
        raise FilterError(loc, f"{field.name} is an object: it can only be compared with null", value)
    if name == "in":
        if not isinstance(value, list):
            raise FilterError(loc, "`in` takes a list of values", value)
        wanted = [_fitting(field, each, (*loc, number)) for number, each in enumerate(value)]
        return lambda found: any(_equal(found, each) for each in wanted)
    if field.type == "list" and name == "==" and isinstance(value, list):
        members = [_fitting(field, each, loc) for each in value]
        return lambda found: sorted(found) == sorted(map(str, members))
    wanted_one = _fitting(field, value, loc)
    if name == "==":
        return lambda found: _equal(found, wanted_one)
    if field.type == "list":
        raise FilterError(loc, f"{field.name} is a list: it has no order", value)
    compare = _ORDERS[name]

    def ordered(found: Any) -> bool:
        if found is None or wanted_one is None or isinstance(found, str) != isinstance(wanted_one, str):
            return False
        return compare(found, wanted_one)

    return ordered


def _equal(found: Any, wanted: Any) -> bool:
    # Free metadata may hold true, which Python takes for 1.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _contains(field: SearchField, value: Any, loc: Loc) -> Predicate:
    values = value if isinstance(value, list) else [value]
    if any(not isinstance(each, str) for each in values) or field.type not in ("list", "string", "any"):
        raise FilterError(loc, f"`contains` takes text, and a list or a text to look in, not {field.name}", value)
    if field.type == "list":
        return lambda found: all(each in found for each in values)
    lowered = [each.lower() for each in values]
    return lambda found: isinstance(found, str) and all(each in found.lower() for each in lowered)


def _like(field: SearchField, value: Any, loc: Loc) -> Predicate:
    if not isinstance(value, str) or field.type not in ("string", "any"):
        raise FilterError(loc, f"`~` compares text with a pattern, not {field.name} with {value!r}", value)
    first, *rest = [
        re.compile(re.escape(piece).replace("_", "."), re.IGNORECASE | re.DOTALL) for piece in value.split("%")
    ]
    lengths = [len(piece) for piece in value.split("%")]

    def like(found: Any) -> bool:
        if not isinstance(found, str):
            return False
        if not rest:
            return first.fullmatch(found) is not None
        # Piece by piece from the left, which is linear; one pattern with many `.*` is not.
        match, last = first.match(found), len(found) - lengths[-1]
        for piece in rest[:-1]:
            match = match and piece.search(found, match.end())
        return match is not None and last >= match.end() and rest[-1].match(found, last) is not None

    return like


def _fitting(field: SearchField, value: Any, loc: Loc) -> Any:
    """A value in the type in which the field compares. Raises FilterError."""
    match field.type:
        case "datetime" if isinstance(value, str):
            try:
                return parse_date(value)
            except (ValueError, OverflowError):
                raise FilterError(loc, f"{field.name} is a date: a value in ISO 8601 is wanted", value) from None
        case "integer" | "number" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        case "string" | "list" if isinstance(value, str):
            return value
        case "any" if isinstance(value, (str, int, float)):
            return value
    if value is None:
        return None
    raise FilterError(loc, f"{field.name} is of type {field.type}: this value does not fit", value)
