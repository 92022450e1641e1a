"""The page of the sandbox in a browser: its map, jobs and requests, and text that is not taken for markup."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from pixel_core.errors import PixelNotFoundError
from pixel_core.models import ImageMetadataFields, PixelUploadFile
from pixel_transports import PixelClient
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.drivers.photos import read_metadata
from pixel_transports.sandbox import SAMPLE_AREA, ManualClock, Sandbox, SandboxServer, sample_photos
from tests.system.browser.conftest import Visit, colour_at, is_blank, near
from tests.transports.sandbox.support import JPEG, Caller, md5

POINT = (0xC2, 0x41, 0x0C)


def photo(path: Path, heading: float | None = None) -> PixelUploadFile:
    """A file with the metadata of its EXIF, and a heading."""
    metadata = read_metadata(path)
    assert metadata is not None
    assert isinstance(metadata.fields, ImageMetadataFields)
    fields = metadata.fields.model_copy(update={"cam_heading": heading})
    return PixelUploadFile(file=path, metadata=metadata.model_copy(update={"fields": fields}))


FILES = [photo(path, heading) for path, heading in zip(sample_photos(), (0, 60, 120, 180, 270, None), strict=True)]


def client_of(server: SandboxServer) -> PixelClient:
    return PixelClient.from_settings(PixelApiSettings(**server.sandbox.environment(server.url)))


@pytest.fixture
def client(server: SandboxServer) -> Iterator[PixelClient]:
    with client_of(server) as made:
        yield made


def place(client: PixelClient, name: str = "Jæren") -> tuple[int, int]:
    project = client.create_project(name, "", SAMPLE_AREA)
    return project["id"], client.create_data_collection(project["id"], "Photos", "", "image")["id"]


def opened(visit: Visit, server: SandboxServer) -> Page:
    visit.page.goto(f"{server.url}/_sandbox/")
    expect(visit.page.locator("#link")).to_have_text("live")
    return visit.page


@pytest.fixture
def page(visit: Visit, server: SandboxServer) -> Page:
    """The page of `server`."""
    return opened(visit, server)


def test_an_empty_sandbox_says_that_there_is_nothing_yet(page: Page) -> None:
    expect(page.locator("#map")).to_have_text("Nothing has a position yet.")
    expect(page.locator("#summary")).to_have_text("0 projects, 0 images")


def test_projects_and_images_are_where_they_are_on_the_map(
    server: SandboxServer, client: PixelClient, visit: Visit
) -> None:
    images, errors = client.upload_multiple_images(*place(client), FILES)
    assert errors == []
    page = opened(visit, server)
    circles = page.locator("circle.place")
    expect(circles).to_have_count(6)
    expect(page.locator("path.area title")).to_have_text("Jæren")
    expect(page.locator("path.heading")).to_have_count(5)
    at = {}
    for image in images:
        circle = page.locator(f"circle[data-image='{image['id']}']")
        assert circle.locator("title").text_content() == image["name"]
        at[image["id"]] = float(circle.get_attribute("cx") or ""), float(circle.get_attribute("cy") or "")
    where = {image["id"]: (image.get("location") or {})["coordinates"] for image in images}
    assert sorted(at, key=lambda each: at[each][0]) == sorted(where, key=lambda each: where[each][0])
    assert sorted(at, key=lambda each: -at[each][1]) == sorted(where, key=lambda each: where[each][1])
    picture = visit.screenshot("sandbox-map")
    assert not is_blank(picture)
    assert near(colour_at(picture, circles.first), POINT)


def test_a_chosen_project_fills_the_map(server: SandboxServer, client: PixelClient, visit: Visit) -> None:
    place(client, "South")
    north = {"type": "Polygon", "coordinates": [[[23.0, 70.0], [24.0, 70.0], [24.0, 70.5], [23.0, 70.5], [23.0, 70.0]]]}
    client.create_project("North", "", north)
    page = opened(visit, server)
    area = page.locator("path.area", has_text="North")
    before = area.bounding_box()
    page.get_by_role("button", name="North").click()
    after = area.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > 5 * before["height"]


def test_a_job_waits_in_the_lobby_until_its_parts_are_there(server: SandboxServer, page: Page) -> None:
    caller = Caller(server.sandbox)
    parts = [{"part_number": n, "md5": md5(JPEG), "content_length": len(JPEG)} for n in (1, 2)]
    body = {"files": [{"name": "field.jpg", "parts": parts}]}
    job = caller.ok("POST", f"{caller.place()}/upload_jobs/multipart", body)[0]
    row = page.locator("#jobs tr")
    expect(row.locator("td").nth(1)).to_have_text("field.jpg")
    expect(row.locator(".stage")).to_have_text("lobby, 0 of 2 parts")
    first = job["upload_parts"][0]
    assert caller.put(first["url"], first["headers"], JPEG).status == 200
    expect(row.locator(".stage")).to_have_text("lobby, 1 of 2 parts")


def test_jobs_move_on_the_page_while_a_client_uploads(visit: Visit) -> None:
    clock = ManualClock()
    with SandboxServer(Sandbox(clock=clock, job_seconds=9.0)) as server, client_of(server) as client:
        at = place(client)
        page = opened(visit, server)
        rows = page.locator("#jobs tr")
        expect(rows).to_have_count(0)
        with ThreadPoolExecutor(1) as aside:
            try:
                upload = aside.submit(client.upload_multiple_images, *at, FILES[:3])
                for stage in ("submitted", "validating", "validated"):
                    expect(page.locator(f"#jobs tr.{stage}")).to_have_count(3)
                    if stage == "validating":
                        # The same elements all the way: a mark that is put on one stays.
                        rows.first.evaluate("row => row.marked = true")
                        assert not is_blank(visit.screenshot("sandbox-jobs"))
                    clock.advance(3.0)
                expect(page.locator("#jobs tr.validated_and_moved")).to_have_count(3)
            finally:
                clock.advance(100.0)
            images, errors = upload.result(timeout=60)
        assert (len(images), errors) == (3, [])
        assert rows.first.evaluate("row => row.marked")
        expect(page.locator("#job-summary")).to_have_text("3 validated and moved")
        expect(page.locator("circle.place")).to_have_count(3)


def test_a_job_that_fails_says_why(server: SandboxServer, visit: Visit) -> None:
    caller = Caller(server.sandbox)
    at = caller.place()
    job = caller.upload_job(at, JPEG)
    caller.ok("PUT", f"{at}/upload_jobs/{job['id']}/uploadFinished")
    stage = opened(visit, server).locator("#jobs tr.failed .stage")
    expect(stage).to_contain_text("failed: ")


def test_requests_appear_as_they_come_and_those_of_the_page_do_not(
    client: PixelClient, visit: Visit, page: Page
) -> None:
    rows = page.locator("#requests tr")
    expect(rows).to_have_count(0)
    client.me()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("/api/sandbox/users/me")
    expect(rows.first.locator(".status")).to_have_text("200")
    expect(rows.last).to_contain_text("/token")
    with pytest.raises(PixelNotFoundError):
        client.get_project(404)
    expect(page.locator("#requests tr.refused")).to_contain_text("/projects/404")
    expect(page.locator("#request-summary")).to_have_text("3 requests")
    assert "_sandbox" not in (page.locator("#requests").text_content() or "")
    assert not is_blank(visit.screenshot("sandbox-requests"))


HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


def test_names_are_shown_as_text(server: SandboxServer, client: PixelClient, visit: Visit, tmp_path: Path) -> None:
    hostile = tmp_path / "<b onclick=alert(1)>'&quot;.jpg"
    hostile.write_bytes(sample_photos()[0].read_bytes())
    client.upload_multiple_images(*place(client, HOSTILE), [photo(hostile)])
    page = opened(visit, server)
    expect(page.locator("#projects button")).to_have_text(HOSTILE)
    expect(page.locator("path.area title")).to_have_text(HOSTILE)
    expect(page.locator("#jobs td").nth(1)).to_have_text(hostile.name)
    expect(page.locator("circle.place title")).to_have_text(hostile.name)
    assert page.locator("img, b, body script script").count() == 0
    assert page.title() == "Pixel sandbox"


def test_no_script_but_its_own_may_run_in_the_page(page: Page) -> None:
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.taken = 1'}))")
    assert page.evaluate("window.taken") is None


def test_the_page_says_when_the_sandbox_is_gone(visit: Visit) -> None:
    with SandboxServer() as server:
        page = opened(visit, server)
    expect(page.locator("#link")).to_have_text("the sandbox cannot be reached")


WIDTHS = (420, 600, 800, 1000, 1400)
LONG = "Nordøyvegen_overvaking_av_skred_og_steinsprang_" * 3

BROKEN_WORDS = """selector => {
  const broken = [];
  for (const element of document.querySelectorAll(selector)) {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(each => Math.round(each.top))).size > 1) broken.push(word[0]);
    }
  }
  return broken;
}"""
OVERFLOWING = """() => {
  const name = each => each.tagName + (each.id ? '#' + each.id : '') + (each.className ? '.' + each.className : '');
  const wide = [...document.querySelectorAll('html, body, main, section, .scroll, #projects')]
    .filter(each => each.scrollWidth > each.clientWidth).map(each => name(each) + ' is wider than its box');
  const out = [...document.querySelectorAll('body *')]
    .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map(each => name(each) + ' ends outside the page');
  return [...wide, ...out];
}"""


def fill_with_long_names(server: SandboxServer) -> None:
    """Projects, jobs and requests with names without a space, and more rows than are on the page at once."""
    caller = Caller(server.sandbox)
    at = caller.place()
    for number in range(12):
        caller.project(f"{LONG}{number}" if number % 2 else f"Flight {number}")
    for number in range(40):
        job = caller.upload_job(at, JPEG, f"{LONG}{number:03}.jpg")
        if number % 3 == 0:
            caller.post_form(job["url"], job["upload_fields"], JPEG)
        if number % 2 == 0:
            caller.ok("PUT", f"{at}/upload_jobs/{job['id']}/uploadFinished")
    parts = [{"part_number": n, "md5": md5(JPEG), "content_length": len(JPEG)} for n in range(1, 10_000)]
    caller.ok("POST", f"{at}/upload_jobs/multipart", {"files": [{"name": f"{LONG}.tif", "parts": parts}]})
    caller.call("GET", f"/projects/?name={quote(LONG)}&tags={quote(LONG)}")
    caller.call("GET", f"{at}/images/999999999")


@pytest.mark.parametrize("width", WIDTHS)
def test_at_any_width_no_header_is_broken_inside_a_word_and_nothing_overflows(
    server: SandboxServer, visit: Visit, width: int
) -> None:
    fill_with_long_names(server)
    visit.page.set_viewport_size({"width": width, "height": 900})
    page = opened(visit, server)
    expect(page.locator("#jobs tr")).to_have_count(41)
    visit.screenshot(f"sandbox-{width}")
    assert page.evaluate(BROKEN_WORDS, "h1, h2, th, header span, .number, .when, .method, .status") == []
    assert page.evaluate(OVERFLOWING) == []
