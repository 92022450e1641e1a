"""Pages side by side on real drivers: two are under way at a time, and who stops or is interrupted leaves nothing."""

import json
import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.lowlevel
import pytest

from pixel_core.api.paging import WORTH_SECONDS
from pixel_core.messages import Headers, Request, Response
from pixel_transports import PixelClient, PixelClientAsync
from pixel_transports.client.settings import PixelApiSettings
from tests.support.callers import call

SETTINGS = PixelApiSettings(PIXEL_USERNAME="a@b.no", PIXEL_PASSWORD="c", PIXEL_TENANT="d")
LAST = 6


class Pages:
    """Answers for pages. The first takes a while, and the two after it are answered once both were requested."""

    def __init__(self) -> None:
        self.requested: list[int] = []

    async def __call__(self, request: Request) -> Response:
        number = int(parse_qs(urlsplit(request.target).query)["offset"][0])
        self.requested.append(number)
        if number == 0:
            await anyio.sleep(2 * WORTH_SECONDS)
        elif number < 3:
            with anyio.fail_after(20.0):
                while len(self.requested) < 3:
                    await anyio.lowlevel.checkpoint()
        return Response(200, Headers(), json.dumps([{"id": number}] if number <= LAST else []).encode())


def blocking(service: Pages) -> Callable[[Request], Response]:
    return lambda request: anyio.run(service, request)


@pytest.mark.parametrize("face", ["blocking", "asyncio", "trio"])
def test_two_pages_are_under_way_at_a_time_and_come_in_order(face: str) -> None:
    service = Pages()
    kind, transport = (PixelClient, blocking(service)) if face == "blocking" else (PixelClientAsync, service)
    client = kind.from_settings(SETTINGS, transport=transport, token="given")
    images = call(client, "paginate_images", 1, 2, 1, backend=face)
    assert [image["id"] for image in images] == list(range(LAST + 1))
    assert service.requested[0] == 0
    assert sorted(service.requested[1:3]) == [1, 2]


def test_who_stops_listing_asks_for_nothing_more_and_leaves_no_thread() -> None:
    service = Pages()
    threads = threading.active_count()
    client = PixelClient.from_settings(SETTINGS, transport=blocking(service), token="given")
    items = client.paginate_images(1, 2, 1)
    assert [next(items)["id"] for _ in range(2)] == [0, 1]
    del items
    assert sorted(service.requested) == [0, 1, 2]
    assert threading.active_count() == threads
