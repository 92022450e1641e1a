"""The tables of effects and events in `pixel_core/README.md` are those of the code, and of what flows ask for."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from pixel_core import Account, PixelApi, Session, effects, errors
from pixel_core.effects import Effect, Flow, Gather
from pixel_core.errors import PixelAuthenticationError
from pixel_core.events import Event
from pixel_core.http import effects as below
from pixel_core.models import PixelUploadFile
from pixel_transports.drivers.asynchronous import AsyncDriver
from pixel_transports.drivers.blocking import BlockingDriver
from pixel_transports.drivers.journal.paths import JournalPath
from pixel_transports.net.asynchronous import AnyioTransport
from pixel_transports.net.blocking import SocketTransport
from pixel_transports.sandbox import SAMPLE_AREA, SandboxServer, sample_photos

PAGE = Path(effects.__file__).with_name("README.md").read_text(encoding="utf-8")


def effects_of(module: ModuleType) -> list[type[Any]]:
    classes = [each for each in vars(module).values() if inspect.isclass(each) and issubclass(each, Effect)]
    return [each for each in classes if each not in (Effect, Gather)]


KINDS, BELOW = effects_of(effects), effects_of(below)
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PAGE.partition("| effect | used by |")[2].partition("\n\n")[0].splitlines()[2:]
]
USED_BY = {row[0].partition("(")[0].strip("`"): row[1] for row in ROWS}


def signature(kind: type[Any]) -> str:
    """An effect as a flow writes it, with the fields that count."""
    return f"`{kind.__name__}({', '.join(field.name for field in fields(kind) if field.compare)})`"


def result_of(kind: type[Any]) -> str:
    base = next(each for each in kind.__orig_bases__ if each.__name__ == "Effect")
    (answer,) = get_args(base)
    return "None" if answer is type(None) else re.sub(r"~|\b(?:\w+\.)+", "", inspect.formatannotation(answer))


def test_each_row_has_the_effect_as_it_is_defined() -> None:
    assert [row[0] for row in ROWS] == [signature(kind) for kind in (*KINDS, *BELOW)]


@pytest.mark.parametrize("kind", [*KINDS, *BELOW], ids=lambda kind: kind.__name__)
def test_each_row_says_what_the_effect_gives_back(kind: type[Any]) -> None:
    (row,) = [row for row in ROWS if row[0] == signature(kind)]
    shown = result_of(kind)
    if shown.startswith("list[tuple"):
        shown = "list[TaskOutcome]"  # an alias, whose name is gone at run time
    assert re.match(r"`([^`]*)`", row[3])[1] == shown  # type: ignore[index]


def test_the_table_of_events_is_that_of_the_classes_and_their_fields() -> None:
    rows = [
        f"| `{kind.__name__}` | {', '.join(each.name for each in fields(kind))} | {' '.join(kind.__doc__.split())} |"
        for kind in get_args(Event)
    ]
    assert PAGE.partition("| event | fields |")[2].partition("\n\n")[0].splitlines()[2:] == rows


def test_every_event_has_the_id_of_its_upload_and_those_of_files_and_of_requests_a_file_and_its_job() -> None:
    of_files = {kind for kind in get_args(Event) if {"path", "job_id"} <= {each.name for each in fields(kind)}}
    assert [kind for kind in get_args(Event) if "upload_id" not in kind.__dataclass_fields__] == []
    assert {kind.__name__ for kind in of_files} == {
        *("FileHashed", "FileSent", "FileFinished", "SizeDiffers"),
        *("RequestSent", "ResponseReceived", "RequestFailed", "CallRepeated"),
    }


def test_every_error_that_the_table_names_exists() -> None:
    names = {name for row in ROWS for name in re.findall(r"`(\w+Error)`", row[4])}
    builtin = vars(__builtins__) if inspect.ismodule(__builtins__) else __builtins__
    assert names
    assert [name for name in names if name not in vars(errors) and name not in builtin] == []


def test_both_drivers_perform_what_the_table_names() -> None:
    assert BlockingDriver(SocketTransport()).supported_effects == set(KINDS)
    assert AsyncDriver(AnyioTransport()).supported_effects == set(KINDS)


class Recorded(BlockingDriver):
    """A driver that records effects."""

    def __init__(self, journal: JournalPath) -> None:
        super().__init__(SocketTransport(), journal=journal)
        self.performed: set[str] = set()

    def _perform(self, effect: Effect[Any]) -> Any:
        self.performed.add(type(effect).__name__)
        return super()._perform(effect)

    def during(self, flow: Flow[Any]) -> tuple[Any, set[str]]:
        """The result of a flow, and the effects that it used."""
        self.performed = set()
        return self.run(flow), self.performed


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Recorded]:
    driver = Recorded(JournalPath.parse(str(tmp_path / "journal.sqlite")))
    yield driver
    driver.transport.close()


def test_flows_ask_for_what_the_table_says(server: SandboxServer, driver: Recorded) -> None:
    environment, user = server.sandbox.environment(server.url), server.sandbox.username
    account = Account(environment["PIXEL_AUTH_SERVER_URL"], "Sandbox", "frontend", user, server.sandbox.password)
    api = PixelApi(Session(environment["PIXEL_API_URL"], account))
    of_calls, of_listings, of_uploads = (
        {name for name, used_by in USED_BY.items() if word in used_by}
        for word in ("calls, uploads", "listings", "uploads")
    )
    user, performed = driver.during(api.me())
    assert user["enabled"]
    assert performed == of_calls - {"Sleep"}  # which is for what is tried again

    project, _ = driver.during(api.create_project("Effects", "", SAMPLE_AREA))
    collection, _ = driver.during(api.create_data_collection(project["id"], "Photos", "", "image"))
    files = [PixelUploadFile(file=path) for path in sample_photos()]
    (images, failures), performed = driver.during(api.upload_multiple_images(project["id"], collection["id"], files))
    assert (len(images), failures) == (6, [])
    again = driver.during(api.upload_folder(project["id"], collection["id"], sample_photos()[0].parent))[1]
    assert again - performed == {"ListFolder", "ReadMetadata"}
    assert again <= of_uploads
    assert {"Stat", "Digest", "OpenTaskGroup", "Spawn", "NextDone", "OpenJournal", "WriteJournal"} <= performed
    assert performed <= of_uploads

    _, performed = driver.during(effects.Gather([api.me(), api.me()], limit=2).__iter__())
    assert {"OpenTaskGroup", "Spawn", "NextDone"} <= performed <= of_calls | of_listings


def test_a_call_with_a_function_for_a_token_asks_it(server: SandboxServer, driver: Recorded) -> None:
    url = server.sandbox.environment(server.url)["PIXEL_API_URL"]
    account = Account("http://login.invalid", "Sandbox", "frontend", "user", "")
    with pytest.raises(PixelAuthenticationError):
        driver.run(PixelApi(Session(url, account, token=lambda: "unknown")).me())
    assert "CallTokenProvider" in driver.performed
    assert USED_BY["CallTokenProvider"] == "calls with a token provider"


def test_an_exchange_asks_for_the_effects_of_its_room() -> None:
    """`tests/core/http/test_leasing.py` shows each of them in a flow."""
    assert {name for name, used_by in USED_BY.items() if used_by == "`exchange`"} == {kind.__name__ for kind in BELOW}
