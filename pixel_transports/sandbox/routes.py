"""The table of routes: the handler for each method and path.

Rules kept here:

* Methods and paths are exactly those of the service. `harvest_services/{id}` and `harvest_services/{id}/` differ.
* `{name}` matches a number, `{name:str}` any text.
"""

from pixel_transports.sandbox.analysis import AnalysisHandlers
from pixel_transports.sandbox.arcgis_services import ArcgisServiceHandlers
from pixel_transports.sandbox.attachments import AttachmentHandlers
from pixel_transports.sandbox.harvest_services import HarvestServiceHandlers
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.optimized import OptimizedPointCloudHandlers, OptimizedRasterHandlers
from pixel_transports.sandbox.projects import CollectionHandlers, ProjectHandlers
from pixel_transports.sandbox.resources import ResourceHandlers
from pixel_transports.sandbox.router import Row
from pixel_transports.sandbox.search import SearchHandlers
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.upload_jobs import UploadJobHandlers
from pixel_transports.sandbox.users import UserHandlers

_P = "projects/{project_id}"
_D = _P + "/data_collections/{data_collection_id}"


def all_routes(
    state: State, jobs: Jobs, users: UserHandlers, uploads: UploadJobHandlers, attachments: AttachmentHandlers
) -> list[Row]:
    """Return all routes but those that `Api` handles itself."""
    return [
        *_user_routes(users),
        *_project_routes(state),
        *_job_routes(state, jobs, uploads),
        *_service_routes(state, jobs),
        *_other_routes(attachments, SearchHandlers(state)),
    ]


def _user_routes(handlers: UserHandlers) -> list[Row]:
    return [("POST", "users/oidc/", handlers.create), ("PUT", "users/oidc/{user_id}/", handlers.update)]


def _project_routes(state: State) -> list[Row]:
    projects, collections = ProjectHandlers(state), CollectionHandlers(state)
    rows: list[Row] = [
        ("POST", "projects/", projects.create),
        ("GET", "projects/", projects.list_all),
        ("GET", "projects/deleted", projects.list_deleted),
        ("GET", _P, projects.read),
        ("PUT", _P, projects.update),
        ("DELETE", _P, projects.delete),
        ("POST", f"{_P}/restore", projects.restore),
        ("PUT", f"{_P}/move", projects.move),
        ("POST", f"{_P}/data_collections/", collections.create),
        ("GET", f"{_P}/data_collections/", collections.list_all),
        ("GET", f"{_P}/data_collections/deleted", collections.list_deleted),
        ("GET", _D, collections.read),
        ("PUT", _D, collections.update),
        ("PUT", f"{_D}/move", collections.move),
        ("DELETE", _D, collections.delete),
        ("POST", f"{_D}/restore", collections.restore),
    ]
    for kind in ("image", "raster", "point_cloud"):
        handlers = ResourceHandlers(state, kind)
        one = f"{_D}/{kind}s/{{resource_id}}"
        rows += [
            ("GET", f"{_D}/{kind}s/", handlers.list_all),
            ("GET", one, handlers.read),
            ("PUT", one, handlers.update),
            ("DELETE", one, handlers.delete),
        ]
        if kind == "image":
            rows.append(("GET", f"{one}/metadata", handlers.metadata))
        if kind == "point_cloud":
            rows.append(("POST", f"{one}/move", handlers.move_within))
        else:
            rows.append(("PUT", f"{one}/move", handlers.move))
    return rows


def _job_routes(state: State, jobs: Jobs, uploads: UploadJobHandlers) -> list[Row]:
    rows: list[Row] = [
        ("POST", f"{_D}/upload_jobs/", uploads.create),
        ("POST", f"{_D}/upload_jobs/multipart", uploads.create_multipart),
        ("GET", f"{_D}/upload_jobs/", uploads.list_all),
        ("PUT", f"{_D}/upload_jobs/multiple_uploadFinished", uploads.finish_many),
        ("PUT", _D + "/upload_jobs/{upload_job_id}/uploadFinished", uploads.finish),
        ("GET", "jobs/{job_id:str}", jobs.job),
        ("GET", "jobs/groups/{group_id:str}", jobs.group),
    ]
    for handlers in (OptimizedRasterHandlers(state, jobs), OptimizedPointCloudHandlers(state, jobs)):
        base = f"{_D}/{handlers.kind}s"
        rows += [
            ("POST", f"{base}/optimized/", handlers.create),
            ("GET", f"{base}/optimized/", handlers.list_all),
            ("POST", f"{base}/optimized/run", handlers.run),
            ("DELETE", f"{base}/{{resource_id}}/optimized", handlers.delete),
        ]
    return rows


def _service_routes(state: State, jobs: Jobs) -> list[Row]:
    arcgis = ArcgisServiceHandlers(state, jobs)
    harvest, analysis = HarvestServiceHandlers(state, jobs), AnalysisHandlers(state, jobs)
    kind = "arcgis_services/{service_type:str}"
    one, harvested, analysed = kind + "/{service_id}", _D + "/harvest_services", "analysis/services"
    each, service = harvested + "/{service_id}", analysed + "/{service_id}"
    task = service + "/tasks/{task_id}"
    return [
        ("GET", "arcgis_services/gdo-users", arcgis.gdo_users),
        ("POST", f"{kind}/", arcgis.create),
        ("GET", f"{kind}/", arcgis.list_all),
        ("GET", one, arcgis.read),
        ("PUT", one, arcgis.update),
        ("DELETE", one, arcgis.delete),
        ("PUT", f"{one}/start", arcgis.start),
        ("PUT", f"{one}/stop", arcgis.stop),
        ("PUT", f"{one}/refresh", arcgis.refresh),
        ("POST", f"{harvested}/", harvest.create),
        ("GET", f"{harvested}/", harvest.list_all),
        ("GET", each, harvest.read),
        ("GET", f"{each}/", harvest.tasks),
        ("PUT", each, harvest.update),
        ("DELETE", each, harvest.delete),
        ("POST", f"{each}/start", harvest.start),
        ("POST", f"{each}/stop", harvest.stop),
        ("GET", "analysis/modules/", analysis.modules),
        ("GET", f"{analysed}/", analysis.list_all),
        ("POST", f"{analysed}/", analysis.create),
        ("PATCH", service, analysis.update),
        ("DELETE", service, analysis.delete),
        ("GET", f"{service}/tasks/", analysis.tasks),
        ("POST", f"{service}/tasks/", analysis.create_task),
        ("DELETE", task, analysis.delete_task),
        ("POST", f"{task}/run", analysis.run),
        ("POST", f"{task}/revoke", analysis.revoke),
    ]


def _other_routes(attachments: AttachmentHandlers, search: SearchHandlers) -> list[Row]:
    return [
        ("GET", "attachments/", attachments.list_all),
        ("POST", "attachments/", attachments.create),
        ("PUT", "attachments/update", attachments.update),
        ("PUT", "attachments/move", attachments.move),
        ("DELETE", "attachments/", attachments.delete),
        ("GET", "search/info", search.info),
        ("POST", "search/", search.search),
    ]
