"""A headless browser and its screenshots.

Rules kept here:

* The browser is a Chromium of this machine (`PIXEL_BROWSER` names another), driven by Playwright. Where there is none,
  tests are skipped and say so.
* Pages may send requests to this machine only; others are refused and recorded.
* Screenshots go to `PIXEL_SCREENSHOTS`, or to a temporary folder. Their colours are compared, not their bytes, since
  fonts differ from machine to machine.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, sync_playwright

Colour = tuple[int, int, int]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(autouse=True)
def no_blocked_loops() -> None:
    """Playwright leaves a loop running in this thread, which the blocking client may block."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    named = os.environ.get("PIXEL_BROWSER")
    found = named or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip(f"there is no browser: none of {', '.join(PROGRAMS)}, and PIXEL_BROWSER is not set")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found)
        yield running
        running.close()


class Visit:
    """One page, with its requests to others and its errors."""

    def __init__(self, page: Page, screenshots: Path) -> None:
        self.page = page
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self._screenshots = screenshots
        page.route("**/*", self._check)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _check(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def screenshot(self, name: str) -> Path:
        path = self._screenshots / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    named = os.environ.get("PIXEL_SCREENSHOTS")
    folder = Path(named) if named else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page.set_default_timeout(20_000)
    visit = Visit(page, folder)
    yield visit
    page.close()
    assert (visit.outside, visit.complaints) == ([], [])


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
