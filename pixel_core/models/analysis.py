"""Analysis: services that run modules over the tenant's data, and their tasks."""

from typing import Any

from pixel_core.models.base import PixelModel


class AnalysisServiceCreateUpdateInput(PixelModel):
    """An analysis service: the module that it runs, and the module's configuration."""

    name: str
    module_name: str
    enabled: bool = True
    config: dict[str, Any]


class AnalysisServicePatchInput(PixelModel):
    """Changes to an analysis service; what was set is changed, an explicit None becomes null."""

    name: str | None = None
    enabled: bool | None = None
    config: dict[str, Any] | None = None


class AnalysisTaskCreateInput(PixelModel):
    """A task of an analysis service, with the parameters of its module."""

    name: str | None = None
    params: dict[str, Any]
