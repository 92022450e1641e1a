"""Users and plugins."""

from __future__ import annotations

from pixel_core import models
from pixel_core.api.operation import Resource, operation
from pixel_core.api.paths import query_of, segment
from pixel_core.effects import Flow


class Users(Resource):
    """The current user, the capabilities of the tenant, and its users."""

    @operation
    def me(self, extended: bool = False) -> Flow[models.User]:
        """Return the user that is logged in, with its projects if `extended`.

        Raises PixelLoginError if the login is refused, and any PixelError of a call.
        """
        answer = yield from self.session.call("GET", "/users/me", query_of(extended=extended))
        return answer.json(models.User)

    @operation
    def get_plugins(self) -> Flow[list[models.Plugin]]:
        """Return the enabled capabilities of this tenant (`optimized_raster`, `image_service`, ...)."""
        answer = yield from self.session.call("GET", "/plugins/")
        return answer.json(list[models.Plugin])

    @operation
    def create_oidc_user(self, create_input: models.OIDCUserCreateInput) -> Flow[models.User]:
        """Create a user, whose e-mail address is the user name. Errors contain no password."""
        checked = models.OIDCUserCreateInput.model_validate(create_input)
        answer = yield from self.session.call("POST", "/users/oidc/", json=checked.body(), sensitive=True)
        return answer.json(models.User)

    @operation
    def update_oidc_user(self, user_id: int, update_input: models.OIDCUserUpdateInput) -> Flow[models.User]:
        """Change the given fields of a user; the others stay unchanged, also `enabled`. Raises PixelNotFoundError."""
        checked = models.OIDCUserUpdateInput.model_validate(update_input)
        path = f"/users/oidc/{segment(user_id)}/"
        answer = yield from self.session.call("PUT", path, json=checked.body(), sensitive=True)
        return answer.json(models.User)
