"""Flaws of pictures are found; a file that cannot be opened is an error. `test_dry_run.py` has the flaws."""

from pathlib import Path

import pytest

from pixel_transports.cli.photos import find_flaw


def test_a_missing_file_is_an_error_and_no_flaw(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_flaw(tmp_path / "gone.jpg")
