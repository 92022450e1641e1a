"""Analysis services, which run a module on the tenant's data, and their tasks."""

from typing import Any

from pixel_core.models.base import PixelModel


class AnalysisServiceCreateUpdateInput(PixelModel):
    """An analysis service: the name of the module that it runs, and the configuration of the module."""

    name: str
    module_name: str
    enabled: bool = True
    config: dict[str, Any]


class AnalysisServicePatchInput(PixelModel):
    """Changes to an analysis service. Fields that were set are changed; an explicit None is sent as null."""

    name: str | None = None
    enabled: bool | None = None
    config: dict[str, Any] | None = None


class AnalysisTaskCreateInput(PixelModel):
    """A new task of an analysis service. `params` are the parameters of its module."""

    name: str | None = None
    params: dict[str, Any]
