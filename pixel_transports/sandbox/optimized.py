"""Optimised rasters and point clouds: made out, run as a group of jobs, list_all, deleted.

Rules kept here:

* One optimised form for each resource and profile: what is there already is not made out again, so the answer to
  creating holds only what is new, and may be empty.
* Running starts what is pending, and with `retry_failed` what failed; what runs or is completed is left alone. The
  group holds the jobs that were started, and may be empty.
* The ids of running are those of the optimised forms. For point clouds, whose clients send them as `point_cloud_ids`,
  ids of point clouds are understood too; no id is both.
* A job fails when the stored file is gone.
"""

from collections.abc import Callable, Iterable
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
    """What the rooms of both kinds have in common."""

    kind: str

    def __init__(self, state: State, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs

    def _here(self, project_id: int, data_collection_id: int) -> dict[int, Optimized]:
        """The optimised forms of a data collection, in the order of their ids. Raises HttpError (404)."""
        collection = self._state.collection(project_id, data_collection_id)
        if collection.resource_kind != self.kind:
            return {}
        known = self._state.optimized_by_resource
        found = [each for key in self._state.resources_by_collection[collection.id] for each in known.get(key, ())]
        return {each.id: each for each in sorted(found, key=lambda each: each.id)}

    def _view(self, each: Optimized, project_id: int) -> dict[str, Any]:
        view: dict[str, Any] = {
            "id": each.id,
            f"{self.kind}_id": each.resource.id,
            "name": each.name,
            "project_id": project_id,
            "data_collection_id": each.resource.data_collection_id,
            "status": each.status,
            "detail": None if each.job is None else each.job.failure,
            "job_id": None if each.job is None else each.job.id,
            "created_at": iso(each.created_at),
        }
        if self.kind == "raster":
            return {**view, "profile": each.profile, "creation_options": each.creation_options}
        return {**view, **each.resource.traits}

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
        made: list[Optimized] = []
        for resource in resources:
            others = self._state.optimized_by_resource[resource.id]
            if any(other.profile == profile for other in others):
                continue
            each = Optimized(
                id=self._state.next_id(),
                resource=resource,
                created_at=request.now,
                profile=profile,
                creation_options=creation_options,
            )
            self._state.optimized[each.id] = each
            others.append(each)
            made.append(each)
        return [self._view(each, project_id) for each in made]

    def _run(
        self, request: IncomingRequest, project_id: int, chosen: Iterable[Optimized], *, retry_failed: bool
    ) -> dict[str, Any]:
        startable = ("pending", "failed") if retry_failed else ("pending",)
        started = [each for each in chosen if each.status in startable]
        for each in started:
            each.job = self._jobs.start(f"optimize {each.name}", request.now, self._work(each))
        group_id = self._jobs.group_id(each.job for each in started if each.job is not None)
        views = [self._view(each, project_id) for each in started]
        return {"group_job": self._jobs.group_view(group_id), f"optimized_{self.kind}s": views}

    def _work(self, each: Optimized) -> Callable[[float], str | None]:
        def work(now: float) -> str | None:
            if each.resource.key not in self._state.objects:
                return f"{each.name}: nothing is stored"
            return None

        return work

    def _delete(self, found: list[Optimized], resource: Resource, project_id: int) -> list[dict[str, Any]]:
        for each in found:
            del self._state.optimized[each.id]
            self._state.optimized_by_resource[resource.id].remove(each)
        return [self._view(each, project_id) for each in found]


class OptimizedRasterHandlers(OptimizedHandlers):
    """The room of the optimised rasters."""

    kind = "raster"

    def create(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        body = parse_body(request, OptimizedRasters)
        resources = self._resources(project_id, data_collection_id, body.raster_ids)
        return self._create(request, project_id, resources, body.profile, body.creation_options.dump())

    def run(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, OptimizedRastersRun)
        here = self._here(project_id, data_collection_id)
        if body.optimized_raster_ids is None:
            return self._run(request, project_id, here.values(), retry_failed=body.retry_failed)
        for key in body.optimized_raster_ids:
            if key not in here:
                raise http_error(404, f"Optimized raster {key} not found")
        chosen = [here[key] for key in dict.fromkeys(body.optimized_raster_ids)]
        return self._run(request, project_id, chosen, retry_failed=body.retry_failed)

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, ListQuery)
        here = self._here(project_id, data_collection_id)
        return [self._view(each, project_id) for each in select(here, query)]

    def delete(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> list[dict[str, Any]]:
        query = parse_query(request, ProfileQuery)
        raster = self._state.resource(self.kind, project_id, data_collection_id, resource_id)
        known = self._state.optimized_by_resource[raster.id]
        found = [each for each in known if query.profile in (None, each.profile)]
        return self._delete(found, raster, project_id)


class OptimizedPointCloudHandlers(OptimizedHandlers):
    """The room of the optimised point clouds."""

    kind = "point_cloud"

    def create(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        body = parse_body(request, PointCloudIds)
        resources = self._resources(project_id, data_collection_id, body.point_cloud_ids)
        return self._create(request, project_id, resources)

    def run(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> dict[str, Any]:
        body = parse_body(request, PointCloudIdsRun)
        here = self._here(project_id, data_collection_id)
        if body.point_cloud_ids is None:
            return self._run(request, project_id, here.values(), retry_failed=body.retry_failed)
        by_resource = {each.resource.id: each for each in here.values()}
        chosen: dict[int, Optimized] = {}
        for key in body.point_cloud_ids:
            each = here.get(key) or by_resource.get(key)
            if each is None:
                raise http_error(404, f"Optimized point cloud {key} not found")
            chosen[each.id] = each
        return self._run(request, project_id, chosen.values(), retry_failed=body.retry_failed)

    def list_all(self, request: IncomingRequest, project_id: int, data_collection_id: int) -> list[dict[str, Any]]:
        query = parse_query(request, OptimizedPointCloudListQuery)
        here = self._here(project_id, data_collection_id)
        traits = traits_filter(query)

        def wanted(each: Optimized) -> bool:
            return traits.items() <= each.resource.traits.items() and query.status in (None, each.status)

        return [self._view(each, project_id) for each in select(here, query, wanted)]

    def delete(
        self, request: IncomingRequest, project_id: int, data_collection_id: int, resource_id: int
    ) -> dict[str, Any]:
        cloud = self._state.resource(self.kind, project_id, data_collection_id, resource_id)
        found = self._delete(list(self._state.optimized_by_resource[cloud.id]), cloud, project_id)
        if not found:
            raise not_found("optimized_point_cloud")
        return found[0]
