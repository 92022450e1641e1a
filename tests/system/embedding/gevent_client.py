"""gevent: the blocking client as it is, in as many greenlets as you like.

    python -m tests.system.embedding.gevent_client http://127.0.0.1:8000

Rules kept here:

* The patch comes before everything else is imported; then threads, locks, sockets and sleeps are gevent's.
* No driver is needed: one client serves all greenlets, which share its connections and its login.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402

from pixel_core.models import PixelUploadFile  # noqa: E402
from pixel_transports import PixelClient  # noqa: E402
from pixel_transports.sandbox import SAMPLE_AREA, sample_photos  # noqa: E402

GREENLETS = 50


def main(url: str) -> None:
    account = (f"{url}/auth", "Sandbox", "frontend", "demo@example.com", "demo")
    with PixelClient(f"{url}/api/sandbox", *account, journal=None) as client:
        greenlets = [gevent.spawn(client.me) for _ in range(GREENLETS)]
        gevent.joinall(greenlets, raise_error=True)
        print(f"{len(greenlets)} calls at once, as", greenlets[0].get()["email"])

        project = client.create_project("Greenlets", "Made by greenlets", SAMPLE_AREA)
        collection = client.create_data_collection(project["id"], "Photos", "Sent by greenlets", "image")
        files = [PixelUploadFile(file=path) for path in sample_photos()]
        upload = gevent.spawn(client.upload_multiple_images, project["id"], collection["id"], files)
        images, errors = upload.get()
        print(f"{len(images)} photos uploaded, {len(errors)} errors")
        print("projects:", *(each["name"] for each in client.list_projects()))


if __name__ == "__main__":
    main(sys.argv[1])
