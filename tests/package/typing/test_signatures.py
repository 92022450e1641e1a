"""What `inspect`, `help` and jedi show of each method, for each face.

A method has the name, docstring and arguments of its one definition, without `self`, and the return type of its face.
"""

import inspect
import pydoc
from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

import jedi  # type: ignore[import-untyped]
import pytest

from pixel_core import Account, AsyncResults, BlockingResults, Flow, Pages, PixelApi, Results, Session, streaming
from pixel_core.api import Operations, operation_names
from pixel_core.api.operation import listing, operation
from pixel_transports import PixelClient, PixelClientAsync

ARGUMENTS = ("http://pixel.invalid/api", "http://pixel.invalid/auth", "Acme", "frontend", "me", "secret")
CLIENTS: dict[str, Any] = {
    "blocking": PixelClient(*ARGUMENTS),
    "async": PixelClientAsync(*ARGUMENTS),
    "pure": PixelApi(Session(ARGUMENTS[0], Account(*ARGUMENTS[1:]))),
}
FACES = pytest.mark.parametrize("face", CLIENTS)


def definition(name: str) -> operation[..., Any] | listing[..., Any] | streaming[..., Any]:
    """The one definition of an operation."""
    (found,) = [vars(group)[name] for group in Operations.__mro__ if name in vars(group)]
    assert isinstance(found, (operation, listing, streaming))
    return found


def expected(face: str, name: str) -> inspect.Signature:
    """The signature of the definition without `self`, with the return type of the face."""
    signature = inspect.signature(definition(name).function, eval_str=True)
    parameters = list(signature.parameters.values())[1:]
    result: Any = get_args(signature.return_annotation)[-1]
    kinds: Any = {
        operation: {"blocking": result, "async": result, "pure": Flow[result]},
        listing: {"blocking": Iterator[result], "async": AsyncIterator[result], "pure": Pages[result]},
        streaming: {
            "blocking": BlockingResults[result],
            "async": AsyncResults[result],
            "pure": Results[result],
        },
    }
    return signature.replace(parameters=parameters, return_annotation=kinds[type(definition(name))][face])


@FACES
def test_a_method_has_the_signature_of_its_definition_and_its_face(face: str) -> None:
    for name in operation_names():
        method = getattr(CLIENTS[face], name)
        assert inspect.signature(method, eval_str=True) == expected(face, name), name
        assert inspect.iscoroutinefunction(method) == (face == "async" and isinstance(definition(name), operation))
        of_class = inspect.signature(getattr(type(CLIENTS[face]), name))
        assert list(of_class.parameters) == ["self", *inspect.signature(method).parameters]


@FACES
def test_help_shows_the_signature_and_the_docstring(face: str) -> None:
    for name in operation_names():
        method = getattr(CLIENTS[face], name)
        text = pydoc.plain(pydoc.render_doc(method))
        assert f"{name}(" in text
        assert "self" not in text.partition(f"{name}(")[2].partition(")")[0].split(",")[0]
        words = inspect.getdoc(method) or ""
        assert words.splitlines()[0] in text
        assert words.split("\n\n")[0].endswith(".")
        assert (method.__name__, method.__module__) == (name, definition(name).__module__)


@FACES
@pytest.mark.parametrize("name", ["me", "create_project", "get_images", "paginate_images", "upload_image", "request"])
def test_jedi_completes_the_arguments(face: str, name: str) -> None:
    client = CLIENTS[face]
    found = jedi.Interpreter(f"client.{name}(", [{"client": client}]).get_signatures()
    assert {tuple(parameter.name for parameter in each.params) for each in found} == {
        tuple(expected(face, name).parameters)
    }


@FACES
def test_dir_lists_the_operations(face: str) -> None:
    assert set(operation_names()) <= set(dir(CLIENTS[face]))


def test_there_are_the_94_operations_of_the_reference_and_two_more() -> None:
    """The 95th of its public methods is the constructor `from_settings`."""
    assert len(set(operation_names()) - {"request", "upload_files", "upload_folder"}) == 94
    assert callable(PixelClient.from_settings)
    assert callable(PixelClientAsync.from_settings)
