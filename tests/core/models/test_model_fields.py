"""Every input model: fields, defaults, limits and secrets. The tables are section 4 of the API description."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import SecretStr, ValidationError

from pixel_core import models
from pixel_core.api.lists import read_input
from pixel_core.effects import Report
from pixel_core.events import KeywordsIgnored
from pixel_core.models.base import PixelModel, SensitiveModel
from tests.support.scripted import play

REQUIRED: Any = ...


def required(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, REQUIRED)


def optional(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names)


LIST = optional("extended", "name", "ids", "tags", "offset", "limit")
CLOUDS = {**LIST, **optional("format", "point_record_format", "version_major", "version_minor")}
UPDATE = optional("add_tags", "remove_tags", "json_metadata")
METADATA = optional("name", "capture_date")
SERVICE = ("name", "description", "data_collection_ids", "options")

FIELDS: dict[type[PixelModel], dict[str, Any]] = {
    models.ListParams: LIST,
    models.DataCollectionListParams: {**LIST, "data_collection_type": None},
    models.RasterListParams: {**LIST, "format": None},
    models.PointCloudListParams: CLOUDS,
    models.OptimizedPointCloudListParams: {**CLOUDS, "status": None},
    models.HarvestTaskListParams: {**LIST, "status": None, "get_new": None},
    models.AnalysisServiceListParams: optional("name", "ids", "enabled", "offset", "limit"),
    models.AnalysisTaskListParams: optional("name", "ids", "status", "offset", "limit"),
    models.OIDCUserCreateInput: {
        **required("first_name", "last_name", "email", "password"),
        "enabled": True,
        "user_type": REQUIRED,
    },
    # The reference has enabled=True here, which enables disabled users again (defect 8).
    models.OIDCUserUpdateInput: optional("first_name", "last_name", "password", "enabled", "user_type"),
    models.NearblackOptions: {"enabled": REQUIRED, "color": "black", "algorithm": "twopasses"},
    models.RasterInfo: optional("srid", "format", "data_type", "cell_size", "num_bands"),
    models.ImageMetadataFields: {
        "fields_type": "image",
        **optional("image_type", "name", "location", "cam_heading", "cam_pitch", "cam_roll", "hfov", "vfov"),
        **optional("far_dist", "near_dist", "capture_date", "cam_height", "img_rotation", "cam_orientation"),
        **optional("focal_length", "radial"),
    },
    models.RasterMetadataFields: {"fields_type": "raster", **METADATA},
    models.PointCloudMetadataFields: {"fields_type": "point_cloud", **METADATA},
    models.MetadataObject: optional("fields", "json_metadata"),
    models.PixelUploadFile: {"file": REQUIRED, "support_files": None, "metadata": None, "name": None},
    models.PixelAttachmentUpload: {"file": REQUIRED, "name": "", "description": ""},
    models.UpdateInputBase: UPDATE,
    **{
        each: {**UPDATE, "fields": None}
        for each in (models.ImageUpdateInput, models.RasterUpdateInput, models.PointCloudUpdateInput)
    },
    models.HarvestServiceCreateInput: {
        **required("name", "description", "url", "auth"),
        "field_mappings": models.HarvestFieldMapping(),
        "where_clause": "1=1",
    },
    models.HarvestServiceUpdateInput: optional("name", "description", "url", "auth", "where_clause", "field_mappings"),
    models.HarvestAuthInfo: optional("credentials", "api_key"),
    models.Credentials: {**required("username", "password"), "token_url": None},
    models.ApiKey: {"api_key": REQUIRED, "api_key_item_id": None},
    models.HarvestFieldMapping: optional("maps", "extra_fields"),
    models.HarvestFieldMap: required("model", "field_name", "external_field"),
    models.FieldMapsUpdateInput: optional("maps", "add_extra_fields", "remove_extra_fields"),
    models.HarvestFieldMapUpdate: {**required("operation", "model", "field_name"), "external_field": None},
    models.ArcgisServiceCreateInput: required(*SERVICE),
    models.ArcgisServiceUpdateInput: optional(*SERVICE),
    models.ArcgisServiceCreateOptions: optional("gdo_users", "feature_service_options", "image_service_options"),
    models.ArcGISFeatureServiceOptions: {"image_layer": REQUIRED, "project_layer": None},
    models.ArcGISFeatureServiceImageLayerOptions: {
        "include_fields": None,
        "enable_oriented_imagery": False,
        "enable_images_as_attachments": False,
        "image_processed_type": "blurred",
    },
    models.ArcGISFeatureServiceProjectLayerOptions: {"include_fields": None},
    models.ArcGISImageServiceOptions: {"default_service_srid": REQUIRED, "wms_options": None},
    models.ArcGISImageServiceWMSOptions: {
        "enable": True,
        **optional("supported_srids", "abstract", "keywords", "title"),
    },
    models.SearchQuery: {
        "on": REQUIRED,
        **optional("intersects", "filter", "search", "out_fields", "sort"),
        "distinct": False,
        "limit": 100,
        "offset": 0,
    },
    models.SortField: {"field": REQUIRED, "direction": "asc"},
    models.AnalysisServiceCreateUpdateInput: {**required("name", "module_name"), "enabled": True, "config": REQUIRED},
    models.AnalysisServicePatchInput: optional("name", "enabled", "config"),
    models.AnalysisTaskCreateInput: {"name": None, "params": REQUIRED},
    models.Polygon: {"type": "Polygon", "coordinates": REQUIRED, "bbox": None},
}
NAMED = pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)


@NAMED
def test_a_model_has_exactly_its_fields_in_their_order_with_their_defaults(model: type[PixelModel]) -> None:
    fields = {
        name: REQUIRED if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
    }
    assert list(fields.items()) == list(FIELDS[model].items())


def test_every_model_has_a_row() -> None:
    exported = {each for each in vars(models).values() if isinstance(each, type) and issubclass(each, PixelModel)}
    assert set(FIELDS) == exported - {PixelModel}


def test_unknown_fields_are_ignored() -> None:
    assert {each.model_config.get("extra") for each in FIELDS} == {"ignore"}


@NAMED
def test_a_required_field_that_is_missing_or_none_is_refused(model: type[PixelModel]) -> None:
    required = [name for name, default in FIELDS[model].items() if default is REQUIRED]
    for values in ({}, dict.fromkeys(required)):
        if required:
            with pytest.raises(ValidationError) as caught:
                model.model_validate(values)
            assert {error["loc"][0] for error in caught.value.errors() if error["loc"]} >= set(required)


# Limits: what each model takes, and what it refuses

USER = {"first_name": "a", "last_name": "b", "email": "a@acme.no", "password": "p", "user_type": "viewer"}
MAP = {"model": "image", "field_name": "name"}
OPTIONS = {"image_service_options": {"default_service_srid": 25833}}
ARCGIS = {"name": "n", "description": "d", "data_collection_ids": [1], "options": OPTIONS}
EMPTY: list[Any] = [[], None, 1]
HARVEST = {"name": "n", "description": "d", "url": "u", "auth": {}}

ACCEPTED: list[tuple[type[PixelModel], dict[str, Any]]] = [
    *((models.RasterListParams, {"format": each}) for each in ("GTiff", "JPEG", "PNG", "WEBP", "MRF", "PDF")),
    *(
        (models.DataCollectionListParams, {"data_collection_type": each})
        for each in get_args(models.DataCollectionType)
    ),
    *((models.PointCloudListParams, {"format": each}) for each in ("LAZ", "LAS")),
    *((models.PointCloudListParams, {"point_record_format": each}) for each in (0, 10, "5")),
    *((models.OptimizedPointCloudListParams, {"status": each.value}) for each in models.PixelStatusEnum),
    *((models.HarvestTaskListParams, {"status": each}) for each in models.PixelStatusEnum),
    *((models.AnalysisTaskListParams, {"status": each.value}) for each in models.AnalysisTaskStatusEnum),
    *((models.OIDCUserCreateInput, {**USER, "user_type": each}) for each in ("creator", "superuser", "viewer")),
    (models.OIDCUserUpdateInput, {}),
    *((models.NearblackOptions, {"enabled": True, "color": each}) for each in ("black", "white", 0, 255)),
    *((models.NearblackOptions, {"enabled": False, "algorithm": each}) for each in ("floodfill", "twopasses")),
    (models.HarvestServiceCreateInput, HARVEST),
    (models.HarvestServiceUpdateInput, {}),
    (models.HarvestAuthInfo, {}),
    (models.HarvestAuthInfo, {"credentials": {"username": "k", "password": "p"}, "api_key": {"api_key": "key"}}),
    (models.HarvestFieldMapUpdate, {**MAP, "operation": "remove"}),
    *((models.HarvestFieldMapUpdate, {**MAP, "operation": each, "external_field": ""}) for each in ("add", "update")),
    (models.ArcgisServiceCreateInput, ARCGIS),
    (models.ArcgisServiceCreateInput, {**ARCGIS, "options": {}}),
    (models.ArcgisServiceUpdateInput, {}),
    (models.ArcgisServiceUpdateInput, {"data_collection_ids": [1]}),
    *(
        (models.ArcGISFeatureServiceImageLayerOptions, {"image_processed_type": each})
        for each in ("original", "blurred")
    ),
    *((models.SortField, {"field": "name", "direction": each}) for each in ("asc", "desc")),
    (models.AnalysisServicePatchInput, {}),
    (models.AnalysisTaskCreateInput, {"params": {}}),
]

REFUSED: list[tuple[type[PixelModel], dict[str, Any]]] = [
    *((models.ListParams, {"ids": each}) for each in (5, ["a"])),
    *((models.ListParams, {"limit": each}) for each in ("x", 1.5)),
    *((models.ListParams, each) for each in ({"tags": "a"}, {"extended": "maybe"})),
    (models.RasterInfo, {"cell_size": [1]}),
    *((models.RasterListParams, {"format": each}) for each in ("gtiff", "TIFF", "")),
    *((models.PointCloudListParams, {"format": each}) for each in ("laz", "COPC")),
    *((models.PointCloudListParams, {"point_record_format": each}) for each in (-1, 11, "x", 1.5)),
    *((models.OptimizedPointCloudListParams, {"status": each}) for each in ("PENDING", "done")),
    *((models.HarvestTaskListParams, {"status": each}) for each in ("PENDING", 1)),
    (models.HarvestTaskListParams, {"get_new": "perhaps"}),
    *((models.AnalysisTaskListParams, {"status": each}) for each in ("pending", "DONE")),
    (models.AnalysisServiceListParams, {"enabled": "perhaps"}),
    *((models.OIDCUserCreateInput, {**USER, "email": each}) for each in ("a", "a@", "@b.no", "")),
    *((models.OIDCUserCreateInput, {**USER, "user_type": each}) for each in ("admin", None)),
    (models.OIDCUserUpdateInput, {"user_type": "admin"}),
    *((models.NearblackOptions, {"enabled": True, "color": each}) for each in ("red", -1, 256)),
    (models.NearblackOptions, {"enabled": True, "algorithm": "threepasses"}),
    (models.UpdateInputBase, {}),
    (models.RasterUpdateInput, {}),
    (models.PointCloudUpdateInput, {"fields": None}),
    (models.RasterUpdateInput, {"fields": {"fields_type": "image"}}),
    (models.PointCloudUpdateInput, {"fields": {"fields_type": "raster"}}),
    *((models.ImageUpdateInput, {"json_metadata": {"a": each}}) for each in ([], [1], {"a": 1}, object)),
    *((models.HarvestFieldMapUpdate, {**MAP, "operation": each}) for each in ("add", "update")),
    *((models.HarvestFieldMapUpdate, {**MAP, "operation": each, "external_field": None}) for each in ("add", "update")),
    (models.HarvestFieldMapUpdate, {**MAP, "operation": "change", "external_field": "x"}),
    (models.FieldMapsUpdateInput, {"maps": [{**MAP, "operation": "add"}]}),
    *((models.ArcgisServiceCreateInput, {**ARCGIS, "data_collection_ids": each}) for each in EMPTY),
    (models.ArcgisServiceUpdateInput, {"data_collection_ids": []}),
    (models.ArcGISFeatureServiceOptions, {"project_layer": {}}),
    (models.ArcGISFeatureServiceImageLayerOptions, {"image_processed_type": "sharp"}),
    (models.ArcGISImageServiceOptions, {"default_service_srid": "WGS84"}),
    (models.SortField, {"field": "name", "direction": "up"}),
    (models.SearchQuery, {"on": "users"}),
    (models.AnalysisTaskCreateInput, {"params": [1]}),
    (models.AnalysisServicePatchInput, {"config": "x"}),
    *((models.MetadataObject, {"fields": each}) for each in ({"fields_type": "video"}, {"name": "n"})),
]


@pytest.mark.parametrize(("model", "values"), ACCEPTED, ids=str)
def test_a_value_within_the_limits_is_accepted_and_sent(model: type[PixelModel], values: Any) -> None:
    body = model.model_validate(values).body()
    assert values.keys() <= body.keys()


@pytest.mark.parametrize(("model", "values"), REFUSED, ids=str)
def test_a_value_beyond_the_limits_is_refused(model: type[PixelModel], values: Any) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(values)


def test_none_is_sent_in_a_free_mapping_and_left_out_as_a_field() -> None:
    body = models.ImageMetadataFields(name=None, location={"type": None}).body()
    assert body == {"fields_type": "image", "location": {"type": None}}


def test_an_attachment_is_named_after_its_file_whose_path_is_not_sent() -> None:
    assert models.PixelAttachmentUpload.model_validate({"file": "/p/a.txt", "name": "z"}).name == "z"
    file = models.PixelAttachmentUpload(file=Path("/no/such/a.txt"), description="d")
    assert file.body() == file.model_dump() == {"name": "a.txt", "description": "d"}


def test_an_input_may_be_a_model_a_mapping_or_keywords() -> None:
    model = models.AnalysisTaskCreateInput(params={"a": 1})
    beside = play(read_input(models.AnalysisTaskCreateInput, model, {"params": {}}), None)
    assert beside.result is model
    assert beside.effects == [Report(KeywordsIgnored("AnalysisTaskCreateInput", ("params",)))]
    assert play(read_input(models.AnalysisTaskCreateInput, {"params": {"a": 1}}, {})).result == model
    assert play(read_input(models.AnalysisTaskCreateInput, None, {"params": {"a": 1}})).result == model


# Secrets

SECRET = "hemmelig-7"
SECRETS: list[PixelModel] = [
    models.OIDCUserCreateInput.model_validate({**USER, "password": SECRET}),
    models.OIDCUserUpdateInput(password=SecretStr(SECRET)),
    models.Credentials(username="k", password=SecretStr(SECRET)),
    models.ApiKey(api_key=SecretStr(SECRET)),
    models.HarvestAuthInfo(api_key=models.ApiKey(api_key=SecretStr(SECRET))),
    models.HarvestServiceCreateInput.model_validate(
        {**HARVEST, "auth": {"credentials": {"username": "k", "password": SECRET}}}
    ),
    models.HarvestServiceUpdateInput(
        auth=models.HarvestAuthInfo(credentials=models.Credentials(username="k", password=SecretStr(SECRET)))
    ),
]
WITH_SECRET = pytest.mark.parametrize("held", SECRETS, ids=lambda held: type(held).__name__)


@WITH_SECRET
def test_a_secret_is_hidden_in_repr_text_and_python_dumps(held: PixelModel) -> None:
    assert SECRET not in f"{held} {held!r} {held.model_dump()} {held.model_dump()!r}"


@WITH_SECRET
def test_a_secret_is_plain_text_in_a_body(held: PixelModel) -> None:
    assert json.dumps(held.body()).count(SECRET) == 1
    assert held.model_dump_json().count(SECRET) == 1


@WITH_SECRET
def test_errors_name_the_field_and_do_not_contain_a_secret(held: PixelModel) -> None:
    assert isinstance(held, SensitiveModel)
    nested = {"credentials": {"username": SECRET, "password": [SECRET]}, "api_key": SECRET}
    maps = {"maps": [{"model": SECRET}]}
    values = {"password": [SECRET], "email": SECRET, "user_type": SECRET, "api_key": [SECRET], "credentials": SECRET}
    for value in ({**values, "auth": nested, "field_mappings": maps}, {**values, "auth": SECRET}, SECRET):
        with pytest.raises(ValidationError) as caught:
            type(held).model_validate(value)
        error = caught.value
        assert SECRET not in f"{error} {error!r} {error.errors()} {error.json()}"
        assert error.__context__ is None
        assert all(each["type"] and each["msg"] for each in error.errors())
        assert isinstance(value, str) or all(each["loc"] for each in error.errors())


def test_a_secret_that_is_none_stays_none() -> None:
    assert models.OIDCUserUpdateInput().model_dump(mode="json")["password"] is None
