"""Projects: a name, a description and a polygon; they nest, hold data collections, and can be deleted and restored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import project_path, query_of
from pixel_core.effects import Flow


def changes(**values: Any) -> dict[str, Any]:
    """The body of an update: what was given, "" and [] included. Raises ValueError when nothing was."""
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        raise ValueError(f"No update parameters provided: give at least one of {', '.join(values)}")
    return given


class Projects(Lists):
    """Projects."""

    @operation
    def create_project(
        self,
        name: str,
        description: str,
        area_of_interest: models.Geometry,
        parent_project_id: int | None = None,
        tags: Sequence[str] | None = None,
    ) -> Flow[models.Project]:
        """Create a project, below `parent_project_id` or (None, 0) at the root.

        `area_of_interest` is a polygon in longitude and latitude (EPSG:4326): GeoJSON, a model of it, or anything
        with `__geo_interface__`. Uploads are checked against it.
        Raises pydantic's ValidationError for a polygon that is none, before anything is sent.
        """
        body: dict[str, Any] = {
            "name": name,
            "description": description,
            "area_of_interest": models.polygon(area_of_interest),
        }
        if parent_project_id:
            body["parent_project_id"] = parent_project_id
        if tags:
            body["tags"] = list(tags)
        answer = yield from self.session.call("POST", "/projects/", json=body)
        return answer.json(models.Project)

    @operation
    def list_projects(self, /, params: models.ListParams | None = None, **kwargs: Any) -> Flow[list[models.Project]]:
        """Projects, by `params` or by keywords of the same names (`extended`, `name`, `ids`, `tags`, `offset`,
        `limit`).
        """
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list("/projects/", values, list[models.Project]))

    @operation
    def list_deleted_projects(
        self, /, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.Project]]:
        """Projects that were deleted and can be restored; parameters as for `list_projects`."""
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list("/projects/deleted", values, list[models.Project]))

    @operation
    def get_project(self, project_id: int, extended: bool = False) -> Flow[models.Project]:
        """One project. Raises PixelNotFoundError when there is none with this id."""
        answer = yield from self.session.call("GET", project_path(project_id), query_of(extended=extended))
        return answer.json(models.Project)

    @operation
    def update_project(
        self,
        project_id: int,
        name: str | None = None,
        description: str | None = None,
        area_of_interest: models.Geometry | None = None,
        add_tags: Sequence[str] | None = None,
        remove_tags: Sequence[str] | None = None,
    ) -> Flow[models.Project]:
        """Change what is given, leave the rest. Raises ValueError when nothing is given."""
        body = changes(
            name=name,
            description=description,
            area_of_interest=None if area_of_interest is None else models.polygon(area_of_interest),
            add_tags=add_tags,
            remove_tags=remove_tags,
        )
        answer = yield from self.session.call("PUT", project_path(project_id), json=body)
        return answer.json(models.Project)

    @operation
    def delete_project(self, project_id: int) -> Flow[models.Project]:
        """Delete a project; `restore_project` brings it back. Raises PixelNotFoundError."""
        answer = yield from self.session.call("DELETE", project_path(project_id))
        return answer.json(models.Project)

    @operation
    def restore_project(self, project_id: int) -> Flow[models.Project]:
        """Bring a deleted project back. Raises PixelNotFoundError when none with this id was deleted."""
        answer = yield from self.session.call("POST", f"{project_path(project_id)}/restore")
        return answer.json(models.Project)

    @operation
    def move_project(self, project_id: int, new_parent_project_id: int | None = None) -> Flow[models.Project]:
        """Move a project below another, or (None, 0) to the root."""
        query = query_of(new_parent_id=new_parent_project_id or -1)
        answer = yield from self.session.call("PUT", f"{project_path(project_id)}/move", query)
        return answer.json(models.Project)
