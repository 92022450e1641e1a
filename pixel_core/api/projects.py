"""Projects: create, list, change, move, delete and restore them. Projects nest and contain data collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pixel_core import models
from pixel_core.api.lists import Lists, validated
from pixel_core.api.operation import operation
from pixel_core.api.paths import project_path, query_of
from pixel_core.effects import Flow


def changes(**values: Any) -> dict[str, Any]:
    """Return the body of an update: the values that are not None. Raises ValueError if all are None."""
    body = {name: value for name, value in values.items() if value is not None}
    if not body:
        raise ValueError(f"No update parameters provided: give at least one of {', '.join(values)}")
    return body


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
        """Create a project below `parent_project_id`, or at the root (None or 0).

        `area_of_interest` is a polygon in longitude and latitude (EPSG:4326): GeoJSON, a model of it, or an object
        with `__geo_interface__`. The server checks uploads against it.
        Raises pydantic's ValidationError for an invalid polygon, before a request is sent.
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
        """Return the projects that match `params`, or keywords of the same names.

        These are `extended`, `name`, `ids`, `tags`, `offset` and `limit`. Keywords beside `params` are ignored. With an
        empty list of `ids` the result is empty. Raises ValidationError for invalid values, TypeError for others.
        """
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list("/projects/", values, list[models.Project]))

    @operation
    def list_deleted_projects(
        self, /, params: models.ListParams | None = None, **kwargs: Any
    ) -> Flow[list[models.Project]]:
        """Return the deleted projects, which can be restored. Parameters are those of `list_projects`."""
        values = yield from validated(models.ListParams, params, kwargs)
        return (yield from self._list("/projects/deleted", values, list[models.Project]))

    @operation
    def get_project(self, project_id: int, extended: bool = False) -> Flow[models.Project]:
        """Return one project, with its child projects and data collections if `extended`. Raises PixelNotFoundError."""
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
        """Change the given fields of a project. Raises ValueError if all are None, and PixelNotFoundError."""
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
        """Delete a project. `restore_project` restores it. Raises PixelNotFoundError."""
        answer = yield from self.session.call("DELETE", project_path(project_id))
        return answer.json(models.Project)

    @operation
    def restore_project(self, project_id: int) -> Flow[models.Project]:
        """Restore a deleted project. Raises PixelNotFoundError if no deleted project has this id."""
        answer = yield from self.session.call("POST", f"{project_path(project_id)}/restore")
        return answer.json(models.Project)

    @operation
    def move_project(self, project_id: int, new_parent_project_id: int | None = None) -> Flow[models.Project]:
        """Move a project below another one, or to the root (None or 0). Raises PixelNotFoundError."""
        query = query_of(new_parent_id=new_parent_project_id or -1)
        answer = yield from self.session.call("PUT", f"{project_path(project_id)}/move", query)
        return answer.json(models.Project)
