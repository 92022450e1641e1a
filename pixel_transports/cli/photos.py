"""Checks that pictures can be decoded. Needs Pillow (extra `photos`).

No picture is decoded at full size, and none that would take too much memory. Pillow warns of some files: filters of
warnings belong to the process, so they are the caller's.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "TIFF")
"""The formats that Pixel takes. Pillow would mistake some other files for pictures of obsolete formats."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a picture: the code "not_a_picture", "truncated" or "broken", and a detail."""

    code: str
    detail: str


def find_flaw(path: Path) -> Flaw | None:
    """Return why a picture cannot be decoded, or None if it can.

    JPEG and PNG files are read whole (JPEG at an eighth of its size, which reads all bytes and takes little time); of
    TIFF files, and of pictures that are too big to be decoded, only the header is read.
    Raises OSError for a file that cannot be opened.
    """
    with path.open("rb") as file:
        try:
            with Image.open(file, formats=FORMATS) as photo:
                if photo.format != "TIFF":
                    photo.draft("L", (1, 1))
                    photo.load()
        except UnidentifiedImageError:
            return Flaw(
                "not_a_picture", f"its first bytes are not those of a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
            )
        except Image.DecompressionBombError:
            return None
        except Exception as error:  # Pillow raises errors of many kinds.
            truncated = "truncated" in str(error)
            return Flaw("truncated" if truncated else "broken", f"it cannot be decoded: {error}")
    return None
