"""The tests of the package, with the fixtures, checks, mocks, faults and recordings of this library."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from survey import CountingDriver, CountingTransport, SurveyClient, SurveyClientAsync

from pixel_core import PixelConnectionError
from pixel_transports import FunctionTransport, testing
from pixel_transports.sandbox import SAMPLE_AREA, Sandbox, SandboxServer, sample_photos
from pixel_transports.testing import checks


@pytest.fixture
def pixel_client_class() -> type[SurveyClient]:
    return SurveyClient


@pytest.fixture
def pixel_client_async_class() -> type[SurveyClientAsync]:
    return SurveyClientAsync


def test_operations_of_both_clients(pixel_client: SurveyClient, pixel_client_async: SurveyClientAsync) -> None:
    project = pixel_client.create_project("Survey", "", SAMPLE_AREA)["id"]
    collection = pixel_client.create_data_collection(project, "Flight", "", "image")["id"]
    pixel_client.upload_image(project, collection, sample_photos()[0])
    images = pixel_client.images_of(project)
    assert [each["name"] for each in images] == [sample_photos()[0].name]
    assert asyncio.run(pixel_client_async.images_of(project)) == images


@pytest.mark.parametrize(**checks.cases(counting=CountingTransport))
def test_the_transport(case: Callable[[], None]) -> None:
    case()


def test_what_is_sent(pixel_transport: testing.MockTransport) -> None:
    pixel_transport.get("/projects/7/data_collections/", [], query={"data_collection_type": "image"})
    client = testing.client(transport=pixel_transport, client_class=SurveyClient)
    assert client.images_of(7) == []


def test_a_lost_answer_is_repeated(pixel_sandbox: Sandbox, pixel_clock: testing.ManualClock) -> None:
    faults = testing.Faults(pixel_sandbox, [testing.Reset(), testing.Status(503)], clock=pixel_clock)
    client = testing.client(transport=faults, clock=pixel_clock, client_class=SurveyClient)
    assert client.list_projects() == []
    faults.assert_all_met()


def test_a_lasting_failure_is_not_repeated(pixel_sandbox: Sandbox) -> None:
    transport = CountingTransport(FunctionTransport(pixel_sandbox), host="elsewhere.invalid")
    client = testing.client(
        settings=testing.settings_for(pixel_sandbox), transport=transport, client_class=SurveyClient
    )
    with pytest.raises(PixelConnectionError, match="another host") as caught:
        client.me()
    assert caught.value.lasting


def test_the_driver_on_a_server() -> None:
    before = CountingDriver.flows
    with SandboxServer() as server:
        settings = testing.settings_for(server.url)
        with testing.client(
            settings=settings, transport=CountingTransport(), driver=CountingDriver, client_class=SurveyClient
        ) as client:
            assert client.me().get("email") == "demo@example.com"
    assert CountingDriver.flows > before


def test_a_recording(pixel_sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    with testing.Recorder(pixel_sandbox, path) as recorder:
        known = testing.client(transport=recorder, client_class=SurveyClient).list_projects()
    with testing.Replay(path) as replay:
        assert testing.client(transport=replay, client_class=SurveyClient).list_projects() == known
