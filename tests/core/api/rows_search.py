"""The requests of attachments, search and analysis."""

from typing import Any

from pixel_core.models import (
    AnalysisServiceCreateUpdateInput,
    AnalysisServiceListParams,
    AnalysisServicePatchInput,
    AnalysisTaskCreateInput,
    AnalysisTaskListParams,
    AnalysisTaskStatusEnum,
    PixelAttachmentUpload,
    SearchQuery,
)
from tests.core.api.rows import Row, Story
from tests.support.scripted_api import Expected, told

S = "/acme/analysis/services"
OF = "resource_type=project&resource_id=7"

ROWS = [
    # Attachments
    Row(
        "list_attachments",
        lambda api: api.list_attachments("data_collection", 7),
        "GET",
        "/acme/attachments/?resource_type=data_collection&resource_id=7",
    ),
    Row(
        "list_attachments",
        lambda api: api.list_attachments("project", 7, status="Pending"),
        "GET",
        f"/acme/attachments/?{OF}&status=Pending",
    ),
    Row(
        "move_attachment",
        lambda api: api.move_attachment("project", 7, 5, "image", 9),
        "PUT",
        f"/acme/attachments/move?{OF}&attachment_id=5&new_resource_type=image&new_resource_id=9",
    ),
    Row(
        "delete_attachment",
        lambda api: api.delete_attachment("project", 7, attachment_id=5),
        "DELETE",
        f"/acme/attachments/?{OF}&attachment_id=5",
    ),
    # Search
    Row("search_info", lambda api: api.search_info("point_clouds"), "GET", "/acme/search/info?on=point_clouds"),
    Row(
        "search",
        lambda api: api.search(SearchQuery(on="images")),
        "POST",
        "/acme/search/",
        {"on": "images", "distinct": False, "limit": 100, "offset": 0},
    ),
    Row(
        "search",
        lambda api: api.search(
            {
                "on": "projects",
                "intersects": "POINT (1 2)",
                "filter": {"and": [{"==": [{"var": "a"}, None]}, {"in": [{"var": "b"}, [1, None]]}]},
                "search": "x",
                "out_fields": [],
                "sort": [{"field": "name"}, {"field": "id", "direction": "desc"}],
                "distinct": True,
                "limit": "5",
                "offset": 10,
                "unknown": 1,
            }
        ),
        "POST",
        "/acme/search/",
        {
            "on": "projects",
            "intersects": "POINT (1 2)",
            "filter": {"and": [{"==": [{"var": "a"}, None]}, {"in": [{"var": "b"}, [1, None]]}]},
            "search": "x",
            "out_fields": [],
            "sort": [{"field": "name", "direction": "asc"}, {"field": "id", "direction": "desc"}],
            "distinct": True,
            "limit": 5,
            "offset": 10,
        },
    ),
    # Analysis
    Row("list_analysis_modules", lambda api: api.list_analysis_modules(), "GET", "/acme/analysis/modules/"),
    Row("list_analysis_services", lambda api: api.list_analysis_services(), "GET", f"{S}/"),
    Row(
        "list_analysis_services",
        lambda api: api.list_analysis_services(
            AnalysisServiceListParams(name="n", ids=[1, 2], enabled=False, offset=0, limit=1)
        ),
        "GET",
        f"{S}/?name=n&ids=1%2C2&enabled=false&offset=0&limit=1",
    ),
    Row(
        "list_analysis_services",
        lambda api: api.list_analysis_services(enabled=True, tags=["dropped"], extended=True),
        "GET",
        f"{S}/?enabled=true",
    ),
    Row(
        "create_analysis_service",
        lambda api: api.create_analysis_service(
            AnalysisServiceCreateUpdateInput(name="n", module_name="m", config={"a": None})
        ),
        "POST",
        f"{S}/",
        {"name": "n", "module_name": "m", "enabled": True, "config": {"a": None}},
    ),
    Row(
        "create_analysis_service",
        lambda api: api.create_analysis_service(name="n", module_name="m", enabled=False, config={}),
        "POST",
        f"{S}/",
        {"name": "n", "module_name": "m", "enabled": False, "config": {}},
    ),
    Row(
        "patch_analysis_service",
        lambda api: api.patch_analysis_service(5, AnalysisServicePatchInput(name="n", config=None)),
        "PATCH",
        f"{S}/5",
        {"name": "n", "config": None},
    ),
    Row(
        "patch_analysis_service",
        lambda api: api.patch_analysis_service(5, enabled=False, config={"a": None}),
        "PATCH",
        f"{S}/5",
        {"enabled": False, "config": {"a": None}},
    ),
    Row("delete_analysis_service", lambda api: api.delete_analysis_service(5), "DELETE", f"{S}/5"),
    Row("list_analysis_tasks", lambda api: api.list_analysis_tasks(5), "GET", f"{S}/5/tasks/"),
    Row(
        "list_analysis_tasks",
        lambda api: api.list_analysis_tasks(
            5, AnalysisTaskListParams(name="", ids=[1], status=AnalysisTaskStatusEnum.SUCCESS, offset=1, limit=2)
        ),
        "GET",
        f"{S}/5/tasks/?name=&ids=1&status=SUCCESS&offset=1&limit=2",
    ),
    Row(
        "list_analysis_tasks",
        lambda api: api.list_analysis_tasks(5, status="REVOKED"),
        "GET",
        f"{S}/5/tasks/?status=REVOKED",
    ),
    Row(
        "create_analysis_task",
        lambda api: api.create_analysis_task(5, AnalysisTaskCreateInput(params={"a": None})),
        "POST",
        f"{S}/5/tasks/",
        {"params": {"a": None}},
    ),
    Row(
        "create_analysis_task",
        lambda api: api.create_analysis_task(5, AnalysisTaskCreateInput(name="n", params={}), name="ignored"),
        "POST",
        f"{S}/5/tasks/",
        {"name": "n", "params": {}},
    ),
    Row("delete_analysis_task", lambda api: api.delete_analysis_task(5, 6), "DELETE", f"{S}/5/tasks/6"),
    Row("run_analysis_task", lambda api: api.run_analysis_task(5, 6), "POST", f"{S}/5/tasks/6/run"),
    Row("revoke_analysis_task", lambda api: api.revoke_analysis_task(5, 6), "POST", f"{S}/5/tasks/6/revoke"),
]


def attachment(number: int, name: str) -> dict[str, Any]:
    """A new attachment as the server tells of it."""
    target = {"url": f"https://s3.test/{name}", "fields": {"key": name}}
    return {"id": number, "name": name, "status": "Pending", "upload_file_params": target}


STORIES = [
    Story(
        "add_attachments",
        lambda api: api.add_attachments(
            "project", 7, ["/p/b.jpg", PixelAttachmentUpload.model_validate({"file": "/p/a.jpg", "description": "d"})]
        ),
        [
            Expected(
                "POST",
                f"/acme/attachments/?{OF}",
                told([attachment(2, "b.jpg"), attachment(1, "a.jpg")]),
                {
                    "files": [
                        {"name": "b.jpg", "description": "", "md5": "eV8yArF8trw9S3cdjGyerw=="},
                        {"name": "a.jpg", "description": "d", "md5": "XUFAKrxLKna5cZ2REBfFkg=="},
                    ]
                },
            ),
            Expected("POST", "/b.jpg", told(None, 204)),
            Expected("POST", "/a.jpg", told(None, 204)),
            Expected("PUT", f"/acme/attachments/update?{OF}&attachment_id=2&status=Completed", told({"id": 2})),
            Expected("PUT", f"/acme/attachments/update?{OF}&attachment_id=1&status=Completed", told({"id": 1})),
        ],
        [{"id": 1}, {"id": 2}],
    ),
    Story(
        "paginate_search",
        lambda api: next(api.paginate_search({"on": "rasters", "offset": 7, "limit": 9}, 50)),
        [
            Expected(
                "POST",
                "/acme/search/",
                told({"results": []}),
                {"on": "rasters", "distinct": False, "offset": 0, "limit": 50},
            )
        ],
        None,
    ),
]
