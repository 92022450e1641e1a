"""Facts and digests of files, and readers of slices."""

import errno
import hashlib
import os
import shutil
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pixel_core.effects import FileFacts
from pixel_core.errors import PixelFileChangedError
from pixel_core.messages import FileSlice, Form, Headers, Origin, Request
from pixel_core.uploads.folders import SUFFIXES, Selection
from pixel_transports.drivers.files import BUFFER, digest, file_facts, find_files
from pixel_transports.net.files import SliceReader, whole_body

CONTENT = bytes(range(251)) * 10_000


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(CONTENT)
    return str(file)


def never() -> bool:
    return False


def md5(content: bytes) -> bytes:
    return hashlib.md5(content).digest()


def test_facts_are_size_and_time_also_through_a_link(path: str, tmp_path: Path) -> None:
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    (tmp_path / "link").symlink_to(path)
    facts = FileFacts(len(CONTENT), 1_700_000_000_123_456_789)
    assert file_facts([path, str(tmp_path / "link")]) == [facts, facts]


@pytest.mark.parametrize(
    ("make", "error", "number"),
    [
        (lambda path: None, FileNotFoundError, errno.ENOENT),
        (os.mkdir, IsADirectoryError, errno.EISDIR),
        (os.mkfifo, OSError, errno.EINVAL),
    ],
    ids=["missing", "directory", "pipe"],
)
def test_what_is_no_regular_file_is_an_error_at_once_that_names_it(
    tmp_path: Path, make: Callable[[str], None], error: type[OSError], number: int
) -> None:
    path = str(tmp_path / "name")
    make(path)
    with pytest.raises(error) as caught:
        file_facts([path])
    assert (caught.value.errno, caught.value.filename) == (number, path)


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, len(CONTENT)), (100, BUFFER + 1), (7, 1), (0, 0), (len(CONTENT), 0), (len(CONTENT) + 9, 0)],
)
def test_a_slice_has_its_digest_also_an_empty_one(path: str, offset: int, length: int) -> None:
    slices = [FileSlice(path, 3, 5), FileSlice(path, offset, length)]
    assert digest(slices, False, never).digests == [md5(CONTENT[3:8]), md5(CONTENT[offset : offset + length])]


def test_bytes_are_returned_on_request_with_the_facts_of_the_file(path: str) -> None:
    os.utime(path, ns=(1, 17))
    whole = FileSlice(path, 0, len(CONTENT))
    kept = digest([whole], True, never)
    assert (kept.content, kept.facts) == (CONTENT, FileFacts(len(CONTENT), 17))
    assert digest([whole], False, never).content is None


@pytest.mark.parametrize(("offset", "length"), [(0, len(CONTENT) + 1), (len(CONTENT), 1), (len(CONTENT) + 9, 1)])
def test_a_slice_beyond_the_end_means_that_the_file_changed(path: str, offset: int, length: int) -> None:
    with pytest.raises(PixelFileChangedError, match=r"photo\.jpg became shorter"):
        digest([FileSlice(path, offset, length)], False, never)


def test_a_file_that_cannot_be_hashed_is_an_error_of_the_system(path: str) -> None:
    """Who hashes a file is the first to read it: it has not changed, it is just not there."""
    Path(path).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        digest([FileSlice(path, 0, 1)], False, never)
    assert caught.value.filename == path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs are POSIX's")
def test_a_file_that_became_a_pipe_is_not_waited_for(path: str) -> None:
    Path(path).unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="Not a regular file"):
        digest([FileSlice(path, 0, 1)], False, never)
    with pytest.raises(PixelFileChangedError, match="Not a regular file"), SliceReader(FileSlice(path, 0, 1)) as reader:
        reader.read()


def test_hashing_stops_early_on_request(path: str) -> None:
    """After the piece in hand, with the digests of the slices that are through."""
    words = iter([False, True])
    slices = [FileSlice(path, 0, 10), FileSlice(path, 0, len(CONTENT)), FileSlice(path, 0, 10)]
    assert digest(slices, False, lambda: next(words)).digests == [md5(CONTENT[:10])]


def test_a_reader_gives_pieces_no_larger_than_its_buffer_and_stays_at_its_end(path: str) -> None:
    with SliceReader(FileSlice(path, 5, 25), 10) as reader:
        pieces = [bytes(piece) for piece in reader]
        assert bytes(reader.read()) == b""
    assert [len(piece) for piece in pieces] == [10, 10, 5]
    assert b"".join(pieces) == CONTENT[5:30]


def test_a_reader_opens_its_file_when_it_reads_and_closes_it_also_half_way(path: str, tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    with SliceReader(FileSlice(path, 0, 30), 10) as reader:
        reader.read()
    assert before == (os.listdir("/proc/self/fd") if before else [])
    with SliceReader(FileSlice(str(tmp_path / "missing"), 0, 3), 10) as reader:
        with pytest.raises(PixelFileChangedError, match="can no longer be read"):
            reader.read()


def test_a_whole_body_is_what_would_go_on_the_wire(path: str) -> None:
    def body_of(body: bytes | FileSlice | Form) -> bytes:
        return whole_body(Request("POST", Origin("http", "pixel.test", 80), "/", Headers(), body))

    assert body_of(b"") == b""
    assert body_of(b"photo") == b"photo"
    assert body_of(FileSlice(path, 3, BUFFER + 5)) == CONTENT[3 : BUFFER + 8]
    form = Form((("key", "a"),), "p.jpg", FileSlice(path, 0, 4), "b0")
    assert body_of(form) == (
        b'--b0\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n'
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + CONTENT[:4] + b"\r\n--b0--\r\n"
    )


def test_a_walk_reads_a_folder_when_its_files_are_asked_for_and_follows_no_link_to_a_folder(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.JPG").touch()
    (tmp_path / "a" / "y.jpg").symlink_to(tmp_path / "b" / "x.JPG")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    files = find_files(str(tmp_path), Selection(SUFFIXES["image"]))
    assert [next(files).relative, next(files).relative] == ["a/x.JPG", "a/y.jpg"]
    shutil.rmtree(tmp_path / "b")
    with pytest.raises(FileNotFoundError) as caught:
        next(files)
    assert caught.value.filename == str(tmp_path / "b")


def test_hashing_large_files_again_allocates_no_other_buffer(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * (2 * BUFFER))
    slices = [FileSlice(str(path), 0, 2 * BUFFER)]
    first = digest(slices, False, never)
    tracemalloc.start()
    try:
        assert digest(slices, False, never) == first
        assert tracemalloc.get_traced_memory()[1] < BUFFER // 2
    finally:
        tracemalloc.stop()


def test_files_that_are_hashed_at_once_share_no_buffer(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(8)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (3 * BUFFER + number))
    slices = [[FileSlice(str(path), 0, path.stat().st_size)] for path in paths]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda each: digest(each, False, never).digests, slices))
    assert found == [[md5(path.read_bytes())] for path in paths]
