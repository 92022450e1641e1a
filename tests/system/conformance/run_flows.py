"""The main flows of a user of the reference client; started in the environment that holds it, against a sandbox.

Rules kept here:

* Nothing of this library is imported. The flows are written once and run on both clients of the reference: a blocking
  client behind `Blocking` answers each `await` at once.
* A flow makes what it needs and depends on no other. It checks what a user would see: what was created is listed, what
  was deleted is gone, what was uploaded has its name and metadata.
* The outcome of each flow is a line of JSON: its name, and what went wrong.
* The reference's pauses are cut to a twentieth of a second.
"""

import asyncio
import importlib
import json
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

PAUSE = 0.05
PART = 6 * 1024 * 1024
"""The part size of multipart uploads, in bytes; the storage wants 5 MiB or more."""

JPEG, TIFF, LAS = b"\xff\xd8\xff\xe0 a picture", b"II*\x00 a raster", b"LASF a point cloud"
RING = [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]


class Blocking:
    """A blocking client with the face of an async one. Its coroutines never wait."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name.startswith("paginate_"):

            async def listing(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
                for item in method(*args, **kwargs):
                    yield item

            return listing

        async def call(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return call


class User:
    """Who runs the flows: a client, the models, files to upload."""

    def __init__(self, client: Any, models: Any, polygon: Any, folder: Path) -> None:
        self.client = client
        self.models = models
        self.area = polygon(type="Polygon", coordinates=RING)
        self.folder = folder

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content + name.encode())
        return path

    async def project(self, name: str = "Kyst", **more: Any) -> int:
        made = await self.client.create_project(name, "En beskrivelse", self.area, **more)
        return int(made["id"])

    async def place(self, kind: str) -> tuple[int, int]:
        """A new data collection in a new project: the ids of both."""
        project = await self.project()
        made = await self.client.create_data_collection(project, "Samling", "d", kind)
        return project, int(made["id"])

    async def image(self, name: str = "a.jpg") -> tuple[int, int, int]:
        """A new image: the ids of project, data collection and image."""
        place = await self.place("image")
        return *place, int((await self.client.upload_image(*place, self.file(name, JPEG)))["id"])

    async def raster(self) -> tuple[int, int, int]:
        place = await self.place("RGB")
        return *place, int((await self.client.upload_raster(*place, self.file("a.tif", TIFF)))["id"])

    async def task_at_its_end(self, service_id: int, task_id: int) -> dict[str, Any]:
        """An analysis task once it has ended, or after 10 s."""
        found: dict[str, Any] = {}
        for _ in range(200):
            (found,) = await self.client.list_analysis_tasks(service_id, ids=[task_id])
            if found["status"] in ("SUCCESS", "FAILED"):
                break
            self.pause()
        return found

    @staticmethod
    def pause() -> None:
        """Wait, in either mode: there is nothing else to do meanwhile."""
        time.sleep(PAUSE)

    async def cloud(self) -> tuple[int, int, int]:
        place = await self.place("point_cloud")
        return *place, int((await self.client.upload_point_cloud(*place, self.file("a.las", LAS)))["id"])


def check(found: Any, wanted: Any, what: str) -> None:
    """What was found is what was wanted."""
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


async def _refused(call: Awaitable[Any], status: int, what: str) -> None:
    """The call is refused with this status."""
    try:
        found = await call
    except Exception as error:
        check(getattr(error, "status_code", repr(error)), status, what)
    else:
        raise AssertionError(f"{what}: {found!r} came back, not a {status}")


async def _fails(call: Awaitable[Any], kind: str, what: str) -> None:
    """The call ends in an error of this class."""
    try:
        found = await call
    except Exception as error:
        check(type(error).__name__, kind, what)
    else:
        raise AssertionError(f"{what}: {found!r} came back, not a {kind}")


async def login(user: User) -> None:
    me = await user.client.me()
    check("@" in me["email"], True, "the user's address")
    check((await user.client.me(extended=True))["id"], me["id"], "the user, extended")
    check(isinstance(await user.client.get_plugins(), list), True, "the plugins are a list")


async def users(user: User) -> None:
    wanted = {"first_name": "Kåre", "last_name": "Ås", "email": "kare@example.com", "password": "hemmelig 1"}
    model = user.models.OIDCUserCreateInput(**wanted, user_type="viewer")
    made = await user.client.create_oidc_user(model)
    changed = await user.client.update_oidc_user(made["id"], user.models.OIDCUserUpdateInput(first_name="Kari"))
    check(changed["first_name"], "Kari", "the first name of a changed user")
    check("hemmelig 1" in json.dumps([made, changed]), False, "a password in an answer")
    await _refused(user.client.create_oidc_user(model), 409, "the same user again")


async def projects(user: User) -> None:
    client = user.client
    outer, other = await user.project("Ytre", tags=["a", "b"]), await user.project("Andre")
    inner = await user.project("Indre", parent_project_id=outer)
    check((await client.get_project(outer))["name"], "Ytre", "the name of a project")
    check((await client.get_project(inner))["parent_project_id"], outer, "the parent of a nested project")
    check(ids(await client.list_projects(ids=[outer, other])), [outer, other], "projects listed by id")
    check(outer in ids(await client.list_projects(tags=["a"])), True, "a project listed by tag")
    check(other in ids(await client.list_projects(tags=["a"])), False, "a project without the tag")
    check(len(await client.list_projects(offset=1, limit=1)), 1, "one project of a page")
    changed = await client.update_project(outer, name="Ny", description="", add_tags=["ø"], remove_tags=["a"])
    check((changed["name"], changed["description"]), ("Ny", ""), "a changed project")
    check(sorted(changed["tags"]), ["b", "ø"], "the tags of a changed project")
    await client.update_project(outer, area_of_interest=user.area)
    await client.move_project(inner, other)
    check((await client.get_project(inner))["parent_project_id"], other, "the parent of a moved project")
    await client.move_project(inner)
    check((await client.get_project(inner))["parent_project_id"], None, "the parent of a project at the root")
    await client.delete_project(outer)
    await _refused(client.get_project(outer), 404, "a deleted project")
    check(outer in ids(await client.list_deleted_projects()), True, "a deleted project among the deleted")
    await client.restore_project(outer)
    check((await client.get_project(outer))["name"], "Ny", "the name of a restored project")
    check(outer in ids(await client.list_deleted_projects()), False, "a restored project among the deleted")


async def data_collections(user: User) -> None:
    client = user.client
    project, elsewhere = await user.project(), await user.project()
    info = user.models.RasterInfo(srid=25832, num_bands=3)
    made = await client.create_data_collection(project, "Ortofoto", "d", "RGB", tags=["a"], raster_info=info)
    await client.create_data_collection(project, "Bilder", "d", "image")
    check((await client.get_data_collection(project, made["id"]))["data_collection_type"], "RGB", "its type")
    listed = await client.list_data_collections(project, data_collection_type="RGB")
    check(ids(listed), [made["id"]], "data collections listed by type")
    check(len(await client.list_data_collections(project)), 2, "all data collections")
    params = user.models.DataCollectionListParams(name="Ortofoto", limit=5)
    check(ids(await client.list_data_collections(project, params)), [made["id"]], "listed by name")
    changed = await client.update_data_collection(project, made["id"], name="Ny", add_tags=["b"])
    check((changed["name"], sorted(changed["tags"])), ("Ny", ["a", "b"]), "a changed data collection")
    await client.move_data_collection(project, made["id"], elsewhere)
    check(ids(await client.list_data_collections(elsewhere)), [made["id"]], "a moved data collection")
    await client.delete_data_collection(elsewhere, made["id"])
    check(ids(await client.list_deleted_data_collections(elsewhere)), [made["id"]], "the deleted ones")
    await client.restore_data_collection(elsewhere, made["id"])
    check(ids(await client.list_data_collections(elsewhere)), [made["id"]], "a restored data collection")


async def images(user: User) -> None:
    client, models = user.client, user.models
    place = await user.place("image")
    metadata = {"fields": {"fields_type": "image", "cam_heading": 90.5}, "json_metadata": {"drone": "x"}}
    made = await client.upload_image(*place, user.file("a.jpg", JPEG), metadata=metadata)
    check(made["name"], "a.jpg", "the name of an image")
    check((await client.get_image(*place, made["id"]))["cam_heading"], 90.5, "a field of an image")
    check(isinstance(await client.get_image_metadata(*place, made["id"]), dict), True, "the metadata of an image")
    fields = models.ImageMetadataFields(name="ny", capture_date="2024-05-14T12:00:00+02:00")
    changes = models.ImageUpdateInput(add_tags=["ø"], fields=fields, json_metadata={"height": 12.5})
    changed = await client.update_image(*place, made["id"], changes)
    check((changed["name"], changed["tags"]), ("ny", ["ø"]), "a changed image")
    elsewhere = await user.place("image")
    await client.move_image(*place, made["id"], *elsewhere)
    check(ids(await client.get_images(*elsewhere)), [made["id"]], "a moved image")
    check(await client.get_images(*place), [], "where it was")
    await client.delete_image(*elsewhere, made["id"])
    await _refused(client.get_image(*elsewhere, made["id"]), 404, "a deleted image")


async def image_uploads(user: User) -> None:
    client, models = user.client, user.models
    place = await user.place("image")
    supports = [user.file(name, b"1.0") for name in ("b.prj", "b.jgw")]
    made = await client.upload_image(*place, user.file("b.jpg", JPEG), support_files=supports)
    big = await client.upload_image(
        *place, user.file("big.jpg", JPEG + bytes(2 * PART)), multipart=True, multipart_part_size=PART
    )
    check((made["name"], big["name"]), ("b.jpg", "big.jpg"), "the names of two images")
    several = [models.PixelUploadFile(file=user.file(f"{name}.jpg", JPEG)) for name in "cdefg"]
    several[0].metadata = models.MetadataObject(json_metadata={"first": 1})
    several[1].support_files = supports
    several.append(models.PixelUploadFile(file=user.file("wrong.jpg", b"no picture")))
    done, errors = await client.upload_multiple_images(*place, several)
    check(sorted(image["name"] for image in done), [f"{name}.jpg" for name in "cdefg"], "several images")
    check([error.status for error in errors], ["failed"], "the error of the one that is no image")
    parts = [models.PixelUploadFile(file=user.file(name, JPEG + bytes(PART))) for name in ("h.jpg", "i.jpg")]
    done, errors = await client.upload_multiple_images(*place, parts, multipart=True, multipart_part_size=PART)
    check((len(done), errors), (2, []), "several images in parts")
    check(len(await client.get_images(*place, limit=100)), 9, "all images")
    check(len([image async for image in client.paginate_images(*place, page_size=2)]), 9, "all images, in pages")
    check(len(await client.get_upload_jobs(*place, limit=100)), 10, "the upload jobs")
    wrong = client.upload_image(*place, user.file("wrong.jpg", b"no picture"))
    await _fails(wrong, "PixelUploadJobError", "a file that is no image")
    await _fails(client.upload_raster(*place, user.file("a.tif", TIFF)), "ValueError", "a raster among images")


async def rasters(user: User) -> None:
    client, models = user.client, user.models
    place = await user.place("RGB")
    path = user.file("a.tif", TIFF)
    made = await client.upload_raster(
        *place, path, support_files=[user.file("a.tfw", b"1.0")], metadata={"json_metadata": {"x": 1}}
    )
    check(made["name"], "a.tif", "the name of a raster")
    big = user.file("big.tif", TIFF + bytes(PART))
    in_parts = await client.upload_raster(*place, big, multipart=True, multipart_part_size=PART)
    files = [models.PixelUploadFile(file=user.file(name, TIFF)) for name in ("b.tif", "c.tif")]
    done, errors = await client.upload_multiple_rasters(*place, files)
    check((len(done), errors), (2, []), "several rasters")
    check(len(await client.get_rasters(*place)), 4, "all rasters")
    check(
        isinstance(await client.get_rasters(*place, models.RasterListParams(format="GTiff")), list), True, "by format"
    )
    check(len([raster async for raster in client.paginate_rasters(*place, page_size=3)]), 4, "all rasters, in pages")
    changed = await client.update_raster(
        *place, made["id"], models.RasterUpdateInput(add_tags=["ø"], fields={"name": "ny"})
    )
    check((changed["name"], changed["tags"]), ("ny", ["ø"]), "a changed raster")
    elsewhere = await user.place("RGB")
    await client.move_raster(*place, in_parts["id"], *elsewhere)
    check((await client.get_raster(*elsewhere, in_parts["id"]))["name"], "big.tif", "a moved raster")
    await client.delete_raster(*elsewhere, in_parts["id"])
    await _refused(client.get_raster(*elsewhere, in_parts["id"]), 404, "a deleted raster")


async def point_clouds(user: User) -> None:
    client, models = user.client, user.models
    project, collection = place = await user.place("point_cloud")
    made = await client.upload_point_cloud(*place, user.file("a.las", LAS), metadata={"json_metadata": {"x": None}})
    check(made["name"], "a.las", "the name of a point cloud")
    big = user.file("big.laz", LAS + bytes(PART))
    in_parts = await client.upload_point_cloud(*place, big, multipart=True, multipart_part_size=PART)
    files = [models.PixelUploadFile(file=user.file(name, LAS)) for name in ("b.las", "c.las")]
    done, errors = await client.upload_multiple_point_clouds(*place, files)
    check((len(done), errors), (2, []), "several point clouds")
    check(len(await client.get_point_clouds(*place)), 4, "all point clouds")
    listed = await client.get_point_clouds(*place, models.PointCloudListParams(ids=[made["id"]], limit=5))
    check(ids(listed), [made["id"]], "point clouds by id")
    found = [cloud async for cloud in client.paginate_point_clouds(*place, page_size=2)]
    check(len(found), 4, "all point clouds, in pages")
    changed = await client.update_point_cloud(*place, made["id"], models.PointCloudUpdateInput(add_tags=["ø"]))
    check(changed["tags"], ["ø"], "the tags of a changed point cloud")
    other = await client.create_data_collection(project, "Andre", "d", "point_cloud")
    await client.move_point_cloud(project, collection, in_parts["id"], other["id"])
    check((await client.get_point_cloud(project, other["id"], in_parts["id"]))["name"], "big.laz", "a moved one")
    await client.delete_point_cloud(project, other["id"], in_parts["id"])
    await _refused(client.get_point_cloud(project, other["id"], in_parts["id"]), 404, "a deleted point cloud")


async def optimize_rasters(user: User) -> None:
    client, models = user.client, user.models
    project, collection, raster = await user.raster()
    place = (project, collection)
    nearblack = models.NearblackOptions(enabled=True, color=0)
    done = await client.optimize_rasters(*place, [raster], nearblack=nearblack, overview_resampling="cubic")
    check([each["status"] for each in done], ["completed"], "the optimised rasters")
    listed = await client.get_optimized_rasters(*place, models.ListParams(ids=ids(done)))
    check(ids(listed), ids(done), "the optimised rasters by id")
    await client.delete_optimized_rasters(*place, raster)
    check(await client.get_optimized_rasters(*place, models.ListParams()), [], "those that are left")
    made = await client.create_optimized_rasters(*place, None)
    check(len(made), 1, "optimised rasters of a whole collection")
    group = await client.run_optimize_rasters(*place, ids(made), retry_failed=True)
    check((group["completed"], group["success_count"]), (True, 1), "the group job of a run")


async def optimize_point_clouds(user: User) -> None:
    client, models = user.client, user.models
    project, collection, cloud = await user.cloud()
    place = (project, collection)
    done = await client.optimize_point_clouds(*place, [cloud])
    check([each["status"] for each in done], ["completed"], "the optimised point clouds")
    params = models.OptimizedPointCloudListParams(status="completed")
    check(ids(await client.get_optimized_point_clouds(*place, params)), ids(done), "by status")
    await client.delete_optimized_point_cloud(*place, cloud)
    check(await client.get_optimized_point_clouds(*place), [], "those that are left")


async def search(user: User) -> None:
    client, models = user.client, user.models
    place = await user.place("image")
    files = [models.PixelUploadFile(file=user.file(f"funn_{number}.jpg", JPEG)) for number in range(5)]
    done, _ = await client.upload_multiple_images(*place, files)
    wanted = {"==": [{"var": "data_collection_id"}, place[1]]}
    found = await client.search({"on": "images", "filter": wanted, "limit": 2})
    check((found["count"], len(found["results"]), found["total_count"]), (2, 2, 5), "two of five images")
    some = {"and": [wanted, {"in": [{"var": "id"}, ids(done)[:2]]}]}
    query = models.SearchQuery(on="images", filter=some, sort=[{"field": "id", "direction": "desc"}])
    found = await client.search(query)
    check(ids(found["results"]), sorted(ids(done)[:2], reverse=True), "two images, sorted")
    found = await client.search({"on": "images", "filter": {"and": [wanted, {"~": [{"var": "name"}, "%unn_3%"]}]}})
    check([each["name"] for each in found["results"]], ["funn_3.jpg"], "an image by its name")
    found = await client.search({"on": "images", "filter": wanted, "out_fields": ["id"], "limit": 1})
    check(list(found["results"][0]), ["id"], "the fields that were asked for")
    found = await client.search(
        {"on": "projects", "intersects": "POINT (5.6 58.9)", "filter": {"==": [{"var": "id"}, place[0]]}}
    )
    check(ids(found["results"]), [place[0]], "a project by its place")
    found = await client.search({"on": "projects", "intersects": "POINT (60 10)"})
    check(found["results"], [], "projects elsewhere")
    pages = [each["id"] async for each in client.paginate_search({"on": "images", "filter": wanted}, 2)]
    check(sorted(pages), sorted(ids(done)), "all images, in pages")
    check(isinstance(await client.search_info("images"), dict), True, "what can be searched")
    await _refused(client.search({"on": "images", "intersects": "nonsense"}), 422, "a place that is none")


async def attachments(user: User) -> None:
    client, models = user.client, user.models
    project, collection, image = await user.image()
    report = models.PixelAttachmentUpload(
        file=user.file("rapport.txt", b"tekst"), name="Rapport å.txt", description="d"
    )
    added = await client.add_attachments("project", project, [user.file("notat.txt", b"x"), report])
    check(sorted(each["name"] for each in added), ["Rapport å.txt", "notat.txt"], "two attachments")
    check({each["status"] for each in added}, {"Completed"}, "their status")
    listed = await client.list_attachments("project", project, "Completed")
    check(sorted(ids(listed)), sorted(ids(added)), "the attachments of a project")
    check(await client.list_attachments("project", project, "Pending"), [], "attachments that are pending")
    await client.move_attachment("project", project, added[0]["id"], "image", image)
    check(ids(await client.list_attachments("image", image)), [added[0]["id"]], "a moved attachment")
    await client.add_attachments("data_collection", collection, [user.file("c.txt", b"c")])
    await client.delete_attachment("image", image, added[0]["id"])
    check(await client.list_attachments("image", image), [], "attachments after one was deleted")


def _service(user: User, collection: int, kind: str) -> Any:
    models = user.models
    if kind == "Feature":
        layer = models.ArcGISFeatureServiceImageLayerOptions(enable_oriented_imagery=True)
        options = {"feature_service_options": models.ArcGISFeatureServiceOptions(image_layer=layer)}
    else:
        options = {"image_service_options": models.ArcGISImageServiceOptions(default_service_srid=25832)}
    chosen = models.ArcgisServiceCreateOptions(**options)
    return models.ArcgisServiceCreateInput(
        name=f"{kind} {collection}", description="d", data_collection_ids=[collection], options=chosen
    )


async def arcgis(user: User) -> None:
    client = user.client
    check(bool(await client.list_gdo_users()), True, "the users of ArcGIS")
    for kind, (_, collection, _) in (("Feature", await user.image()), ("Image", await user.raster())):
        made = await client.create_arcgis_service(kind, _service(user, collection, kind))
        check(made["id"] in ids(await client.list_arcgis_services(kind)), True, f"the {kind} service in the list")
        changes = user.models.ArcgisServiceUpdateInput(description="ny")
        changed = await client.update_arcgis_service(kind, made["id"], changes)
        check(changed["description"], "ny", "the description of a changed service")
        started = await client.start_arcgis_service(kind, made["id"])
        check(started["job"]["completed"], True, "the job that starts a service")
        check(started["arcgis_service"]["id"], made["id"], "the service that was started")
        refreshed = await client.refresh_arcgis_service(kind, made["id"], refresh_data=True)
        check(refreshed["job"]["completed"], True, "the job that refreshes a service")
        stopped = await client.stop_arcgis_service(kind, made["id"])
        check(stopped["job"]["completed"], True, "the job that stops a service")
        check((await client.stop_arcgis_service(kind, made["id"]))["job"], None, "the job of a service that is stopped")
        asked = await client.start_arcgis_service(kind, made["id"], wait=False)
        await client.wait_for_job(asked["job"]["job_id"])
        await client.delete_arcgis_service(kind, made["id"])
        await _refused(client.get_arcgis_service(kind, made["id"]), 404, "a deleted service")


async def harvest(user: User) -> None:
    client, models = user.client, user.models
    place = await user.place("image")
    key = models.HarvestAuthInfo(api_key=models.ApiKey(api_key="hemmelig 2"))
    wanted = {"name": "Høst", "description": "d", "url": "https://example.com/FeatureServer/0", "auth": key}
    made = await client.create_harvest_service(*place, models.HarvestServiceCreateInput(**wanted))
    check(ids(await client.list_harvest_services(*place)), [made["id"]], "the harvest services")
    update = models.HarvestFieldMapUpdate(operation="add", model="image", field_name="name", external_field="navn")
    fields = models.FieldMapsUpdateInput(maps=[update], add_extra_fields=["a"])
    changes = models.HarvestServiceUpdateInput(where_clause="x = 1", field_mappings=fields)
    changed = await client.update_harvest_service(*place, made["id"], changes)
    check(changed["where_clause"], "x = 1", "the condition of a changed service")
    check("hemmelig 2" in json.dumps([made, changed]), False, "a key in an answer")
    await client.start_harvest_service(*place, made["id"])
    tasks = await client.get_harvest_service_tasks(*place, made["id"], models.HarvestTaskListParams(limit=5))
    check(len(tasks), 1, "the tasks of a harvest service")
    await client.stop_harvest_service(*place, made["id"])
    check((await client.get_harvest_service(*place, made["id"]))["id"], made["id"], "a harvest service")
    await client.delete_harvest_service(*place, made["id"])
    check(await client.list_harvest_services(*place), [], "harvest services after one was deleted")


async def analysis(user: User) -> None:
    client, models = user.client, user.models
    module = (await client.list_analysis_modules())[0]["name"]
    wanted = models.AnalysisServiceCreateUpdateInput(name="Telling", module_name=module, config={"a": None})
    made = await client.create_analysis_service(wanted)
    check(made["config"], {"a": None}, "the configuration of a service")
    check(made["id"] in ids(await client.list_analysis_services()), True, "the service in the list")
    changed = await client.patch_analysis_service(made["id"], enabled=True, name="Ny")
    check(changed["name"], "Ny", "the name of a changed service")
    task = await client.create_analysis_task(made["id"], models.AnalysisTaskCreateInput(name="t", params={"x": 1}))
    await client.run_analysis_task(made["id"], task["id"])
    found = await user.task_at_its_end(made["id"], task["id"])
    check(found["status"], "SUCCESS", "the status of a task")
    other = await client.create_analysis_task(made["id"], models.AnalysisTaskCreateInput(params={}))
    await client.revoke_analysis_task(made["id"], other["id"])
    check(len(await client.list_analysis_tasks(made["id"], status="REVOKED")), 1, "the revoked tasks")
    check(await client.delete_analysis_task(made["id"], other["id"]), True, "deleting a task")
    check(await client.delete_analysis_service(made["id"]), True, "deleting a service")
    check(made["id"] in ids(await client.list_analysis_services()), False, "the deleted service in the list")


FLOWS: tuple[Callable[[User], Awaitable[None]], ...] = (
    login,
    users,
    projects,
    data_collections,
    images,
    image_uploads,
    rasters,
    point_clouds,
    optimize_rasters,
    optimize_point_clouds,
    search,
    attachments,
    arcgis,
    harvest,
    analysis,
)


def _cut_pauses() -> None:
    real_async: Any = asyncio.sleep
    real = time.sleep

    async def sleep(delay: float, result: Any = None) -> Any:
        return await real_async(min(delay, PAUSE), result)

    asyncio.sleep = sleep
    time.sleep = lambda seconds: real(min(float(seconds), PAUSE))


def _told(error: BaseException) -> str:
    """What went wrong, and where in the flow."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == __file__ and frame.line]
    where = f" at line {own[-1].lineno}: {own[-1].line}" if own else ""
    return f"{type(error).__name__}: {error}{where}"


async def _run(flow: Callable[[User], Awaitable[None]], user: User) -> str | None:
    try:
        await flow(user)
    except Exception as error:
        return _told(error)
    return None


def main() -> None:
    """Read a plan ({"async": ..., "folder": ..., "settings": ...}), run all flows, print what came of each."""
    plan = json.load(sys.stdin)
    package: Any = importlib.import_module("pixel_client")
    models: Any = importlib.import_module("pixel_client.models")
    polygon: Any = importlib.import_module("geojson_pydantic").Polygon
    if not str(package.__file__).startswith(sys.prefix):
        raise SystemExit(f"this is not the reference client: {package.__file__}")
    _cut_pauses()
    settings = package.PixelApiSettings(**plan["settings"])
    folder = Path(plan["folder"])

    def tell(name: str, wrong: str | None) -> None:
        print(json.dumps({"flow": name, "wrong": wrong}), flush=True)

    async def all_async() -> None:
        async with package.PixelClientAsync.from_settings(settings) as client:
            for flow in FLOWS:
                tell(flow.__name__, await _run(flow, User(client, models, polygon, folder)))

    if plan["async"]:
        asyncio.run(all_async())
        return
    with package.PixelClient.from_settings(settings) as client:
        for flow in FLOWS:
            started = _run(flow, User(Blocking(client), models, polygon, folder))
            try:
                started.send(None)
            except StopIteration as end:
                tell(flow.__name__, end.value)


if __name__ == "__main__":
    main()
