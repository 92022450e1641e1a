"""Users and plugins."""

from pixel_core.api.addresses import query_of, segment
from pixel_core.effects import Flow
from pixel_core.models import OIDCUserCreateInput, OIDCUserUpdateInput, Plugin, User
from pixel_core.operations import Resource, operation


class Users(Resource):
    """Who is logged in, what the tenant can do, and its other users."""

    @operation
    def me(self, extended: bool = False) -> Flow[User]:
        """The user who is logged in; with `extended`, all that is known of them.

        Raises PixelLoginError when the login is refused, and any PixelError of a call.
        """
        answer = yield from self.session.call("GET", "/users/me", query_of(extended=extended))
        return answer.json(User)

    @operation
    def get_plugins(self) -> Flow[list[Plugin]]:
        """The capabilities that are switched on for this tenant (`optimized_raster`, `image_service`, ...)."""
        answer = yield from self.session.call("GET", "/plugins/")
        return answer.json(list[Plugin])

    @operation
    def create_oidc_user(self, create_input: OIDCUserCreateInput) -> Flow[User]:
        """Create a user, who logs in with the e-mail address. No password stands in an error."""
        body = OIDCUserCreateInput.model_validate(create_input).body()
        return (yield from self.session.call("POST", "/users/oidc/", json=body, sensitive=True)).json(User)

    @operation
    def update_oidc_user(self, user_id: int, update_input: OIDCUserUpdateInput) -> Flow[User]:
        """Change what is given of a user, leave the rest (`enabled` too). Raises PixelNotFoundError."""
        body = OIDCUserUpdateInput.model_validate(update_input).body()
        path = f"/users/oidc/{segment(user_id)}/"
        return (yield from self.session.call("PUT", path, json=body, sensitive=True)).json(User)
