"""Colours of a screenshot. Pictures are not compared byte by byte, since fonts differ from machine to machine."""

from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator

Colour = tuple[int, int, int]


def colour_at(picture: Path, element: Locator) -> Colour:
    box = element.bounding_box()
    assert box is not None
    with Image.open(picture) as image:
        middle = int(box["x"] + box["width"] / 2), int(box["y"] + box["height"] / 2)
        found = image.convert("RGB").getpixel(middle)
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def is_blank(picture: Path) -> bool:
    """Whether the picture has few colours, or one nearly everywhere."""
    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(image.width * image.height) or []
        return len(colours) < 20 or max(count for count, _ in colours) > 0.97 * image.width * image.height


def near(found: Colour, expected: Colour) -> bool:
    return all(abs(one - other) <= 24 for one, other in zip(found, expected, strict=True))
