"""Optimised rasters and point clouds: created, run as a group of jobs, listed, deleted.

Rules kept here:

* A resource has one optimised form for each profile. Creating returns only the new ones, which may be none.
* Running starts pending ones, and with `retry_failed` failed ones. The group has the started jobs, which may be none.
* The ids of a run are those of the optimised forms. For point clouds, whose clients send them as `point_cloud_ids`,
  ids of point clouds work too; no id is both.
* A job fails if the stored file is gone.
"""

from collections.abc import Iterable
from typing import Any

from pixel_transports.sandbox.http import IncomingRequest, http_error
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.records import Resource, iso
from pixel_transports.sandbox.resources import traits_filter
from pixel_transports.sandbox.schemas import ListQuery, parse_body, parse_query
from pixel_transports.sandbox.schemas_files import (
    OptimizedPointCloudListQuery,
    OptimizedRasters,
    OptimizedRastersRun,
    PointCloudIds,
    PointCloudIdsRun,
    ProfileQuery,
)
from pixel_transports.sandbox.service_records import Optimized
from pixel_transports.sandbox.state import State, not_found
from pixel_transports.sandbox.tables import select


class OptimizedHandlers:
    """Common parts of the handlers of both kinds."""

    kind: str

    def __init__(self, state: State, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        jobs.register("optimize", self._end)

    def _of_collection(self, project_id: int, data_collection_id: int) -> dict[int, Optimized]:
        """Return the optimised forms of a data collection, in the order of their ids. Raises HttpError (404)."""
        collection = self._state.collection(project_id, data_collection_id)
        if collection.resource_kind != self.kind:
            return {}
        existing = self._state.optimized_by_resource
        found = [form for key in self._state.resources_by_collection[collection.id] for form in existing.get(key, ())]
        return {form.id: form for form in sorted(found, key=lambda form: form.id)}

    def _view(self, form: Optimized, project_id: int) -> dict[str, Any]:
        view: dict[str, Any] = {
            "id": form.id,
            f"{self.kind}_id": form.resource.id,
            "name": form.name,
            "project_id": project_id,
            "data_collection_id": form.resource.data_collection_id,
            "status": form.status,
            "detail": None if form.job is None else form.job.failure,
            "job_id": None if form.job is None else form.job.id,
            "created_at": iso(form.created_at),
        }
        if self.kind == "raster":
            return {**view, "profile": form.profile, "creation_options": form.creation_options}
        return {**view, **form.resource.traits}

    def _resources(self, project_id: int, data_collection_id: int, ids: list[int] | None) -> Iterable[Resource]:
        collection = self._state.collection(project_id, data_collection_id)
        if ids is not None:
            return [self._state.resource(self.kind, project_id, data_collection_id, key) for key in dict.fromkeys(ids)]
        return (
            self._state.resources_by_collection[collection.id].values() if collection.resource_kind == self.kind else ()
        )

    def _create(
        self,
        request: IncomingRequest,
        project_id: int,
        resources: Iterable[Resource],
        profile: str | None = None,
        creation_options: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        created: list[Optimized] = []
        for resource in resources:
            others = self._state.optimized_by_resource[resource.id]
            if any(other.profile == profile for other in others):
                continue
            form = Optimized(
                id=self._state.next_id(),
                resource=resource,
                created_at=request.now,
                profile=profile,
                creation_options=creation_options,
            )
            self._state.add_optimized(form)
            created.append(form)
        return [self._view(form, project_id) for form in created]

    def _run(
        self, request: IncomingRequest, project_id: int, selected: Iterable[Optimized], *, retry_failed: bool
    ) -> dict[str, Any]:
        startable = ("pending", "failed") if retry_failed else ("pending",)
        started = [form for form in selected if form.status in startable]
        for form in started:
            form.job = self._jobs.start(f"optimize {form.name}", request.now, "optimize", form.id)
        group_id = self._jobs.group_id(form.job for form in started if form.job is not None)
        views = [self._view(form, project_id) for form in started]
        return {"group_job": self._jobs.group_view(group_id), f"optimized_{self.kind}s": views}

    def _end(self, form_id: int, now: float) -> str | None:
        form = self._state.optimized.get(form_id)
        if form is None:
            return "the optimized form was deleted"
        return None if form.resource.key in self._state.objects else f"{form.name}: nothing is stored"

    def _delete(self, found: list[Optimized], resource: Resource, project_id: int) -> list[dict[str, Any]]:
        for form in found:
            del self._state.optimized[form.id]
            self._state.optimized_by_resource[resource.id].remove(form)
        return [self._view(form, project_id) for form in found]


class OptimizedRasterHandlers(OptimizedHandlers):
    """Request handlers of optimised rasters."""

    kind = "raster"

    def create(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        body = parse_body(request, OptimizedRasters)
        resources = self._resources(project_id, data_collection_id, body.raster_ids)
        return self._create(request, project_id, resources, body.profile, body.creation_options.dump())

    def run(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, OptimizedRastersRun)
        optimized = self._of_collection(project_id, data_collection_id)
        if body.optimized_raster_ids is None:
            return self._run(request, project_id, optimized.values(), retry_failed=body.retry_failed)
        for key in body.optimized_raster_ids:
            if key not in optimized:
                raise http_error(404, f"Optimized raster {key} not found")
        selected = [optimized[key] for key in dict.fromkeys(body.optimized_raster_ids)]
        return self._run(request, project_id, selected, retry_failed=body.retry_failed)

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, ListQuery)
        optimized = self._of_collection(project_id, data_collection_id)
        return [self._view(form, project_id) for form in select(optimized, query)]

    def delete(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> list[dict[str, Any]]:
        query = parse_query(request, ProfileQuery)
        raster = self._state.resource(self.kind, project_id, data_collection_id, resource_id)
        existing = self._state.optimized_by_resource[raster.id]
        found = [form for form in existing if query.profile in (None, form.profile)]
        return self._delete(found, raster, project_id)


class OptimizedPointCloudHandlers(OptimizedHandlers):
    """Request handlers of optimised point clouds."""

    kind = "point_cloud"

    def create(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        body = parse_body(request, PointCloudIds)
        resources = self._resources(project_id, data_collection_id, body.point_cloud_ids)
        return self._create(request, project_id, resources)

    def run(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, PointCloudIdsRun)
        optimized = self._of_collection(project_id, data_collection_id)
        if body.point_cloud_ids is None:
            return self._run(request, project_id, optimized.values(), retry_failed=body.retry_failed)
        by_resource = {form.resource.id: form for form in optimized.values()}
        selected: dict[int, Optimized] = {}
        for key in body.point_cloud_ids:
            form = optimized.get(key) or by_resource.get(key)
            if form is None:
                raise http_error(404, f"Optimized point cloud {key} not found")
            selected[form.id] = form
        return self._run(request, project_id, selected.values(), retry_failed=body.retry_failed)

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, OptimizedPointCloudListQuery)
        optimized = self._of_collection(project_id, data_collection_id)
        traits = traits_filter(query)

        def matches(form: Optimized) -> bool:
            return traits.items() <= form.resource.traits.items() and query.status in (None, form.status)

        return [self._view(form, project_id) for form in select(optimized, query, matches)]

    def delete(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        cloud = self._state.resource(self.kind, project_id, data_collection_id, resource_id)
        found = self._delete(list(self._state.optimized_by_resource[cloud.id]), cloud, project_id)
        if not found:
            raise not_found("optimized_point_cloud")
        return found[0]
