"""Users and plugins."""

from pixel_core.api.addresses import query_of
from pixel_core.effects import Flow
from pixel_core.models import Plugin, User
from pixel_core.operations import Resource, operation


class Users(Resource):
    """Who is logged in, and what the tenant can do."""

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
