"""Cases of ArcGIS services, harvest services and attachments."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.support.operations.answering import Answer
from tests.support.operations.case import DC, Case, Method, md5, model, path, paths
from tests.support.operations.lists import cases_of_lists


def arcgis() -> Iterator[Case]:
    yield Case("list_gdo_users", "defaults").sends("GET /arcgis_services/gdo-users")
    yield Case("list_gdo_users", "no users").answered(Answer("GET", "/arcgis_services/gdo-users", json=[]))
    layer = model(
        "ArcGISFeatureServiceImageLayerOptions",
        include_fields=["a", "å"],
        enable_oriented_imagery=True,
        enable_images_as_attachments=True,
        image_processed_type="original",
    )
    plain_layer = model("ArcGISFeatureServiceImageLayerOptions")
    feature = model("ArcGISFeatureServiceOptions", image_layer=plain_layer)
    full = model(
        "ArcGISFeatureServiceOptions",
        image_layer=layer,
        project_layer=model("ArcGISFeatureServiceProjectLayerOptions", include_fields=[]),
    )
    wms = {"enable": False, "supported_srids": [25832, 0], "abstract": "", "keywords": [], "title": "Ø"}
    image = model(
        "ArcGISImageServiceOptions",
        default_service_srid=25832,
        wms_options=model("ArcGISImageServiceWMSOptions", **wms),
    )

    def create_input(ids: Any = (1, 2), **options: Any) -> dict[str, Any]:
        chosen = model("ArcgisServiceCreateOptions", **options)
        return model(
            "ArcgisServiceCreateInput", name="Tjeneste", description="", data_collection_ids=[*ids], options=chosen
        )

    create = Method("create_arcgis_service")
    yield create("feature", "Feature", create_input(feature_service_options=feature)).sends_input(
        "POST /arcgis_services/Feature/",
        options={
            "feature_service_options": {
                "image_layer": {
                    "enable_oriented_imagery": False,
                    "enable_images_as_attachments": False,
                    "image_processed_type": "blurred",
                }
            }
        },
    )
    yield create("feature, all", "Feature", create_input(gdo_users=["a"], feature_service_options=full))
    yield create("image", service_type="Image", create_input=create_input(image_service_options=image))
    yield create(
        "image, few",
        "Image",
        create_input(image_service_options=model("ArcGISImageServiceOptions", default_service_srid="0")),
    ).sends_input("POST /arcgis_services/Image/", options={"image_service_options": {"default_service_srid": 0}})
    yield create(
        "both options", "Image", create_input(gdo_users=[], image_service_options=image, feature_service_options=full)
    )
    yield create("feature without options", "Feature", create_input()).raises("ValueError")
    yield create("image with options of feature", "Image", create_input(feature_service_options=feature))
    yield create("no collections", "Feature", create_input(ids=(), feature_service_options=feature))
    yield from cases_of_lists("list_arcgis_services", "Feature")
    yield Case("list_arcgis_services", "image", ("Image",)).sends("GET /arcgis_services/Image/")
    for name in ("get_arcgis_service", "delete_arcgis_service"):
        verb = name.partition("_")[0].upper()
        yield Case(name, "feature", ("Feature", 9)).sends(f"{verb} /arcgis_services/Feature/9")
        image_service = {"service_type": "Image", "service_id": 9}
        yield Case(name, "image", (), image_service).sends(f"{verb} /arcgis_services/Image/9")
        yield Case(name, "not found", ("Image", 9)).answered(Answer(verb, "*", 404, {}))
    update = Method("update_arcgis_service", "Feature", 9)
    yield update("name", model("ArcgisServiceUpdateInput", name="Ny"))
    yield update("nothing", update_input=model("ArcgisServiceUpdateInput"))
    yield update("false values", model("ArcgisServiceUpdateInput", name="", description=""))
    options = model("ArcgisServiceCreateOptions", gdo_users=[], feature_service_options=full)
    yield update(
        "all", model("ArcgisServiceUpdateInput", name="N", description="D", data_collection_ids=[1], options=options)
    ).sends_input("PUT /arcgis_services/Feature/9")
    yield update("no collections", model("ArcgisServiceUpdateInput", data_collection_ids=[])).raises("ValidationError")
    for what in ("start", "stop", "refresh"):
        name = f"{what}_arcgis_service"
        place = f"/arcgis_services/Feature/9/{what}"
        call = Method(name, "Feature", 9)
        sent = f"PUT {place}" + "?refresh_data=false" * (what == "refresh")
        job = {"id": "41", "job_id": "41", "name": "a job", "completed": True, "status": "failed"}
        found = {"id": 1, "name": "blåbær", "answers": "GET /arcgis_services/Feature/9", "nothing": None}
        final = {"job": job, "arcgis_service": found, "note": "kept"}
        yield call("defaults").sends(sent, "GET /jobs/41", "GET /arcgis_services/Feature/9").returns(final)
        yield call("the job at the third look").at(job_polls=3)
        yield call("without waiting", wait=False).sends(sent)
        no_job = Answer("PUT", place, json={"job": None, "arcgis_service": {"id": 9}})
        yield call("without a job").answered(no_job).sends(sent)
        yield Case(name, "image", (), {"service_type": "Image", "service_id": 9})
        yield call("refused").answered(Answer("PUT", place, 409, {"detail": "is running"}))
    yield Case("start_arcgis_service", "in place", ("Feature", 9, False)).sends("PUT /arcgis_services/Feature/9/start")
    yield Case("stop_arcgis_service", "in place", ("Feature", 9, False)).sends("PUT /arcgis_services/Feature/9/stop")
    refresh = Method("refresh_arcgis_service", "Image", 9)
    yield refresh("data", True)
    yield refresh("data, without waiting", refresh_data=True, wait=False).sends(
        "PUT /arcgis_services/Image/9/refresh?refresh_data=true"
    )
    yield refresh("in place", False, False).sends("PUT /arcgis_services/Image/9/refresh?refresh_data=false")


def harvest() -> Iterator[Case]:
    base: dict[str, Any] = {"name": "Høst", "description": "d", "url": "https://example.com/FeatureServer/0"}
    login = model("HarvestAuthInfo", credentials=model("Credentials", username="u", password="hemmelig"))
    key = model("HarvestAuthInfo", api_key=model("ApiKey", api_key="nøkkel", api_key_item_id="7"))
    services = "/projects/1/data_collections/2/harvest_services/"
    create = Method("create_harvest_service", 1, DC)
    yield create("login", model("HarvestServiceCreateInput", **base, auth=login)).sends_input(
        "POST /projects/1/data_collections/2/harvest_services/", field_mappings={}, where_clause="1=1"
    )
    token = model("Credentials", username="u", password="p", token_url="https://example.com/t")
    yield create("login at a place", model("HarvestServiceCreateInput", **base, auth={"credentials": token}))
    yield create("key", create_input=model("HarvestServiceCreateInput", **base, auth=key))
    yield create("no login", model("HarvestServiceCreateInput", **base, auth=model("HarvestAuthInfo"))).sends_input(
        "POST /projects/1/data_collections/2/harvest_services/", field_mappings={}, where_clause="1=1"
    )
    maps = [model("HarvestFieldMap", model="image", field_name="name", external_field="navn")]
    mapping = model("HarvestFieldMapping", maps=maps, extra_fields=["a", "b"])
    yield create(
        "all", model("HarvestServiceCreateInput", **base, auth=key, field_mappings=mapping, where_clause="år > 2020")
    ).sends_input("POST /projects/1/data_collections/2/harvest_services/")
    yield create(
        "false values",
        model(
            "HarvestServiceCreateInput",
            **base,
            auth=key,
            field_mappings={"maps": [], "extra_fields": []},
            where_clause="",
        ),
    )
    yield create("wrong", model("HarvestServiceCreateInput", **base)).raises("ValidationError")
    yield create("refused", model("HarvestServiceCreateInput", **base, auth=login)).answered(
        Answer("POST", "*", 400, {"detail": "no"})
    )
    yield from cases_of_lists("list_harvest_services", 1, DC)
    for verb, sent in (("get", "GET"), ("delete", "DELETE"), ("start", "POST"), ("stop", "POST")):
        target = f"{sent} {services}9" + f"/{verb}" * (sent == "POST")
        yield Case(f"{verb}_harvest_service", "defaults", (1, DC, 9)).sends(target)
        yield Case(f"{verb}_harvest_service", "keyword", (1, DC), {"service_id": 9}).sends(target)
    yield Case("start_harvest_service", "refused", (1, DC, 9)).answered(Answer("POST", "*/start", 409, {"detail": "x"}))
    update = Method("update_harvest_service", 1, DC, 9)
    yield update("name", model("HarvestServiceUpdateInput", name="Ny"))
    yield update("nothing", update_input=model("HarvestServiceUpdateInput"))
    changes = [
        model("HarvestFieldMapUpdate", operation="add", model="image", field_name="n", external_field="e"),
        model("HarvestFieldMapUpdate", operation="remove", model="image", field_name="m"),
    ]
    fields = model("FieldMapsUpdateInput", maps=changes, add_extra_fields=["a"], remove_extra_fields=[])
    yield update(
        "all", model("HarvestServiceUpdateInput", **base, auth=login, where_clause="", field_mappings=fields)
    ).sends_input("PUT /projects/1/data_collections/2/harvest_services/9")
    lacking = model("HarvestFieldMapUpdate", operation="update", model="image", field_name="n")
    yield update("a map without its field", model("HarvestServiceUpdateInput", field_mappings={"maps": [lacking]}))
    yield update("refused", model("HarvestServiceUpdateInput", auth=key)).answered(
        Answer("PUT", "*", 400, {"detail": "no"})
    )
    tasks = Method("get_harvest_service_tasks", 1, DC, 9)
    name = "HarvestTaskListParams"
    yield tasks("params", model(name, limit=2, ids=[1, 2]))
    yield tasks("params without values", params=model(name))
    yield tasks("status", params=model(name, status="completed", get_new=True))
    yield tasks("status as enum", params=model(name, status={"$enum": "PixelStatusEnum.failed"}, get_new=False)).sends(
        "GET /projects/1/data_collections/2/harvest_services/9/?status=failed&get_new=false"
    )
    yield tasks("params of None", None).sends("GET /projects/1/data_collections/2/harvest_services/9/")
    yield tasks("params of None and keywords", None, limit=2, offset=0)
    yield tasks("params and keywords", params=model(name, limit=2), offset=5)
    yield tasks("keywords of harvest", None, status="completed", get_new=True)
    yield tasks("no params").sends("GET /projects/1/data_collections/2/harvest_services/9/")
    yield tasks("keywords alone", limit=3).sends("GET /projects/1/data_collections/2/harvest_services/9/?limit=3")
    yield tasks("wrong params", params=model(name, status="nonsense")).raises("ValidationError")


def attachments() -> Iterator[Case]:
    lists = Method("list_attachments")
    for kind in ("project", "data_collection", "image"):
        yield lists(kind, kind, 3).sends(f"GET /attachments/?resource_type={kind}&resource_id=3")
    yield lists("status", "project", 3, "Completed").sends(
        "GET /attachments/?resource_type=project&resource_id=3&status=Completed"
    )
    yield lists("status as keyword", resource_type="project", resource_id=3, status="Pending")
    yield lists("status None", "project", 0, None).sends("GET /attachments/?resource_type=project&resource_id=0")
    yield lists("status empty", "project", 3, "").sends("GET /attachments/?resource_type=project&resource_id=3")
    add = Method("add_attachments", "project", 3)
    full = model("PixelAttachmentUpload", file=path("a.jpg"), name="Bilde å.jpg", description="et bilde")
    yield add("a path", paths("notes.txt"))
    yield add("a model", files=[model("PixelAttachmentUpload", file=path("a.jpg"))])
    yield add("name and description", [full])
    of_project = "resource_type=project&resource_id=3"
    declared = [
        {"name": "notes.txt", "description": "", "md5": md5("notes.txt")},
        {"name": "Bilde å.jpg", "description": "et bilde", "md5": md5("a.jpg")},
        {"name": "a.prj", "description": "x", "md5": md5("a.prj")},
    ]
    several = [path("notes.txt"), full, model("PixelAttachmentUpload", file=path("a.prj"), description="x")]
    update = f"PUT /attachments/update?{of_project}&attachment_id="
    in_order = [(82, "Bilde å.jpg"), (83, "a.prj"), (81, "notes.txt")]
    yield (
        add("several", several)
        .sends(
            (f"POST /attachments/?{of_project}", {"files": declared}),
            *(f"POST /storage/attachments/{quote(str(each['name']))}" for each in declared),
            *(f"{update}{id_}&status=Completed" for id_ in (81, 82, 83)),
        )
        .returns([{"id": id_, "name": name, "status": "Completed"} for id_, name in in_order])
    )
    yield add("an empty file", paths("empty.jpg"))
    yield add("a name with letters and space", paths("blå himmel.jpg"))
    yield add("none", []).sends().returns([])
    yield add("equal names", [path("a.jpg"), path("other/a.jpg")]).raises("ValueError")
    yield add(
        "equal names, renamed", [path("a.jpg"), model("PixelAttachmentUpload", file=path("other/a.jpg"), name="b")]
    )
    yield add("missing file", paths("missing.txt")).raises("FileNotFoundError")
    yield Case("add_attachments", "to an image", ("image", 9, paths("a.jpg")))
    yield add("not pending", paths("a.jpg")).answered(
        Answer(
            "POST",
            "/attachments/",
            json=[{"id": 81, "name": "a.jpg", "status": "Completed", "upload_file_params": None}],
        )
    )
    yield add("refused", paths("a.jpg")).answered(Answer("POST", "/attachments/", 400, {"detail": "no"}))
    yield Case("move_attachment", "defaults", ("project", 3, 81, "image", 4)).sends(
        f"PUT /attachments/move?{of_project}&attachment_id=81&new_resource_type=image&new_resource_id=4"
    )
    yield Case(
        "move_attachment",
        "keywords",
        ("project", 0),
        {"attachment_id": 81, "new_resource_type": "data_collection", "new_resource_id": 0},
    )
    yield Case("delete_attachment", "defaults", ("project", 3, 81)).sends(
        "DELETE /attachments/?resource_type=project&resource_id=3&attachment_id=81"
    )
    yield Case("delete_attachment", "keywords", (), {"resource_type": "image", "resource_id": 3, "attachment_id": 0})
