"""The requests of users, and of ArcGIS and harvest services."""

from pydantic import SecretStr

from pixel_core.models import (
    ApiKey,
    ArcGISFeatureServiceImageLayerOptions,
    ArcGISFeatureServiceOptions,
    ArcGISImageServiceOptions,
    ArcgisServiceCreateInput,
    ArcgisServiceCreateOptions,
    ArcgisServiceUpdateInput,
    Credentials,
    FieldMapsUpdateInput,
    HarvestAuthInfo,
    HarvestServiceCreateInput,
    HarvestServiceUpdateInput,
    HarvestTaskListParams,
    ListParams,
    OIDCUserCreateInput,
    OIDCUserUpdateInput,
    PixelStatusEnum,
)
from tests.core.api.rows import D, Row, Story
from tests.support.scripted_api import Expected, told

A = "/acme/arcgis_services"
H = f"{D}/harvest_services"

ROWS = [
    # Users
    Row(
        "create_oidc_user",
        lambda api: api.create_oidc_user(
            OIDCUserCreateInput(
                first_name="Kåre",
                last_name="B",
                email="kare@acme.no",
                password=SecretStr("hemmelig"),
                user_type="viewer",
            )
        ),
        "POST",
        "/acme/users/oidc/",
        {
            "first_name": "Kåre",
            "last_name": "B",
            "email": "kare@acme.no",
            "password": "hemmelig",
            "enabled": True,
            "user_type": "viewer",
        },
    ),
    Row(
        "update_oidc_user",
        lambda api: api.update_oidc_user(5, OIDCUserUpdateInput(password=SecretStr("ny"), user_type="creator")),
        "PUT",
        "/acme/users/oidc/5/",
        {"password": "ny", "user_type": "creator"},
    ),
    Row(
        "update_oidc_user",
        lambda api: api.update_oidc_user(
            user_id=5, update_input=OIDCUserUpdateInput(first_name="a", last_name="", enabled=False)
        ),
        "PUT",
        "/acme/users/oidc/5/",
        {"first_name": "a", "last_name": "", "enabled": False},
    ),
    # ArcGIS services
    Row("list_gdo_users", lambda api: api.list_gdo_users(), "GET", f"{A}/gdo-users"),
    Row(
        "create_arcgis_service",
        lambda api: api.create_arcgis_service(
            "Feature",
            ArcgisServiceCreateInput(
                name="n",
                description="",
                data_collection_ids=[1, 2],
                options=ArcgisServiceCreateOptions(
                    gdo_users=["kari"],
                    feature_service_options=ArcGISFeatureServiceOptions(
                        image_layer=ArcGISFeatureServiceImageLayerOptions(include_fields=[])
                    ),
                ),
            ),
        ),
        "POST",
        f"{A}/Feature/",
        {
            "name": "n",
            "description": "",
            "data_collection_ids": [1, 2],
            "options": {
                "gdo_users": ["kari"],
                "feature_service_options": {
                    "image_layer": {
                        "include_fields": [],
                        "enable_oriented_imagery": False,
                        "enable_images_as_attachments": False,
                        "image_processed_type": "blurred",
                    }
                },
            },
        },
    ),
    Row(
        "create_arcgis_service",
        lambda api: api.create_arcgis_service(
            service_type="Image",
            create_input=ArcgisServiceCreateInput(
                name="n",
                description="d",
                data_collection_ids=[1],
                options=ArcgisServiceCreateOptions(
                    image_service_options=ArcGISImageServiceOptions(default_service_srid=25833)
                ),
            ),
        ),
        "POST",
        f"{A}/Image/",
        {
            "name": "n",
            "description": "d",
            "data_collection_ids": [1],
            "options": {"image_service_options": {"default_service_srid": 25833}},
        },
    ),
    Row("list_arcgis_services", lambda api: api.list_arcgis_services("Image"), "GET", f"{A}/Image/"),
    Row(
        "list_arcgis_services",
        lambda api: api.list_arcgis_services("Feature", ListParams(extended=True)),
        "GET",
        f"{A}/Feature/?extended=true",
    ),
    Row(
        "list_arcgis_services",
        lambda api: api.list_arcgis_services("Feature", tags=["a"], unknown=1),
        "GET",
        f"{A}/Feature/?tags=a",
    ),
    Row("get_arcgis_service", lambda api: api.get_arcgis_service("Image", 5), "GET", f"{A}/Image/5"),
    Row("delete_arcgis_service", lambda api: api.delete_arcgis_service("Image", 5), "DELETE", f"{A}/Image/5"),
    Row(
        "update_arcgis_service",
        lambda api: api.update_arcgis_service("Image", 5, ArcgisServiceUpdateInput()),
        "PUT",
        f"{A}/Image/5",
        {},
    ),
    Row(
        "update_arcgis_service",
        lambda api: api.update_arcgis_service(
            "Image",
            5,
            update_input=ArcgisServiceUpdateInput(
                name="n", description="", data_collection_ids=[3], options=ArcgisServiceCreateOptions(gdo_users=[])
            ),
        ),
        "PUT",
        f"{A}/Image/5",
        {"name": "n", "description": "", "data_collection_ids": [3], "options": {"gdo_users": []}},
    ),
    Row(
        "start_arcgis_service",
        lambda api: api.start_arcgis_service("Image", 5, wait=False),
        "PUT",
        f"{A}/Image/5/start",
    ),
    Row(
        "stop_arcgis_service",
        lambda api: api.stop_arcgis_service("Image", 5, wait=False),
        "PUT",
        f"{A}/Image/5/stop",
    ),
    Row(
        "refresh_arcgis_service",
        lambda api: api.refresh_arcgis_service("Image", 5, wait=False),
        "PUT",
        f"{A}/Image/5/refresh?refresh_data=false",
    ),
    Row(
        "refresh_arcgis_service",
        lambda api: api.refresh_arcgis_service("Feature", 5, True, False),
        "PUT",
        f"{A}/Feature/5/refresh?refresh_data=true",
    ),
    # Harvest services
    Row(
        "create_harvest_service",
        lambda api: api.create_harvest_service(
            7, 8, HarvestServiceCreateInput(name="n", description="d", url="https://x.test", auth=HarvestAuthInfo())
        ),
        "POST",
        f"{H}/",
        {
            "name": "n",
            "description": "d",
            "url": "https://x.test",
            "auth": {},
            "field_mappings": {},
            "where_clause": "1=1",
        },
    ),
    Row(
        "create_harvest_service",
        lambda api: api.create_harvest_service(
            7,
            8,
            create_input=HarvestServiceCreateInput.model_validate(
                {
                    "name": "n",
                    "description": "d",
                    "url": "u",
                    "auth": {"credentials": {"username": "k", "password": "p", "token_url": "t"}},
                    "field_mappings": {
                        "maps": [{"model": "image", "field_name": "name", "external_field": "N"}],
                        "extra_fields": ["x"],
                    },
                    "where_clause": "a=1",
                }
            ),
        ),
        "POST",
        f"{H}/",
        {
            "name": "n",
            "description": "d",
            "url": "u",
            "auth": {"credentials": {"username": "k", "password": "p", "token_url": "t"}},
            "field_mappings": {
                "maps": [{"model": "image", "field_name": "name", "external_field": "N"}],
                "extra_fields": ["x"],
            },
            "where_clause": "a=1",
        },
    ),
    Row("list_harvest_services", lambda api: api.list_harvest_services(7, 8), "GET", f"{H}/"),
    Row(
        "list_harvest_services",
        lambda api: api.list_harvest_services(7, 8, ListParams(name="n")),
        "GET",
        f"{H}/?name=n",
    ),
    Row("list_harvest_services", lambda api: api.list_harvest_services(7, 8, limit=1), "GET", f"{H}/?limit=1"),
    Row("get_harvest_service", lambda api: api.get_harvest_service(7, 8, 9), "GET", f"{H}/9"),
    Row("delete_harvest_service", lambda api: api.delete_harvest_service(7, 8, 9), "DELETE", f"{H}/9"),
    Row(
        "update_harvest_service",
        lambda api: api.update_harvest_service(7, 8, 9, HarvestServiceUpdateInput()),
        "PUT",
        f"{H}/9",
        {},
    ),
    Row(
        "update_harvest_service",
        lambda api: api.update_harvest_service(
            7,
            8,
            9,
            update_input=HarvestServiceUpdateInput(
                name="n",
                auth=HarvestAuthInfo(
                    credentials=Credentials(username="k", password=SecretStr("p")),
                    api_key=ApiKey(api_key=SecretStr("key"), api_key_item_id="i"),
                ),
                where_clause="",
                field_mappings=FieldMapsUpdateInput(add_extra_fields=["a"], remove_extra_fields=[]),
            ),
        ),
        "PUT",
        f"{H}/9",
        {
            "name": "n",
            "auth": {
                "credentials": {"username": "k", "password": "p"},
                "api_key": {"api_key": "key", "api_key_item_id": "i"},
            },
            "where_clause": "",
            "field_mappings": {"add_extra_fields": ["a"], "remove_extra_fields": []},
        },
    ),
    Row("get_harvest_service_tasks", lambda api: api.get_harvest_service_tasks(7, 8, 9), "GET", f"{H}/9/"),
    Row(
        "get_harvest_service_tasks",
        lambda api: api.get_harvest_service_tasks(
            7, 8, 9, HarvestTaskListParams(status=PixelStatusEnum.failed, get_new=False, limit=1)
        ),
        "GET",
        f"{H}/9/?limit=1&status=failed&get_new=false",
    ),
    Row("start_harvest_service", lambda api: api.start_harvest_service(7, 8, 9), "POST", f"{H}/9/start"),
    Row("stop_harvest_service", lambda api: api.stop_harvest_service(7, 8, 9), "POST", f"{H}/9/stop"),
]


STORIES = [
    *(
        Story(
            f"{what}_arcgis_service",
            call,
            [
                Expected("PUT", f"{A}/Image/5/{target}", told({"job": {"job_id": "j"}, "arcgis_service": {"id": 5}})),
                Expected("GET", "/acme/jobs/j", told({"completed": True})),
                Expected("GET", f"{A}/Image/5", told({"id": 5, "status": "x"})),
            ],
            {"job": {"completed": True}, "arcgis_service": {"id": 5, "status": "x"}},
        )
        for what, target, call in [
            ("start", "start", lambda api: api.start_arcgis_service("Image", 5)),
            ("stop", "stop", lambda api: api.stop_arcgis_service("Image", 5)),
            ("refresh", "refresh?refresh_data=false", lambda api: api.refresh_arcgis_service("Image", 5)),
        ]
    ),
]
