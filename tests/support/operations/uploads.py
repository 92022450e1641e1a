"""Cases of uploads."""

from collections.abc import Iterator
from typing import Any

from tests.support.operations.answering import Answer
from tests.support.operations.case import CLOUDS, DC, PART, RASTERS, Case, Method, md5, model, path, paths, upload_file
from tests.support.operations.lists import cases_of_lists
from tests.support.operations.resources import DIVERSE, FIELDS


def cases_of_single_uploads(method: str, collection: int, file: str, wrong: int, support: bool) -> Iterator[Case]:
    call = Method(method, 1, collection)
    kind, place = method.removeprefix("upload_"), f"/projects/1/data_collections/{collection}"
    job = f"{place}/upload_jobs"
    yield call("defaults", path(file)).sends(
        f"GET {place}",
        (f"POST {job}/", {"files": [{"name": file, "md5": md5(file)}]}),
        f"POST /storage/files/{file}",
        f"PUT {job}/101/uploadFinished",
        "GET /jobs/51",
        f"GET {job}/?ids=101&limit=1",
        f"GET {place}/{kind}s/1101",
    )
    yield call("keyword", file_path=path(file))
    yield call("metadata", path(file), metadata={"fields": {"name": "ø", "fields_type": "x"}, "free": None})
    yield call("no metadata", path(file), metadata={})
    yield call("empty file", path("empty.jpg"))
    yield call("a name with letters and space", path("blå himmel.jpg"))
    yield call("multipart", path("big.tif"), multipart=True, multipart_part_size=PART)
    yield call("multipart in even parts", path("even.tif"), multipart=True, multipart_part_size=PART)
    yield call("multipart of one part", path(file), multipart=True, multipart_part_size=PART)
    yield call("multipart, metadata", path("big.tif"), metadata={"a": 1}, multipart=True, multipart_part_size=PART)
    yield call("multipart without part size", path(file), multipart=True)
    yield call("part size without multipart", path(file), multipart_part_size=PART)
    yield call("another kind of collection", path(file)).but(args=(1, wrong, path(file)))
    yield call("missing file", path("missing.jpg"))
    yield call("not accepted", path("bad.jpg"))
    yield call("the job at the second look", path(file)).at(job_polls=2)
    yield call("storage refuses", path(file)).answered(Answer("POST", "/storage/*", 403, text="<Error/>", times=0))
    yield call("storage away once", path(file)).answered(Answer("POST", "/storage/*", 503, text="<Error/>"))
    yield call("storage hangs up once", path(file)).answered(Answer("POST", "/storage/*", drop=True))
    yield call("no upload jobs", path(file)).answered(Answer("POST", f"{job}/", json=[]))
    yield call("refused", path(file)).answered(Answer("POST", f"{job}/", 400, {"detail": "no"}))
    validating = {"id": 101, "name": file, "status": "validating", "detail": None, "result": None}
    yield call("still validating", path(file)).answered(Answer("GET", f"{job}/", json=[validating]))
    if support:
        yield call("support files", path(file), support_files=paths("a.prj", "a.jgw"))
        yield call("no support files", path(file), support_files=[])
        yield call("missing support file", path(file), support_files=paths("a.prj", "missing.prj"))
        big: dict[str, Any] = {"multipart": True, "multipart_part_size": PART}
        yield call("multipart with support files", path("big.tif"), support_files=paths("notes.txt"), **big)


def cases_of_multiple_uploads(method: str, collection: int, names: tuple[str, str], wrong: int) -> Iterator[Case]:
    call = Method(method, 1, collection)
    two = [upload_file(name) for name in names]
    one = [upload_file(names[0])]
    kinds, place = method.removeprefix("upload_multiple_"), f"/projects/1/data_collections/{collection}"
    sent: Any = (
        f"GET {place}",
        (f"POST {place}/upload_jobs/", {"files": [{"name": name, "md5": md5(name)} for name in names]}),
        *(f"POST /storage/files/{name}" for name in names),
        (f"PUT {place}/upload_jobs/multiple_uploadFinished", {"job_ids": [101, 102]}),
        *["GET /jobs/groups/61"] * 2,
        f"GET {place}/upload_jobs/?ids=101%2C102&limit=2",
        f"GET {place}/{kinds}/?ids=1101%2C1102&limit=2",
    )
    yield call("defaults", two).sends(*sent).returns(([{"id": id_, "of": kinds} for id_ in (1101, 1102)], []))
    yield call("one file", files=one)
    yield call("no files", [])
    yield call("files in another order", two[::-1])
    yield call("metadata", [upload_file(names[0], metadata=model("MetadataObject", json_metadata=DIVERSE)), two[1]])
    fields = {"fields_type": "image", **FIELDS}
    yield call("metadata with fields", [upload_file(names[0], metadata={"fields": fields, "json_metadata": {"a": 1}})])
    yield call("metadata without values", [upload_file(names[0], metadata=model("MetadataObject"))])
    yield call("metadata with true", [upload_file(names[0], metadata={"json_metadata": {"flag": True}})])
    yield call("support files", [upload_file(names[0], support_files=paths("a.prj", "a.jgw")), two[1]])
    yield call("no support files", [upload_file(names[0], support_files=[])])
    yield call("one is not accepted", [two[0], upload_file("bad.jpg")])
    yield call("none is accepted", [upload_file("bad.jpg")])
    yield call("equal names", [upload_file("a.jpg"), upload_file("other/a.jpg")])
    yield call("missing file", [two[0], upload_file("missing.jpg")])
    yield call("multipart", [two[0], upload_file("big.tif")], multipart=True, multipart_part_size=PART)
    yield call("multipart without part size", two, True)
    yield call("multipart with support files", [upload_file("big.tif", support_files=paths("notes.txt"))], True, PART)
    yield call("another kind of collection", two).but(args=(1, wrong, two))
    yield call("the group at the first look", two).at(group_polls=1)
    yield call("a file without metadata fields", [upload_file(names[0], metadata={"fields": {"name": "x"}})])
    validating = {"id": 101, "name": names[0], "status": "validating", "detail": None}
    yield call("validating at the first look", one).answered(Answer("GET", f"{place}/upload_jobs/", json=[validating]))


def uploads() -> Iterator[Case]:
    yield from cases_of_lists("get_upload_jobs", 1, DC)
    yield from cases_of_single_uploads("upload_image", DC, "a.jpg", CLOUDS, True)
    yield from cases_of_single_uploads("upload_raster", RASTERS, "a.tif", DC, True)
    yield from cases_of_single_uploads("upload_point_cloud", CLOUDS, "a.laz", RASTERS, False)
    yield Case("upload_image", "arguments in place", (1, DC, path("a.jpg"), {"a": 1}, paths("a.jgw")))
    yield Case("upload_raster", "metadata in place", (1, RASTERS, path("a.tif"), {"a": 1}))
    yield Case("upload_raster", "support files in place", (1, RASTERS, path("a.tif"), paths("a.tfw")))
    for collection in (5, 6, 7):
        yield Case("upload_raster", f"collection {collection}", (1, collection, path("a.tif")))
    yield from cases_of_multiple_uploads("upload_multiple_images", DC, ("a.jpg", "b.jpg"), RASTERS)
    yield from cases_of_multiple_uploads("upload_multiple_rasters", RASTERS, ("a.tif", "big.tif"), DC)
    yield from cases_of_multiple_uploads("upload_multiple_point_clouds", CLOUDS, ("a.laz", "b.laz"), DC)
