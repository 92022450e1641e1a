"""The examples of the pages about adapters and checks run, and the pages list every ability."""

import re
import subprocess
import sys
from typing import Any, get_args

import pytest

from pixel_transports.sandbox import SandboxServer
from pixel_transports.testing import checks
from tests.support.paths import ROOT
from tests.transports.adapters.candidates import CANDIDATES

ADAPTERS, TESTING = (
    (ROOT / "pixel_transports" / room / "README.md").read_text(encoding="utf-8") for room in ("adapters", "testing")
)
SECTIONS = ADAPTERS + TESTING.split("\n## Checks for transports\n")[1]
BLOCKS = re.findall(r"^```python\n(.*?)^```", SECTIONS, re.MULTILINE | re.DOTALL)


def run(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(block, "README.md", "exec"), names)
    return names


@pytest.mark.parametrize("block", [each for each in BLOCKS if "email" in each], ids=range(1, 4))
def test_each_example_of_an_adapter_prints_the_user(
    block: str, server: SandboxServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in server.sandbox.environment(server.url).items():
        monkeypatch.setenv(name, value)
    run(block)
    assert {"demo@example.com", "me@example.com"} >= set(capsys.readouterr().out.split()) != set()


def test_the_example_of_an_own_transport_passes_the_checks_of_its_abilities() -> None:
    (block,) = [each for each in BLOCKS if "class MyTransport" in each]
    assert run(block)["check"]


def test_the_example_loop_calls_all_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(checks.Check, "__call__", lambda check, subject: called.append((check, subject)))
    (block,) = [each for each in BLOCKS if "in checks.CHECKS" in each]
    transport = run(block)["SocketTransport"]
    assert called == [(check, transport) for check in checks.CHECKS]


def test_the_example_for_pytest_has_a_test_for_each_check() -> None:
    (block,) = [each for each in BLOCKS if "pytest.mark" in each]
    (mark,) = run(block)["test_my_transport"].pytestmark
    ids = mark.kwargs["ids"]
    assert len(ids) == len(mark.kwargs["argvalues"]) == len(set(ids))
    assert {each.split("-")[0] for each in ids} == {"blocking", "trio"}
    assert "blocking-values_of_headers_are_latin_1" in ids
    assert "trio-values_of_headers_are_latin_1" not in ids


def test_each_ability_is_on_the_page_and_needed_by_a_check() -> None:
    abilities = set(get_args(checks.Ability))
    assert {each for each in abilities if f"`{each}`" in SECTIONS} == abilities
    assert set().union(*(check.needs for check in checks.CHECKS)) == abilities | {"answer-limit"}


def test_every_check_is_a_sentence_and_applies_to_some_transport() -> None:
    for check in checks.CHECKS:
        assert check.sentence.endswith((".", ".)")), check
        assert any(check.applies_to(each) for each in CANDIDATES.values()), check
    assert len({check.name for check in checks.CHECKS}) == len(checks.CHECKS)


def test_all_checks_apply_to_the_transports_of_the_library() -> None:
    for name in ("sockets", "asyncio", "trio"):
        assert checks.applicable(CANDIDATES[name]) == list(checks.CHECKS)


def test_apps_and_checks_need_neither_httpx_nor_aiohttp_nor_pytest() -> None:
    code = (
        "import sys\n"
        "for name in ('httpx', 'aiohttp', 'pytest', 'trio'): sys.modules[name] = None\n"
        "from pixel_transports.testing import checks\n"
        "from pixel_transports.adapters import AsgiTransport, WsgiTransport\n"
        "for check in checks.CHECKS[:3]: check(checks.Candidate(AsgiTransport, interface='asgi'))\n"
        "try: from pixel_transports.adapters import HttpxTransport\n"
        "except ImportError as error: print(error.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["httpx"]
