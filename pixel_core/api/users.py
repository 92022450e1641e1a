"""Users and plugins."""

from __future__ import annotations

from pixel_core import models
from pixel_core.api.operation import Resource, operation
from pixel_core.api.paths import query_of, segment
from pixel_core.effects import Flow


class Users(Resource):
    """Who is logged in, what the tenant can do, and its other users."""

    @operation
    def me(self, extended: bool = False) -> Flow[models.User]:
        """The user who is logged in; with `extended`, all that is known of them.

        Raises PixelLoginError when the login is refused, and any PixelError of a call.
        """
        answer = yield from self.session.call("GET", "/users/me", query_of(extended=extended))
        return answer.json(models.User)

    @operation
    def get_plugins(self) -> Flow[list[models.Plugin]]:
        """The capabilities that are switched on for this tenant (`optimized_raster`, `image_service`, ...)."""
        answer = yield from self.session.call("GET", "/plugins/")
        return answer.json(list[models.Plugin])

    @operation
    def create_oidc_user(self, create_input: models.OIDCUserCreateInput) -> Flow[models.User]:
        """Create a user, who logs in with the e-mail address. No password stands in an error."""
        body = models.OIDCUserCreateInput.model_validate(create_input).body()
        return (yield from self.session.call("POST", "/users/oidc/", json=body, sensitive=True)).json(models.User)

    @operation
    def update_oidc_user(self, user_id: int, update_input: models.OIDCUserUpdateInput) -> Flow[models.User]:
        """Change what is given of a user, leave the rest (`enabled` too). Raises PixelNotFoundError."""
        body = models.OIDCUserUpdateInput.model_validate(update_input).body()
        path = f"/users/oidc/{segment(user_id)}/"
        return (yield from self.session.call("PUT", path, json=body, sensitive=True)).json(models.User)
