"""The records of optimised forms, attachments, ArcGIS services, harvest services and analysis.

Rules kept here:

* `view` returns a record as the API's JSON. States that change with time are read from the job, not stored.
* No view has a secret.
"""

from dataclasses import dataclass, field
from typing import Any

from pixel_transports.sandbox.job_records import Job
from pixel_transports.sandbox.records import Record, Resource, iso
from pixel_transports.sandbox.tracking import Tracked, TrackedDict


@dataclass(slots=True, kw_only=True)
class Optimized(Tracked):
    """The optimised form of a raster or a point cloud, with the name and the tags of that resource."""

    id: int
    resource: Resource
    created_at: float
    profile: str | None = None
    creation_options: dict[str, Any] | None = None
    job: Job | None = None

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def tags(self) -> list[str]:
        return self.resource.tags

    @property
    def status(self) -> str:
        if self.job is None:
            return "pending"
        if not self.job.ended:
            return "in_progress"
        return "completed" if self.job.failure is None else "failed"


@dataclass(slots=True, kw_only=True)
class Attachment(Tracked):
    """A file that belongs to a project, a data collection or an image."""

    id: int
    owner: tuple[str, int]
    """The type and the id of what it belongs to."""
    name: str
    description: str
    md5: str
    key: str
    created_at: float
    status: str = "Pending"

    def __post_init__(self) -> None:
        kind, owner_id = self.owner
        self.owner = kind, owner_id

    def view(self, access: dict[str, Any]) -> dict[str, Any]:
        """Return it as JSON; `access` is the signed form of its upload."""
        kind, owner_id = self.owner
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "md5": self.md5,
            "resource_type": kind,
            "resource_id": owner_id,
            "status": self.status,
            "upload_file_params": access if self.status == "Pending" else None,
        }


@dataclass(slots=True, kw_only=True)
class ArcgisService(Record):
    """A service of data collections. `settled_state` is its state without a job: "stopped" or "started"."""

    service_type: str
    description: str
    data_collection_ids: list[int]
    options: dict[str, Any]
    settled_state: str = "stopped"
    transition: str | None = None
    """Its state while `job` runs: "starting", "stopping", or "started" during a refresh."""
    job: Job | None = None

    @property
    def busy(self) -> bool:
        return self.job is not None and not self.job.ended

    @property
    def state(self) -> str:
        return self.transition if self.busy and self.transition is not None else self.settled_state

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "service_type": self.service_type,
            "data_collection_ids": self.data_collection_ids,
            "options": self.options,
            "state": self.state,
            **self.timestamps(),
        }


@dataclass(slots=True, kw_only=True)
class HarvestTask(Record):
    """One run of a harvest service."""

    service_id: int
    job: Job

    def status(self, now: float) -> str:
        stage = self.job.stage(now)
        return "pending" if stage == "submitted" else stage

    def view(self, now: float) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "harvest_service_id": self.service_id,
            "status": self.status(now),
            "detail": self.job.failure,
            "job_id": self.job.id,
            **self.timestamps(),
        }


@dataclass(slots=True, kw_only=True)
class HarvestService(Record):
    """A service that fetches records from another service into a data collection."""

    data_collection_id: int
    description: str
    url: str
    auth: dict[str, dict[str, Any]]
    where_clause: str
    maps: dict[tuple[str, str], str]
    """The external field of each (model, field name)."""
    extra_fields: list[str]
    state: str = "stopped"
    tasks: dict[int, HarvestTask] = field(default_factory=TrackedDict)

    def view(self) -> dict[str, Any]:
        credentials, key = self.auth.get("credentials"), self.auth.get("api_key")
        auth = {
            "credentials": credentials
            and {"username": credentials["username"], "token_url": credentials.get("token_url")},
            "api_key": key and {"api_key_item_id": key.get("api_key_item_id")},
        }
        maps = [
            {"model": model, "field_name": name, "external_field": external}
            for (model, name), external in self.maps.items()
        ]
        return {
            "id": self.id,
            "name": self.name,
            "data_collection_id": self.data_collection_id,
            "description": self.description,
            "url": self.url,
            "auth": auth,
            "where_clause": self.where_clause,
            "field_mappings": {"maps": maps, "extra_fields": self.extra_fields},
            "state": self.state,
            **self.timestamps(),
        }


@dataclass(slots=True, kw_only=True)
class AnalysisTask(Tracked):
    """A task of an analysis service."""

    id: int
    service_id: int
    name: str | None
    params: dict[str, Any]
    created_at: float
    job: Job | None = None
    revoked: bool = False

    def status(self, now: float) -> str:
        if self.revoked:
            return "REVOKED"
        if self.job is None:
            return "PENDING"
        stages = {"submitted": "SCHEDULED", "in_progress": "RUNNING", "completed": "SUCCESS", "failed": "FAILED"}
        return stages[self.job.stage(now)]

    def view(self, now: float) -> dict[str, Any]:
        return {
            "id": self.id,
            "service_id": self.service_id,
            "name": self.name,
            "params": self.params,
            "status": self.status(now),
            "detail": None if self.job is None else self.job.failure,
            "job_id": None if self.job is None else self.job.id,
            "created_at": iso(self.created_at),
        }


@dataclass(slots=True, kw_only=True)
class AnalysisService(Record):
    """A module with a configuration."""

    module_name: str
    enabled: bool
    config: dict[str, Any]
    tasks: dict[int, AnalysisTask] = field(default_factory=TrackedDict)

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "module_name": self.module_name,
            "enabled": self.enabled,
            "config": self.config,
            **self.timestamps(),
        }
