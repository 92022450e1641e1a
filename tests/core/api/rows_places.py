"""The requests of projects, data collections, images, upload jobs and jobs, of who is logged in, and of one's own."""

from pixel_core.models import (
    DataCollectionListParams,
    ImageMetadataFields,
    ImageUpdateInput,
    ListParams,
    RasterInfo,
)
from tests.core.api.rows import ROOT, D, P, Row, Story
from tests.support.scripted_api import Expected, told

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
SQUARE_SENT = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}

ROWS = [
    Row("me", lambda api: api.me(), "GET", "/acme/users/me?extended=false"),
    Row("me", lambda api: api.me(extended=True), "GET", "/acme/users/me?extended=true"),
    Row("me", lambda api: api.me(True), "GET", "/acme/users/me?extended=true"),
    Row("get_plugins", lambda api: api.get_plugins(), "GET", "/acme/plugins/"),
    Row(
        "create_project",
        lambda api: api.create_project("Ås", "d", SQUARE),
        "POST",
        f"{ROOT}/",
        {"name": "Ås", "description": "d", "area_of_interest": SQUARE_SENT},
    ),
    Row(
        "create_project",
        lambda api: api.create_project("n", "d", {**SQUARE, "bbox": [0, 0, 1, 1]}, 0, []),
        "POST",
        f"{ROOT}/",
        {"name": "n", "description": "d", "area_of_interest": {**SQUARE_SENT, "bbox": [0.0, 0.0, 1.0, 1.0]}},
    ),
    Row(
        "create_project",
        lambda api: api.create_project("n", "", SQUARE, parent_project_id=3, tags=("a", "b")),
        "POST",
        f"{ROOT}/",
        {
            "name": "n",
            "description": "",
            "area_of_interest": SQUARE_SENT,
            "parent_project_id": 3,
            "tags": ["a", "b"],
        },
    ),
    Row("list_projects", lambda api: api.list_projects(), "GET", f"{ROOT}/"),
    Row(
        "list_projects",
        lambda api: api.list_projects(
            ListParams(extended=True, name="a b&c", ids=[1, 2], tags=["x", "y"], offset=0, limit=5)
        ),
        "GET",
        f"{ROOT}/?extended=true&name=a+b%26c&ids=1%2C2&tags=x%2Cy&offset=0&limit=5",
    ),
    Row("list_projects", lambda api: api.list_projects(ids=["3"], name="", unknown=1), "GET", f"{ROOT}/?name=&ids=3"),
    Row("list_deleted_projects", lambda api: api.list_deleted_projects(), "GET", f"{ROOT}/deleted"),
    Row("list_deleted_projects", lambda api: api.list_deleted_projects(limit=1), "GET", f"{ROOT}/deleted?limit=1"),
    Row("get_project", lambda api: api.get_project(7), "GET", f"{P}?extended=false"),
    Row("get_project", lambda api: api.get_project(7, extended=True), "GET", f"{P}?extended=true"),
    Row("update_project", lambda api: api.update_project(7, "n"), "PUT", P, {"name": "n"}),
    Row(
        "update_project",
        lambda api: api.update_project(
            7, name="", description="", area_of_interest=SQUARE, add_tags=[], remove_tags=["x"]
        ),
        "PUT",
        P,
        {"name": "", "description": "", "area_of_interest": SQUARE_SENT, "add_tags": [], "remove_tags": ["x"]},
    ),
    Row("delete_project", lambda api: api.delete_project(7), "DELETE", P),
    Row("restore_project", lambda api: api.restore_project(7), "POST", f"{P}/restore"),
    Row("move_project", lambda api: api.move_project(7, 3), "PUT", f"{P}/move?new_parent_id=3"),
    Row("move_project", lambda api: api.move_project(7), "PUT", f"{P}/move?new_parent_id=-1"),
    Row("move_project", lambda api: api.move_project(7, 0), "PUT", f"{P}/move?new_parent_id=-1"),
    Row(
        "create_data_collection",
        lambda api: api.create_data_collection(7, "n", "d", "image"),
        "POST",
        f"{P}/data_collections/",
        {"name": "n", "description": "d", "data_collection_type": "image"},
    ),
    Row(
        "create_data_collection",
        lambda api: api.create_data_collection(7, "n", "d", "DTM", ["t"], RasterInfo(srid=25833, cell_size=(1, 2))),
        "POST",
        f"{P}/data_collections/",
        {
            "name": "n",
            "description": "d",
            "data_collection_type": "DTM",
            "tags": ["t"],
            "raster_info": {"srid": 25833, "cell_size": [1.0, 2.0]},
        },
    ),
    Row(
        "create_data_collection",
        lambda api: api.create_data_collection(7, "n", "d", "RGB", tags=[], raster_info=RasterInfo()),
        "POST",
        f"{P}/data_collections/",
        {"name": "n", "description": "d", "data_collection_type": "RGB", "raster_info": {}},
    ),
    Row("list_data_collections", lambda api: api.list_data_collections(7), "GET", f"{P}/data_collections/"),
    Row(
        "list_data_collections",
        lambda api: api.list_data_collections(7, data_collection_type="RGB", tags=["a"]),
        "GET",
        f"{P}/data_collections/?tags=a&data_collection_type=RGB",
    ),
    Row(
        "list_data_collections",
        lambda api: api.list_data_collections(7, DataCollectionListParams(extended=False, tags=[])),
        "GET",
        f"{P}/data_collections/?extended=false",
    ),
    Row(
        "list_deleted_data_collections",
        lambda api: api.list_deleted_data_collections(7, limit=3),
        "GET",
        f"{P}/data_collections/deleted?limit=3",
    ),
    Row("get_data_collection", lambda api: api.get_data_collection(7, 8), "GET", D),
    Row(
        "update_data_collection",
        lambda api: api.update_data_collection(7, 8, "n", "d", ["a"], []),
        "PUT",
        D,
        {"name": "n", "description": "d", "add_tags": ["a"], "remove_tags": []},
    ),
    Row("move_data_collection", lambda api: api.move_data_collection(7, 8, 9), "PUT", f"{D}/move?new_project_id=9"),
    Row("delete_data_collection", lambda api: api.delete_data_collection(7, 8), "DELETE", D),
    Row("restore_data_collection", lambda api: api.restore_data_collection(7, 8), "POST", f"{D}/restore"),
    Row("get_images", lambda api: api.get_images(7, 8), "GET", f"{D}/images/"),
    Row(
        "get_images",
        lambda api: api.get_images(7, 8, ListParams(name="a", limit=1), limit=2, newer=1.5),
        "GET",
        f"{D}/images/?name=a&limit=2&newer=1.5",
    ),
    Row("get_image", lambda api: api.get_image(7, 8, 9), "GET", f"{D}/images/9"),
    Row("get_image_metadata", lambda api: api.get_image_metadata(7, 8, 9), "GET", f"{D}/images/9/metadata"),
    Row(
        "update_image",
        lambda api: api.update_image(
            7,
            8,
            9,
            ImageUpdateInput(
                add_tags=[], json_metadata={"ok": True, "n": None}, fields=ImageMetadataFields(cam_height=2)
            ),
        ),
        "PUT",
        f"{D}/images/9",
        {
            "add_tags": [],
            "json_metadata": {"ok": True, "n": None},
            "fields": {"fields_type": "image", "cam_height": 2.0},
        },
    ),
    Row(
        "move_image",
        lambda api: api.move_image(7, 8, 9, new_project_id=1, new_data_collection_id=2),
        "PUT",
        f"{D}/images/9/move?new_project_id=1&new_data_collection_id=2",
    ),
    Row("delete_image", lambda api: api.delete_image(7, 8, 9), "DELETE", f"{D}/images/9"),
    Row("get_upload_jobs", lambda api: api.get_upload_jobs(7, 8), "GET", f"{D}/upload_jobs/"),
    Row(
        "get_upload_jobs",
        lambda api: api.get_upload_jobs(7, 8, ids=[1, 2], limit=2),
        "GET",
        f"{D}/upload_jobs/?ids=1%2C2&limit=2",
    ),
    Row("get_job", lambda api: api.get_job("j-1"), "GET", "/acme/jobs/j-1"),
    Row("get_job_group", lambda api: api.get_job_group(5), "GET", "/acme/jobs/groups/5"),
]

CREATED = told({"id": 1}, 201)

STORIES = [
    Story(
        "request",
        lambda api: api.request("get", "/new/", {"ids": [1, 2], "flag": True, "name": None}),
        [Expected("GET", "/acme/new/?ids=1%2C2&flag=true", CREATED)],
        CREATED,
    ),
    Story(
        "request",
        lambda api: api.request("PATCH", "/new", json={"a": None}),
        [Expected("PATCH", "/acme/new", CREATED, {"a": None})],
        CREATED,
    ),
]
