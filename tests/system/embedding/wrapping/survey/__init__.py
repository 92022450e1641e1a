"""A library on top of this one: a transport, a driver and operations of its own."""

from typing import TypeVar

from pixel_core import Flow, Gather, Operations, PixelConnectionError, Request, Response, operation
from pixel_core.models import Image
from pixel_transports import BlockingDriver, PixelClient, PixelClientAsync, SocketTransport, Transport

T = TypeVar("T")


class CountingTransport:
    """Counts the requests to each path, and refuses what lies outside of one host."""

    def __init__(self, inner: Transport | None = None, host: str | None = None) -> None:
        self.inner: Transport = inner or SocketTransport()
        self.host = host
        self.requests: list[str] = []

    def send(self, request: Request) -> Response:
        if self.host is not None and request.origin.host != self.host:
            raise PixelConnectionError(f"{request.label}: another host", lasting=True)  # of no use to try again
        self.requests.append(request.label)
        return self.inner.send(request)

    def close(self) -> None:
        self.inner.close()


class CountingDriver(BlockingDriver):
    """Counts the flows that it runs."""

    flows = 0

    def run(self, flow: Flow[T]) -> T:
        type(self).flows += 1
        return super().run(flow)


class Survey(Operations):
    """Operations of surveyors."""

    @operation
    def images_of(self, project_id: int) -> Flow[list[Image]]:
        """The images of a project, from all its image collections."""
        collections = yield from self.list_data_collections(project_id, data_collection_type="image")
        flows = (self.get_images(project_id, each["id"], limit=1000) for each in collections)
        return [image for images in (yield from Gather(flows, limit=4)) for image in images]


class SurveyClient(Survey, PixelClient):
    """The blocking client, with the operations of surveyors."""


class SurveyClientAsync(Survey, PixelClientAsync):
    """The async client, with the operations of surveyors."""
