"""A Django project whose token endpoint is django-oauth-toolkit, with one protected view: run by an interpreter that
has both, and never imported by the tests.

    python oauth_server.py FOLDER

Rules kept here:

* The toolkit is used as its manual says: a public client with the password grant, refresh tokens that rotate and are
  refused when used again. Its token view answers at Keycloak's path, its resource check guards `/api/acme/users/me`.
* It prints its port on the first line of its output, keeps its data in FOLDER, and listens on loopback.
* `/requests` lists the token requests so far (grant and status), `/revoke` ends all access tokens, `/end` the refresh
  tokens too.
"""

# mypy: ignore-errors
# pyright: reportMissingImports=false

import sys
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(sys.argv[1])

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "oauth.sqlite",
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    OAUTH2_PROVIDER={
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
        "ROTATE_REFRESH_TOKEN": True,
        "SCOPES": {"openid": "who", "email": "address", "profile": "name"},
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no importance",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402
from oauth2_provider.oauth2_backends import get_oauthlib_core  # noqa: E402
from oauth2_provider.views import TokenView  # noqa: E402

token_requests = []


@csrf_exempt
def token(request, realm):
    grant = request.POST.get("grant_type", "")
    response = TokenView.as_view()(request)
    token_requests.append([grant, response.status_code])
    return response


def me(request):
    """The toolkit's resource check, with the refusal of FastAPI."""
    valid, checked = get_oauthlib_core().verify_request(request, scopes=["email"])
    if not valid:
        return JsonResponse({"detail": "Not authenticated"}, status=401, headers={"WWW-Authenticate": "Bearer"})
    return JsonResponse({"id": checked.user.pk, "email": checked.user.email})


def list_requests(request):
    return JsonResponse(token_requests, safe=False)


def revoke(request):
    AccessToken.objects.update(expires=timezone.now())
    return HttpResponse(status=204)


def end(request):
    RefreshToken.objects.all().delete()
    return revoke(request)


urlpatterns = [
    path("auth/realms/<str:realm>/protocol/openid-connect/token", token),
    path("api/acme/users/me", me),
    path("requests", list_requests),
    path("revoke", revoke),
    path("end", end),
]


class Handler(WSGIRequestHandler):
    def log_message(self, *args):
        """Requests are not logged."""


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    User.objects.create_user("kari@acme.example", "kari@acme.example", "hemmelig &=+")
    Application.objects.create(
        client_id="frontend",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_PASSWORD,
        name="pixel",
    )
    with ThreadedWSGIServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.set_app(get_wsgi_application())
        print(server.server_port, flush=True)
        server.serve_forever()
