"""Cases of ArcGIS services, harvest services and attachments."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from tests.support.operations.answering import Answer
from tests.support.operations.case import DC, Case, Method, md5, model, path, paths
from tests.support.operations.lists import cases_of_lists


def arcgis() -> Iterator[Case]:
    yield Case("list_gdo_users", "defaults").sends("GET /arcgis_services/gdo-users")
    yield Case("list_gdo_users", "no users").answered(Answer("GET", "/arcgis_services/gdo-users", json=[]))
    layer = partial(model, "ArcGISFeatureServiceImageLayerOptions")
    flags = {"enable_oriented_imagery": True, "enable_images_as_attachments": True}
    oriented = layer(include_fields=["a", "å"], **flags, image_processed_type="original")
    feature = model("ArcGISFeatureServiceOptions", image_layer=layer())
    project = model("ArcGISFeatureServiceProjectLayerOptions", include_fields=[])
    full = model("ArcGISFeatureServiceOptions", image_layer=oriented, project_layer=project)
    wms = {"enable": False, "supported_srids": [25832, 0], "abstract": "", "keywords": [], "title": "Ø"}
    wms_options = model("ArcGISImageServiceWMSOptions", **wms)
    image = model("ArcGISImageServiceOptions", default_service_srid=25832, wms_options=wms_options)

    def new(ids: Any = (1, 2), **options: Any) -> dict[str, Any]:
        chosen = model("ArcgisServiceCreateOptions", **options)
        values = {"name": "Tjeneste", "description": "", "data_collection_ids": [*ids], "options": chosen}
        return model("ArcgisServiceCreateInput", **values)

    create = Method("create_arcgis_service")
    defaults = {"enable_oriented_imagery": False, "enable_images_as_attachments": False}
    sent_feature = {"image_layer": {**defaults, "image_processed_type": "blurred"}}
    yield create("feature", "Feature", new(feature_service_options=feature)).sends_input(
        "POST /arcgis_services/Feature/", options={"feature_service_options": sent_feature}
    )
    yield create("feature, all", "Feature", new(gdo_users=["a"], feature_service_options=full))
    yield create("image", service_type="Image", create_input=new(image_service_options=image))
    few = model("ArcGISImageServiceOptions", default_service_srid="0")
    yield create("image, few", "Image", new(image_service_options=few)).sends_input(
        "POST /arcgis_services/Image/", options={"image_service_options": {"default_service_srid": 0}}
    )
    both = new(gdo_users=[], image_service_options=image, feature_service_options=full)
    yield create("both options", "Image", both)
    yield create("feature without options", "Feature", new()).raises("ValueError")
    yield create("image with options of feature", "Image", new(feature_service_options=feature))
    yield create("no collections", "Feature", new(ids=(), feature_service_options=feature))
    yield from cases_of_lists("list_arcgis_services", "Feature")
    yield Case("list_arcgis_services", "image", ("Image",)).sends("GET /arcgis_services/Image/")
    for name in ("get_arcgis_service", "delete_arcgis_service"):
        verb = name.partition("_")[0].upper()
        yield Case(name, "feature", ("Feature", 9)).sends(f"{verb} /arcgis_services/Feature/9")
        image_service = {"service_type": "Image", "service_id": 9}
        yield Case(name, "image", (), image_service).sends(f"{verb} /arcgis_services/Image/9")
        yield Case(name, "not found", ("Image", 9)).answered(Answer(verb, "*", 404, {}))
    update, change = Method("update_arcgis_service", "Feature", 9), partial(model, "ArcgisServiceUpdateInput")
    yield update("name", change(name="Ny"))
    yield update("nothing", update_input=change())
    yield update("false values", change(name="", description=""))
    options = model("ArcgisServiceCreateOptions", gdo_users=[], feature_service_options=full)
    everything = change(name="N", description="D", data_collection_ids=[1], options=options)
    yield update("all", everything).sends_input("PUT /arcgis_services/Feature/9")
    yield update("no collections", change(data_collection_ids=[])).raises("ValidationError")
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
    target = "PUT /arcgis_services/Image/9/refresh?refresh_data="
    yield refresh("data, without waiting", refresh_data=True, wait=False).sends(f"{target}true")
    yield refresh("in place", False, False).sends(f"{target}false")


def harvest() -> Iterator[Case]:
    base: dict[str, Any] = {"name": "Høst", "description": "d", "url": "https://example.com/FeatureServer/0"}
    login = model("HarvestAuthInfo", credentials=model("Credentials", username="u", password="hemmelig"))
    key = model("HarvestAuthInfo", api_key=model("ApiKey", api_key="nøkkel", api_key_item_id="7"))
    services = "/projects/1/data_collections/2/harvest_services/"
    create, new = Method("create_harvest_service", 1, DC), partial(model, "HarvestServiceCreateInput", **base)
    defaults: dict[str, Any] = {"field_mappings": {}, "where_clause": "1=1"}
    yield create("login", new(auth=login)).sends_input(f"POST {services}", **defaults)
    token = model("Credentials", username="u", password="p", token_url="https://example.com/t")
    yield create("login at a place", new(auth={"credentials": token}))
    yield create("key", create_input=new(auth=key))
    yield create("no login", new(auth=model("HarvestAuthInfo"))).sends_input(f"POST {services}", **defaults)
    maps = [model("HarvestFieldMap", model="image", field_name="name", external_field="navn")]
    mapping = model("HarvestFieldMapping", maps=maps, extra_fields=["a", "b"])
    everything = new(auth=key, field_mappings=mapping, where_clause="år > 2020")
    yield create("all", everything).sends_input(f"POST {services}")
    no_maps = {"maps": list[Any](), "extra_fields": list[str]()}
    yield create("false values", new(auth=key, field_mappings=no_maps, where_clause=""))
    yield create("wrong", new()).raises("ValidationError")
    yield create("refused", new(auth=login)).answered(Answer("POST", "*", 400, {"detail": "no"}))
    yield from cases_of_lists("list_harvest_services", 1, DC)
    for verb, sent in (("get", "GET"), ("delete", "DELETE"), ("start", "POST"), ("stop", "POST")):
        target = f"{sent} {services}9" + f"/{verb}" * (sent == "POST")
        yield Case(f"{verb}_harvest_service", "defaults", (1, DC, 9)).sends(target)
        yield Case(f"{verb}_harvest_service", "keyword", (1, DC), {"service_id": 9}).sends(target)
    yield Case("start_harvest_service", "refused", (1, DC, 9)).answered(Answer("POST", "*/start", 409, {"detail": "x"}))
    update, change = Method("update_harvest_service", 1, DC, 9), partial(model, "HarvestServiceUpdateInput")
    yield update("name", change(name="Ny"))
    yield update("nothing", update_input=change())
    changes = [
        model("HarvestFieldMapUpdate", operation="add", model="image", field_name="n", external_field="e"),
        model("HarvestFieldMapUpdate", operation="remove", model="image", field_name="m"),
    ]
    fields = model("FieldMapsUpdateInput", maps=changes, add_extra_fields=["a"], remove_extra_fields=[])
    everything = change(**base, auth=login, where_clause="", field_mappings=fields)
    yield update("all", everything).sends_input(f"PUT {services}9")
    lacking = model("HarvestFieldMapUpdate", operation="update", model="image", field_name="n")
    yield update("a map without its field", change(field_mappings={"maps": [lacking]}))
    yield update("refused", change(auth=key)).answered(Answer("PUT", "*", 400, {"detail": "no"}))
    tasks, params = Method("get_harvest_service_tasks", 1, DC, 9), partial(model, "HarvestTaskListParams")
    yield tasks("params", params(limit=2, ids=[1, 2]))
    yield tasks("params without values", params=params())
    yield tasks("status", params=params(status="completed", get_new=True))
    failed = params(status={"$enum": "PixelStatusEnum.failed"}, get_new=False)
    yield tasks("status as enum", params=failed).sends(f"GET {services}9/?status=failed&get_new=false")
    yield tasks("params of None", None).sends(f"GET {services}9/")
    yield tasks("params of None and keywords", None, limit=2, offset=0)
    yield tasks("params and keywords", params=params(limit=2), offset=5)
    completed = f"GET {services}9/?status=completed&get_new=true"
    yield tasks("keywords of harvest", None, status="completed", get_new=True).sends(completed)
    yield tasks("no params").sends(f"GET {services}9/")
    yield tasks("keywords alone", limit=3).sends(f"GET {services}9/?limit=3")
    yield tasks("wrong params", params=params(status="nonsense")).raises("ValidationError")


def attachments() -> Iterator[Case]:
    of_project = "resource_type=project&resource_id=3"
    lists = Method("list_attachments")
    for kind in ("project", "data_collection", "image"):
        yield lists(kind, kind, 3).sends(f"GET /attachments/?resource_type={kind}&resource_id=3")
    yield lists("status", "project", 3, "Completed").sends(f"GET /attachments/?{of_project}&status=Completed")
    yield lists("status as keyword", resource_type="project", resource_id=3, status="Pending")
    yield lists("status None", "project", 0, None).sends("GET /attachments/?resource_type=project&resource_id=0")
    yield lists("status empty", "project", 3, "").sends(f"GET /attachments/?{of_project}")
    add, upload = Method("add_attachments", "project", 3), partial(model, "PixelAttachmentUpload")
    full = upload(file=path("a.jpg"), name="Bilde å.jpg", description="et bilde")
    yield add("a path", paths("notes.txt"))
    yield add("a model", files=[upload(file=path("a.jpg"))])
    yield add("name and description", [full])
    declared = [
        {"name": "notes.txt", "description": "", "md5": md5("notes.txt")},
        {"name": "Bilde å.jpg", "description": "et bilde", "md5": md5("a.jpg")},
        {"name": "a.prj", "description": "x", "md5": md5("a.prj")},
    ]
    several = [path("notes.txt"), full, upload(file=path("a.prj"), description="x")]
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
    yield add("equal names, renamed", [path("a.jpg"), upload(file=path("other/a.jpg"), name="b")])
    yield add("missing file", paths("missing.txt")).raises("FileNotFoundError")
    yield Case("add_attachments", "to an image", ("image", 9, paths("a.jpg")))
    completed = {"id": 81, "name": "a.jpg", "status": "Completed", "upload_file_params": None}
    yield add("not pending", paths("a.jpg")).answered(Answer("POST", "/attachments/", json=[completed]))
    yield add("refused", paths("a.jpg")).answered(Answer("POST", "/attachments/", 400, {"detail": "no"}))
    yield Case("move_attachment", "defaults", ("project", 3, 81, "image", 4)).sends(
        f"PUT /attachments/move?{of_project}&attachment_id=81&new_resource_type=image&new_resource_id=4"
    )
    target = {"attachment_id": 81, "new_resource_type": "data_collection", "new_resource_id": 0}
    yield Case("move_attachment", "keywords", ("project", 0), target)
    delete = Method("delete_attachment")
    yield delete("defaults", "project", 3, 81).sends(f"DELETE /attachments/?{of_project}&attachment_id=81")
    yield delete("keywords", resource_type="image", resource_id=3, attachment_id=0)
