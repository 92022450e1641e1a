"""What people see of a method: every operation on every face, by `inspect`, `help` and jedi.

A method has the arguments of its one definition, without `self`, and its face's own return type. jedi is asked as
notebooks ask it, with the objects at hand.
"""

import inspect
import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import jedi  # type: ignore[import-untyped]
import pytest

from pixel_core import Account, PixelApi, Session
from pixel_core.api import Operations, operation_names
from pixel_core.api.operation import listing, operation
from pixel_transports import PixelClient, PixelClientAsync

WHERE = ("http://pixel.invalid/api", "http://pixel.invalid/auth", "Acme", "frontend", "me", "secret")
CLIENTS: dict[str, Any] = {
    "blocking": PixelClient(*WHERE),
    "async": PixelClientAsync(*WHERE),
    "pure": PixelApi(Session(WHERE[0], Account(*WHERE[1:]))),
}
CASES = [pytest.param(face, name, id=f"{face} {name}") for face in CLIENTS for name in operation_names()]


def definition(name: str) -> operation[..., Any] | listing[..., Any]:
    """The one definition of an operation."""
    (found,) = [vars(group)[name] for group in Operations.__mro__ if name in vars(group)]
    assert isinstance(found, (operation, listing))
    return found


def written(name: str) -> inspect.Signature:
    """The signature as it is written, without `self`."""
    signature = inspect.signature(definition(name).function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


@pytest.mark.parametrize(("face", "name"), CASES)
def test_a_method_has_the_arguments_of_its_definition_and_its_faces_return_type(face: str, name: str) -> None:
    method: Callable[..., Any] = getattr(CLIENTS[face], name)
    seen = inspect.signature(method)
    assert list(seen.parameters.values()) == list(written(name).parameters.values())
    returns = inspect.formatannotation(seen.return_annotation)
    is_listing = isinstance(definition(name), listing)
    assert ("Effect" in returns or "Pages" in returns) == (face == "pure")
    assert ("AsyncIterator" in returns) == (is_listing and face == "async")
    assert inspect.iscoroutinefunction(method) == (face == "async" and not is_listing)
    assert method.__name__ == name


@pytest.mark.parametrize(("face", "name"), CASES)
def test_help_shows_the_signature_and_what_the_operation_does(face: str, name: str) -> None:
    method = getattr(CLIENTS[face], name)
    with redirect_stdout(io.StringIO()) as shown:
        help(method)
    text = shown.getvalue()
    assert f"{name}(" in text
    assert "self" not in text.partition(f"{name}(")[2].partition(")")[0].split(",")[0]
    assert (inspect.getdoc(method) or "").splitlines()[0] in text


@pytest.mark.parametrize(("face", "name"), CASES)
def test_jedi_completes_the_arguments(face: str, name: str) -> None:
    client = CLIENTS[face]
    found = jedi.Interpreter(f"client.{name}(", [{"client": client}]).get_signatures()
    assert {tuple(parameter.name for parameter in each.params) for each in found} == {tuple(written(name).parameters)}


def test_there_are_the_94_operations_of_the_reference_and_one_more() -> None:
    """The 95th of its public methods is the constructor `from_settings`."""
    assert len(set(operation_names()) - {"request"}) == 94
    assert callable(PixelClient.from_settings)
    assert callable(PixelClientAsync.from_settings)
