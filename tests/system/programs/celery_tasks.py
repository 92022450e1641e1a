"""Celery: tasks that upload, in a worker of processes, and a program that sends them.

    celery --app celery_tasks worker
    python celery_tasks.py FOLDER PROJECT_ID COLLECTION_ID

A task gets the client as an argument: it is pickled, and each process of the worker has one, with one login. Errors of
the library are pickled too, so that the program that waits for a task gets them as they were raised. Broker and results
are files in the folder of the variable QUEUE.
"""

# mypy: ignore-errors
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false

import os
import sys
from pathlib import Path

from celery import Celery, group
from pixel_client import PixelBadRequestError, PixelClient, PixelNotFoundError, PixelUploadFile, get_client

QUEUE = Path(os.environ["QUEUE"])
for name in ("messages", "control", "results"):
    (QUEUE / name).mkdir(exist_ok=True)

app = Celery("celery_tasks", broker="filesystem://", backend=(QUEUE / "results").as_uri())
app.conf.update(
    broker_transport_options={
        "data_folder_in": QUEUE / "messages",
        "data_folder_out": QUEUE / "messages",
        "control_folder": QUEUE / "control",
    },
    task_serializer="pickle",
    result_serializer="pickle",
    accept_content=["json", "pickle"],
)


@app.task
def upload(client: PixelClient, project_id: int, collection_id: int, paths: list[Path]) -> tuple[int, list[str], list]:
    files = [PixelUploadFile(file=path) for path in paths]
    images, errors = client.upload_multiple_images(project_id, collection_id, files)
    return os.getpid(), [image["name"] for image in images], errors


@app.task(autoretry_for=(PixelNotFoundError,), max_retries=1, default_retry_delay=0)
def name_of(client: PixelClient, project_id: int) -> str:
    return client.get_project(project_id)["name"]


@app.task(serializer="json")
def name_by_settings(project_id: int) -> str:
    return get_client().get_project(project_id)["name"]


def main(folder: Path, project_id: int, collection_id: int) -> None:
    client = get_client()
    paths = sorted(folder.iterdir())
    halves = [paths[::2], paths[1::2]]
    results = group(upload.s(client, project_id, collection_id, half) for half in halves)().get(timeout=60)
    names = [name for _, names, _ in results for name in names]
    print(f"{len(names)} photos in {len({process for process, _, _ in results})} processes")
    for _, _, errors in results:
        for error in errors:
            print(f"{type(error).__name__}: {Path(error.file).name} is {error.status}")
    print(
        "project:",
        name_of.delay(client, project_id).get(timeout=60),
        name_by_settings.delay(project_id).get(timeout=60),
    )
    try:
        name_of.delay(client, 0).get(timeout=60)
    except PixelBadRequestError as error:
        print(f"{type(error).__name__}: {error.status_code} for {error.method}, {bool(error.request_id)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
