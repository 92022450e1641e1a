"""Uploads: images, rasters and point clouds, one at a time or many.

Rules kept here:

* Errors that are known beforehand are raised before anything is sent: a missing file, equal names, a missing part size.
* Paths are strings or path objects. Memory does not grow with a file. `multipart` sends a file in parts of
  `multipart_part_size` bytes (5 MiB or more for S3). A file above the client's `multipart_threshold` is sent in parts
  in any case, of a size that is chosen for it.
* `listener` is called with each event of the upload, which has its `upload_id`. When `cancel` is set, a
  `threading.Event` for example, the upload ends within a second with PixelCancelledError, which has the number of files
  that were uploaded; the journal keeps how far the others are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from pixel_core import models
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import upload_jobs_path
from pixel_core.api.streaming import Results, streaming
from pixel_core.effects import CancelEvent, Flow
from pixel_core.errors import PixelUploadJobError

if TYPE_CHECKING:
    from pixel_core.api.upload_flows import UploadFlows

    T = TypeVar("T")
    Many: TypeAlias = Flow[tuple[list[T], list[PixelUploadJobError]]]

Listener: TypeAlias = Callable[[Any], object]


class Uploads(Lists):
    """Uploads."""

    def _upload(
        self,
        kind: str,
        ids: tuple[int, int],
        lead: Callable[[UploadFlows], Flow[T]],
        listener: Listener | None,
        cancel: CancelEvent | None,
    ) -> Flow[T]:
        from pixel_core.api.upload_flows import UploadCall, UploadFlows  # late: only uploads load the engine
        from pixel_core.api.upload_service import KINDS

        call = UploadCall(listener, cancel)
        return call.run(self.session, lambda session: lead(UploadFlows(session, KINDS[kind], *ids, call)))

    @operation
    def get_upload_jobs(
        self, /, project_id: int, data_collection_id: int, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.UploadJob]]:
        """List the upload jobs of a data collection, by `params` or by keywords of the same names."""
        path = upload_jobs_path(project_id, data_collection_id)
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list(path, values, list[models.UploadJob]))

    @streaming
    def upload_files(
        self,
        project_id: int,
        data_collection_id: int,
        files: Any,
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Results[models.UploadOutcome]:
        """Upload the files of an iterable, which may be endless, and return their outcomes, as they become known.

        `files` are paths or `PixelUploadFile`; on the async client also an async iterable. They are taken a few
        hundred ahead, in a thread, and memory does not grow with their number. A file that cannot be read or is not
        accepted has an outcome with its error; equal names are allowed. The kind of the files is that of the data
        collection.

        Raises ValueError for multipart without a usable part size. The iterator raises what `files` raises, and any
        PixelError that concerns all files, after the outcomes of those that had begun.

        >>> with client.upload_files(7, 12, Path("photos").rglob("*.jpg")) as outcomes:
        ...     for outcome in outcomes:
        ...         print(outcome.file, outcome.error or "uploaded")
        """
        from pixel_core.api.upload_flows import UploadCall  # late: only uploads load the engine
        from pixel_core.api.upload_streams import stream_files

        ids, call = (project_id, data_collection_id), UploadCall(listener, cancel)
        return stream_files(self.session, ids, files, multipart, multipart_part_size, call)

    @operation
    def upload_image(
        self,
        project_id: int,
        data_collection_id: int,
        file_path: Any,
        metadata: models.Metadata | None = None,
        support_files: Sequence[Any] | None = None,
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[models.Image]:
        """Upload one image with its support files, wait for its validation, and return the image.

        Raises FileNotFoundError and ValueError before anything is sent; ValueError for a data collection that accepts
        no images; PixelUploadJobError if the server does not accept the file, PixelStorageError if the object storage
        does not; PixelJobTimeoutError if validation takes too long; any PixelError of a call.
        """
        ids = (project_id, data_collection_id)

        def lead(flows: UploadFlows) -> Flow[models.Image]:
            return flows.one(file_path, multipart, multipart_part_size, support_files or (), metadata)

        return (yield from self._upload("image", ids, lead, listener, cancel))

    @operation
    def upload_raster(
        self,
        project_id: int,
        data_collection_id: int,
        file_path: Any,
        metadata: models.Metadata | Sequence[Any] | None = None,
        support_files: Sequence[Any] | models.Metadata | None = None,
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[models.Raster]:
        """Upload one raster, into a collection of rasters, RGB, DTM or DSM; otherwise as `upload_image`.

        `metadata` and `support_files` are distinguished by their types, since both orders are in use.
        """
        if isinstance(metadata, Sequence) or isinstance(support_files, (Mapping, models.MetadataObject)):
            metadata, support_files = support_files, metadata
        if isinstance(metadata, Sequence) or isinstance(support_files, (Mapping, models.MetadataObject)):
            raise TypeError("metadata is a mapping or a MetadataObject, and support_files is a list of paths")
        ids = (project_id, data_collection_id)

        def lead(flows: UploadFlows) -> Flow[models.Raster]:
            return flows.one(file_path, multipart, multipart_part_size, support_files or (), metadata)

        return (yield from self._upload("raster", ids, lead, listener, cancel))

    @operation
    def upload_point_cloud(
        self,
        project_id: int,
        data_collection_id: int,
        file_path: Any,
        metadata: models.Metadata | None = None,
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[models.PointCloud]:
        """Upload one point cloud; otherwise as `upload_image`. Point clouds have no support files."""
        ids = (project_id, data_collection_id)

        def lead(flows: UploadFlows) -> Flow[models.PointCloud]:
            return flows.one(file_path, multipart, multipart_part_size, (), metadata)

        return (yield from self._upload("point_cloud", ids, lead, listener, cancel))

    @operation
    def upload_multiple_images(
        self,
        project_id: int,
        data_collection_id: int,
        files: Sequence[models.PixelUploadFile],
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[tuple[list[models.Image], list[PixelUploadJobError]]]:
        """Upload images, and return those that the server accepted, in the order of `files`, and an error for each of
        the others. The names of the files must differ.

        Raises FileNotFoundError and ValueError before anything is sent, ValueError for a data collection that accepts
        no images, and any PixelError that concerns all files while none was uploaded. Never PixelUploadJobError.
        """
        ids = (project_id, data_collection_id)

        def lead(flows: UploadFlows) -> Many[models.Image]:
            return flows.many(files, multipart, multipart_part_size)

        return (yield from self._upload("image", ids, lead, listener, cancel))

    @operation
    def upload_multiple_rasters(
        self,
        project_id: int,
        data_collection_id: int,
        files: Sequence[models.PixelUploadFile],
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[tuple[list[models.Raster], list[PixelUploadJobError]]]:
        """Upload rasters; otherwise as `upload_multiple_images`."""
        ids = (project_id, data_collection_id)

        def lead(flows: UploadFlows) -> Many[models.Raster]:
            return flows.many(files, multipart, multipart_part_size)

        return (yield from self._upload("raster", ids, lead, listener, cancel))

    @operation
    def upload_multiple_point_clouds(
        self,
        project_id: int,
        data_collection_id: int,
        files: Sequence[models.PixelUploadFile],
        multipart: bool = False,
        multipart_part_size: int | None = None,
        *,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[tuple[list[models.PointCloud], list[PixelUploadJobError]]]:
        """Upload point clouds; otherwise as `upload_multiple_images`."""
        ids = (project_id, data_collection_id)

        def lead(flows: UploadFlows) -> Many[models.PointCloud]:
            return flows.many(files, multipart, multipart_part_size)

        return (yield from self._upload("point_cloud", ids, lead, listener, cancel))

    @operation
    def upload_folder(
        self,
        project_id: int,
        data_collection_id: int,
        path: Any,
        *,
        metadata: Literal["exif"] | None = "exif",
        common_metadata: models.Metadata | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        name_from: models.NameFrom | None = None,
        support_files: bool = False,
        multipart: bool = False,
        multipart_part_size: int | None = None,
        listener: Listener | None = None,
        cancel: CancelEvent | None = None,
    ) -> Flow[tuple[list[models.Image | models.Raster | models.PointCloud], list[PixelUploadJobError]]]:
        """Upload the files in a folder and its subfolders, and return what `upload_multiple_images` returns, in the
        order of names. The type of the data collection decides which files are taken: pictures (.jpg, .jpeg, .png,
        .tif, .tiff) as images; these and .webp, .mrf and .pdf as rasters; .las and .laz as point clouds; in upper or
        lower case. Hidden files are skipped.

        `metadata`: "exif" sends position, heading, time and focal length of photos, which needs Pillow (extra
        `photos`); None sends none. `common_metadata` are those of all files, and override it. `include` and `exclude`
        are patterns such as "*_D.jpg" and "thumbs/**". `name_from` makes equal names differ: "path" joins the folders
        (day1_a.jpg), "parent" uses the nearest one, "counter" a number (a-2.jpg). `support_files` sends world files and
        the like, too.

        Raises FileNotFoundError and OSError for a folder that cannot be read, ModuleNotFoundError without Pillow,
        ValueError for equal names, and what `upload_multiple_images` raises, all before anything is uploaded.
        """
        from pixel_core.api.folder_flows import FolderOptions, upload_folder  # late, as the engine
        from pixel_core.api.upload_flows import UploadCall, split
        from pixel_core.uploads import PartSizing

        options = FolderOptions.from_keywords(include, exclude, metadata, common_metadata, name_from, support_files)
        sizing = PartSizing.from_keywords(self.session.options.multipart_threshold, multipart, multipart_part_size)
        call, ids = UploadCall(listener, cancel), (project_id, data_collection_id)
        flow = call.run(self.session, lambda session: upload_folder(session, ids, str(path), options, sizing, call))
        return split((yield from flow))
