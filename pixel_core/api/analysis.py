"""Analysis modules, the services that run them, and the tasks of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pixel_core import models
from pixel_core.api.lists import Lists, read_input, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import segment
from pixel_core.effects import Flow


def _service(service_id: int) -> str:
    return f"/analysis/services/{segment(service_id)}"


def _task(service_id: int, task_id: int) -> str:
    return f"{_service(service_id)}/tasks/{segment(task_id)}"


class Analysis(Lists):
    """Analysis services and their tasks."""

    @operation
    def list_analysis_modules(self) -> Flow[list[models.AnalysisModule]]:
        """Return the modules that services can run."""
        return (yield from self.session.call("GET", "/analysis/modules/")).json(list[models.AnalysisModule])

    @operation
    def list_analysis_services(
        self, /, params: models.AnalysisServiceListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.AnalysisService]]:
        """Return the analysis services that match `params` (or `list_input`), or keywords of the same names.

        They are `name`, `ids`, `enabled`, `offset` and `limit`. Raises ValidationError for invalid values.
        """
        params = kwargs.pop("list_input", None) if params is None else params
        values = yield from validated(models.AnalysisServiceListParams, params, kwargs)
        return (yield from self._list("/analysis/services/", values, list[models.AnalysisService]))

    @operation
    def create_analysis_service(
        self, /, create_input: models.AnalysisServiceCreateUpdateInput | None = None, **kwargs: Any
    ) -> Flow[models.AnalysisService]:
        """Create an analysis service from `create_input`, or from keywords of the same names."""
        body = (yield from read_input(models.AnalysisServiceCreateUpdateInput, create_input, kwargs)).body()
        return (yield from self.session.call("POST", "/analysis/services/", json=body)).json(models.AnalysisService)

    @operation
    def patch_analysis_service(
        self, /, service_id: int, patch_input: models.AnalysisServicePatchInput | None = None, **kwargs: Any
    ) -> Flow[models.AnalysisService]:
        """Change the fields of an analysis service set in `patch_input`, or as keywords. None is sent as null."""
        changes = yield from read_input(models.AnalysisServicePatchInput, patch_input, kwargs)
        body = changes.model_dump(mode="json", exclude_unset=True)
        return (yield from self.session.call("PATCH", _service(service_id), json=body)).json(models.AnalysisService)

    @operation
    def delete_analysis_service(self, service_id: int) -> Flow[Literal[True]]:
        """Delete an analysis service. Raises PixelNotFoundError."""
        yield from self.session.call("DELETE", _service(service_id))
        return True

    @operation
    def list_analysis_tasks(
        self, /, service_id: int, list_input: models.AnalysisTaskListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.AnalysisTask]]:
        """Return the tasks of a service that match `list_input`, or keywords of the same names.

        They are `name`, `ids`, `status`, `offset` and `limit`. Raises ValidationError for invalid values.
        """
        values = yield from validated(models.AnalysisTaskListParams, list_input, kwargs)
        return (yield from self._list(f"{_service(service_id)}/tasks/", values, list[models.AnalysisTask]))

    @operation
    def create_analysis_task(
        self,
        /,
        service_id: int,
        params: models.AnalysisTaskCreateInput | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Flow[models.AnalysisTask]:
        """Create a task, from a model as `params`, or from the keywords `params` (of the module) and `name`."""
        if params is not None and not isinstance(params, models.AnalysisTaskCreateInput):
            kwargs["params"], params = params, None
        body = (yield from read_input(models.AnalysisTaskCreateInput, params, kwargs)).body()
        answer = yield from self.session.call("POST", f"{_service(service_id)}/tasks/", json=body)
        return answer.json(models.AnalysisTask)

    @operation
    def delete_analysis_task(self, service_id: int, task_id: int) -> Flow[Literal[True]]:
        """Delete a task. Raises PixelNotFoundError."""
        yield from self.session.call("DELETE", _task(service_id, task_id))
        return True

    @operation
    def run_analysis_task(self, service_id: int, task_id: int) -> Flow[models.AnalysisTask]:
        """Run a task. Raises PixelNotFoundError."""
        return (yield from self.session.call("POST", f"{_task(service_id, task_id)}/run")).json(models.AnalysisTask)

    @operation
    def revoke_analysis_task(self, service_id: int, task_id: int) -> Flow[models.AnalysisTask]:
        """Stop a task, or prevent it from running. Raises PixelNotFoundError."""
        return (yield from self.session.call("POST", f"{_task(service_id, task_id)}/revoke")).json(models.AnalysisTask)
