"""The package under the name that its users know: what existing code imports is there, and does what it says."""

import importlib
import io
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pixel_client
import pytest
from pixel_client import ListParams, PixelApiSettings, PixelClient, PixelClientAsync, get_client, models, utils
from pixel_client.auth import KeyCloakAuth

from pixel_core import models as core_models
from pixel_core.errors import PixelError, PixelLoginError
from pixel_core.session.answers import Answer
from pixel_transports.sandbox import SandboxServer

NAMES = {
    "pixel_client": """
        get_client PixelClientAsync PixelClient PixelClientKwargs PixelApiSettings PackageUpdateWarning
        __version__ ArcgisServiceCreateInput OIDCUserCreateInput HarvestServiceCreateInput
        HarvestServiceUpdateInput MetadataObject HarvestFieldMapping HarvestFieldMap HarvestFieldMapUpdate
        HarvestAuthInfo FieldMapsUpdateInput ArcGISFeatureServiceImageLayerOptions
        ArcGISFeatureServiceProjectLayerOptions OIDCUserUpdateInput ArcgisServiceUpdateInput
        ArcgisServiceCreateOptions PixelUploadFile PixelAttachmentUpload ImageMetadataFields
        RasterMetadataFields PointCloudMetadataFields MetadataFieldsType ArcGISFeatureServiceOptions ListParams
        DataCollectionListParams RasterListParams PointCloudListParams NearblackOptions RasterInfo
        ImageUpdateInput RasterUpdateInput PointCloudUpdateInput ArcGISImageServiceOptions
        ArcGISImageServiceWMSOptions AnalysisServiceListParams AnalysisServiceCreateUpdateInput
        AnalysisServicePatchInput AnalysisTaskListParams AnalysisTaskCreateInput
    """,
    "pixel_client.models": """
        SearchQuery SortField SearchResults SearchOn SearchFilter HarvestTaskListParams OptimizedPointCloudListParams
        Credentials ApiKey UpdateInputBase PixelStatusEnum AnalysisTaskStatusEnum
    """,
    "pixel_client.exceptions": "PixelBadRequestError PixelUploadJobError PixelMultipleUploadJobError",
    "pixel_client.types": "AttachmentResourceType DataCollectionType OverviewResampling",
    "pixel_client.settings": "PixelApiSettings",
    "pixel_client.auth": "KeyCloakAuth",
    "pixel_client.utils": """
        run_sync iter_over_async chunks silence_logger calculate_md5_base64 calculate_md5_base64_from_file
        iter_file_parts download_from_url
    """,
}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in NAMES.items() for name in names.split()]
)
def test_existing_code_finds(module: str, name: str) -> None:
    found = importlib.import_module(module)
    assert name in found.__all__
    assert hasattr(found, name)


def test_a_model_is_one_class_wherever_it_is_imported_from() -> None:
    for name in set(models.__all__) - {"PixelAttachmentUpload"}:
        assert getattr(models, name) is getattr(core_models, name, getattr(models, name))
    assert issubclass(models.PixelAttachmentUpload, core_models.PixelAttachmentUpload)
    assert models.PixelAttachmentUpload is pixel_client.PixelAttachmentUpload


def test_an_attachment_knows_its_md5_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"hello")
    upload = models.PixelAttachmentUpload(file=path)
    assert (upload.name, upload.md5) == ("note.txt", "XUFAKrxLKna5cZ2REBfFkg==")
    path.write_bytes(b"other")
    assert upload.model_dump() == {"name": "note.txt", "description": "", "md5": "XUFAKrxLKna5cZ2REBfFkg=="}


def test_both_clients_have_the_same_public_methods() -> None:
    def methods(face: type) -> set[str]:
        return {name for name in dir(face) if not name.startswith("_")} - {"close", "aclose"}

    assert methods(PixelClient) == methods(PixelClientAsync)


def test_auth_fetches_a_token_sets_it_and_hides_it(server: SandboxServer, pixel_settings: PixelApiSettings) -> None:
    request, settings = SimpleNamespace(headers={}), pixel_settings
    where = (settings.PIXEL_AUTH_SERVER_URL, settings.PIXEL_REALM, settings.PIXEL_CLIENT_ID, settings.PIXEL_USERNAME)
    auth = KeyCloakAuth(*where, settings.PIXEL_PASSWORD.get_secret_value())
    assert auth(request).headers["Authorization"] == f"Bearer {auth.token}"
    assert auth.token not in repr(auth)
    assert len(server.sandbox.received) == 1
    with pytest.raises(PixelLoginError):
        _ = KeyCloakAuth(*where, "wrong").token


def test_options_make_a_light_copy_that_shares_login_and_life(
    server: SandboxServer, pixel_settings: PixelApiSettings
) -> None:
    with get_client(settings=pixel_settings) as client:
        client.me()
        twin = client.with_options(timeout=3, retries=0, headers={"X-Team": "north"})
        twin.me()
        assert twin.session.options.timeout_pixel.read == 3
        assert client.session.options.timeout_pixel.read == 10
    assert twin.closed
    assert [each.path.rpartition("/")[2] for each in server.sandbox.received] == ["token", "me", "me"]


def test_answers_show_status_headers_and_request_id_of_any_operation(pixel_settings: PixelApiSettings) -> None:
    answers: list[Answer] = []
    with get_client(settings=pixel_settings) as client:
        client.with_options(answers=answers).me()
        with pytest.raises(pixel_client.PixelNotFoundError) as caught:
            client.with_options(answers=answers).get_project(99)
    assert [each.response.status for each in answers] == [200, 404]
    assert answers[0].response.headers["Content-Type"] == "application/json"
    assert answers[1].request_id == caught.value.request_id


def test_wrong_options_are_refused(pixel_settings: PixelApiSettings) -> None:
    client = get_client(settings=pixel_settings)
    with pytest.raises(ValueError, match="retries"):
        client.with_options(retries=-1)
    with pytest.raises(ValueError, match="Authorization"):
        client.with_options(headers={"authorization": "mine"})
    with pytest.raises(TypeError, match="tries"):
        client.with_options(tries=3)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def test_request_reaches_any_endpoint_with_the_same_login_and_errors(pixel_settings: PixelApiSettings) -> None:
    with get_client(settings=pixel_settings) as client:
        answer = client.request("GET", "/projects/", {"tags": ["a", "b"], "name": None})
        assert (answer.status, answer.json()) == (200, [])
        with pytest.raises(pixel_client.PixelNotFoundError):
            client.request("GET", "/no/such/thing")
        with pytest.raises(ValueError, match="slash"):
            client.request("GET", "users/me")


async def _three() -> AsyncIterator[int]:
    for number in range(3):
        yield number


def test_iter_over_async_gives_the_items() -> None:
    assert list(utils.iter_over_async(_three())) == [0, 1, 2]


def test_run_sync_works_with_and_without_a_running_loop() -> None:
    """In a process of its own, since it blocks its loop on purpose, which no test here may."""
    code = """
import asyncio
from pixel_client.utils import run_sync
async def three(): return 3
async def inside(): return run_sync(three())
print(run_sync(three()), asyncio.run(inside()))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3 3\n"


def test_chunks_are_all_items_in_order() -> None:
    assert list(utils.chunks([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    with pytest.raises(ValueError):
        list(utils.chunks([1], 0))


def test_silence_logger_is_over_after_its_block() -> None:
    logger = logging.getLogger("tests.silenced")
    logger.setLevel(logging.INFO)
    with utils.silence_logger("tests.silenced"):
        assert not logger.isEnabledFor(logging.ERROR)
    assert logger.isEnabledFor(logging.INFO)


def test_parts_of_a_file_have_length_md5_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcdefg")
    parts = list(utils.iter_file_parts(path, 3))
    assert [(length, data) for length, _, data in parts] == [(3, b"abc"), (3, b"def"), (1, b"g")]
    assert parts[0][1] == utils.calculate_md5_base64(b"abc")
    assert utils.calculate_md5_base64_from_file(path) == utils.calculate_md5_base64(b"abcdefg")


def test_download_copies_what_a_url_gives(server: SandboxServer) -> None:
    out = io.BytesIO()
    utils.download_from_url(server.url, out)
    assert b"sandbox" in out.getvalue().lower()
    with pytest.raises(ValueError, match="http"):
        utils.download_from_url("file:///etc/hosts", out)


def test_a_blocking_client_of_an_async_one_shares_its_login(pixel_settings: PixelApiSettings) -> None:
    async_client = PixelClientAsync.from_settings(pixel_settings, upload_max_concurrency=3)
    with PixelClient(async_client) as client:
        assert client.me().get("email") == pixel_settings.PIXEL_USERNAME
        assert client.session is async_client.session
        assert async_client.session.options.upload_max_concurrency == 3
    with PixelClient(async_client=async_client) as client:
        assert client.url == async_client.url
    with pytest.raises(TypeError):
        PixelClient(client)  # type: ignore[call-overload]


def test_a_client_has_its_login_for_requests_of_other_libraries(pixel_settings: PixelApiSettings) -> None:
    with PixelClient.from_settings(pixel_settings) as client:
        answer = httpx.get(f"{client.url}/users/me", auth=client.auth)
        assert answer.json()["email"] == pixel_settings.PIXEL_USERNAME
        assert client.auth.token == answer.request.headers["Authorization"].removeprefix("Bearer ")


def test_the_httpx_client_of_the_reference_is_not_there_and_the_error_says_what_is() -> None:
    client = PixelClientAsync("https://pixel.test/acme", "https://keycloak.test", "Acme", "frontend", "k", "p")
    with pytest.raises(AttributeError, match=r"client\.request"):
        _ = client.pixel_client


def test_a_failed_call_is_logged_at_error_without_its_query(
    pixel_settings: PixelApiSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with PixelClient.from_settings(pixel_settings) as client, pytest.raises(PixelError) as caught:
        client.get_project(4711, extended=True)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.name == "pixel_client.calls"
    assert "/projects/4711 failed: status 404" in record.getMessage()
    assert str(vars(caught.value)["request_id"]) in record.getMessage()
    assert "extended" not in record.getMessage()


def test_keywords_beside_a_model_are_ignored_with_a_warning_in_the_log(
    pixel_settings: PixelApiSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with PixelClient.from_settings(pixel_settings) as client:
        assert client.list_projects(ListParams(limit=1), name="x") == client.list_projects(limit=1)
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "pixel_client.calls")
    assert record.getMessage() == "Ignoring kwargs when params is provided: name beside a ListParams"
