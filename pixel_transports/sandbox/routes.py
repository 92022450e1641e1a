"""The table of routes: which room serves which method and path.

Rules kept here:

* Paths and methods are those of the service, to the slash. `harvest_services/{id}` and
  `harvest_services/{id}/` are two.
* `{name}` takes a number, `{name:str}` any text.
"""

from pixel_transports.sandbox.analysis import Analysis
from pixel_transports.sandbox.arcgis import ArcgisServices
from pixel_transports.sandbox.attachments import Attachments
from pixel_transports.sandbox.harvesting import HarvestServices
from pixel_transports.sandbox.jobs import Jobs
from pixel_transports.sandbox.optimizing import OptimizedPointCloudRoom, OptimizedRasterRoom
from pixel_transports.sandbox.projects import Collections, Projects
from pixel_transports.sandbox.resources import Resources
from pixel_transports.sandbox.router import Row
from pixel_transports.sandbox.search import Search
from pixel_transports.sandbox.state import State
from pixel_transports.sandbox.uploads import Uploads
from pixel_transports.sandbox.users import Users

_P = "projects/{project_id}"
_D = _P + "/data_collections/{data_collection_id}"


def user_rows(room: Users) -> list[Row]:
    """Users, but for `users/me`, which the API answers itself."""
    return [("POST", "users/oidc/", room.create), ("PUT", "users/oidc/{user_id}/", room.change)]


def place_rows(state: State) -> list[Row]:
    """Projects, data collections, and the resources in them."""
    projects, collections = Projects(state), Collections(state)
    rows: list[Row] = [
        ("POST", "projects/", projects.create),
        ("GET", "projects/", projects.listed),
        ("GET", "projects/deleted", projects.deleted),
        ("GET", _P, projects.read),
        ("PUT", _P, projects.change),
        ("DELETE", _P, projects.delete),
        ("POST", f"{_P}/restore", projects.restore),
        ("PUT", f"{_P}/move", projects.move),
        ("POST", f"{_P}/data_collections/", collections.create),
        ("GET", f"{_P}/data_collections/", collections.listed),
        ("GET", f"{_P}/data_collections/deleted", collections.deleted),
        ("GET", _D, collections.read),
        ("PUT", _D, collections.change),
        ("PUT", f"{_D}/move", collections.move),
        ("DELETE", _D, collections.delete),
        ("POST", f"{_D}/restore", collections.restore),
    ]
    for kind in ("image", "raster", "point_cloud"):
        room = Resources(state, kind)
        one = f"{_D}/{kind}s/{{resource_id}}"
        rows += [
            ("GET", f"{_D}/{kind}s/", room.listed),
            ("GET", one, room.read),
            ("PUT", one, room.change),
            ("DELETE", one, room.delete),
        ]
        if kind == "image":
            rows.append(("GET", f"{one}/metadata", room.metadata))
        if kind == "point_cloud":
            rows.append(("POST", f"{one}/move", room.move_within))
        else:
            rows.append(("PUT", f"{one}/move", room.move))
    return rows


def work_rows(state: State, jobs: Jobs, uploads: Uploads) -> list[Row]:
    """Uploads, optimising, and the jobs of everything."""
    rows: list[Row] = [
        ("POST", f"{_D}/upload_jobs/", uploads.create),
        ("POST", f"{_D}/upload_jobs/multipart", uploads.create_multipart),
        ("GET", f"{_D}/upload_jobs/", uploads.listed),
        ("PUT", f"{_D}/upload_jobs/multiple_uploadFinished", uploads.several_finished),
        ("PUT", _D + "/upload_jobs/{upload_job_id}/uploadFinished", uploads.finished),
        ("GET", "jobs/{job_id:str}", jobs.job),
        ("GET", "jobs/groups/{group_id:str}", jobs.group),
    ]
    for room in (OptimizedRasterRoom(state, jobs), OptimizedPointCloudRoom(state, jobs)):
        here = f"{_D}/{room.kind}s"
        rows += [
            ("POST", f"{here}/optimized/", room.create),
            ("GET", f"{here}/optimized/", room.listed),
            ("POST", f"{here}/optimized/run", room.run),
            ("DELETE", f"{here}/{{resource_id}}/optimized", room.delete),
        ]
    return rows


def service_rows(state: State, jobs: Jobs) -> list[Row]:
    """ArcGIS services, harvest services and analysis."""
    arcgis, harvest, analysis = ArcgisServices(state, jobs), HarvestServices(state, jobs), Analysis(state, jobs)
    kind = "arcgis_services/{service_type:str}"
    one, harvested, analysed = kind + "/{service_id}", _D + "/harvest_services", "analysis/services"
    each, service = harvested + "/{service_id}", analysed + "/{service_id}"
    task = service + "/tasks/{task_id}"
    return [
        ("GET", "arcgis_services/gdo-users", arcgis.gdo_users),
        ("POST", f"{kind}/", arcgis.create),
        ("GET", f"{kind}/", arcgis.listed),
        ("GET", one, arcgis.read),
        ("PUT", one, arcgis.change),
        ("DELETE", one, arcgis.delete),
        ("PUT", f"{one}/start", arcgis.start),
        ("PUT", f"{one}/stop", arcgis.stop),
        ("PUT", f"{one}/refresh", arcgis.refresh),
        ("POST", f"{harvested}/", harvest.create),
        ("GET", f"{harvested}/", harvest.listed),
        ("GET", each, harvest.read),
        ("GET", f"{each}/", harvest.tasks),
        ("PUT", each, harvest.change),
        ("DELETE", each, harvest.delete),
        ("POST", f"{each}/start", harvest.start),
        ("POST", f"{each}/stop", harvest.stop),
        ("GET", "analysis/modules/", analysis.modules),
        ("GET", f"{analysed}/", analysis.listed),
        ("POST", f"{analysed}/", analysis.create),
        ("PATCH", service, analysis.change),
        ("DELETE", service, analysis.delete),
        ("GET", f"{service}/tasks/", analysis.tasks),
        ("POST", f"{service}/tasks/", analysis.create_task),
        ("DELETE", task, analysis.delete_task),
        ("POST", f"{task}/run", analysis.run),
        ("POST", f"{task}/revoke", analysis.revoke),
    ]


def other_rows(attachments: Attachments, search: Search) -> list[Row]:
    """Attachments and search."""
    return [
        ("GET", "attachments/", attachments.listed),
        ("POST", "attachments/", attachments.create),
        ("PUT", "attachments/update", attachments.change),
        ("PUT", "attachments/move", attachments.move),
        ("DELETE", "attachments/", attachments.delete),
        ("GET", "search/info", search.info),
        ("POST", "search/", search.search),
    ]
