"""The demonstration finds fault where there is one: it cannot say that all matched when it did not."""

from pathlib import Path

import pytest

from pixel_core.events import FileFinished
from pixel_transports.cli.demo import FaceReport, _compare, find_photos, run_demo
from pixel_transports.sandbox import Sandbox, sample_photos


def test_a_file_that_changes_on_its_way_is_noticed(tmp_path: Path) -> None:
    """The comparison is with the file as it is at the end, byte by byte."""
    photo = tmp_path / "changing.jpg"
    photo.write_bytes(sample_photos()[0].read_bytes())
    said: list[str] = []
    finished: list[FileFinished] = []

    def change_when_sent(event: object) -> None:
        if isinstance(event, FileFinished):
            finished.append(event)
            if len(finished) == 1:  # that of the blocking client
                photo.write_bytes(photo.read_bytes() + b"!")

    assert run_demo([photo], said.append, change_when_sent) is False
    assert any("other bytes" in line for line in said)


@pytest.mark.parametrize("listed", [[], ["a.jpg", "a.jpg"], ["a.jpg", "b.jpg"]])
def test_a_list_that_is_not_the_folder_is_wrong(listed: list[str], tmp_path: Path) -> None:
    report = FaceReport("face", "forms", 1, images=[{"id": 99, "name": name} for name in listed])
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    if not listed:
        _compare(report, [photo], Sandbox())
        assert report.wrong
        return
    with pytest.raises(KeyError):  # the sandbox stores no such image
        _compare(report, [photo], Sandbox())
    assert report.wrong


def test_only_jpeg_files_are_photos(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.JPG", "c.jpeg", "d.png", "e.jpg.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in find_photos(tmp_path)] == ["a.JPG", "b.jpg", "c.jpeg"]
