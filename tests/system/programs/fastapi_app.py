"""FastAPI: an app with one async client, which uploads the photos that it receives.

    uvicorn fastapi_app:app

The client is opened and closed by the app's lifespan, and shared by all requests. Photos are kept in the folder of the
variable SPOOL until the service has them.
"""

# mypy: ignore-errors
# pyright: reportMissingImports=false

import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse
from pixel_client import PixelBadRequestError, PixelClientAsync, PixelError, PixelUploadFile, get_client

SPOOL = Path(os.environ["SPOOL"])


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with get_client(async_=True) as client:
        app.state.pixel = client
        yield


def pixel(request: Request) -> PixelClientAsync:
    return request.app.state.pixel


Pixel = Annotated[PixelClientAsync, Depends(pixel)]

app = FastAPI(lifespan=lifespan)


@app.exception_handler(PixelError)
def unavailable(request: Request, error: PixelError) -> JSONResponse:
    status = error.status_code if isinstance(error, PixelBadRequestError) else 502
    return JSONResponse({"detail": str(error).splitlines()[0]}, status)


@app.get("/projects/{project_id}")
async def get_project(project_id: int, client: Pixel):
    return await client.get_project(project_id)


@app.post("/projects/{project_id}/collections/{collection_id}/photos")
async def add_photo(project_id: int, collection_id: int, photo: UploadFile, client: Pixel) -> dict:
    folder = SPOOL / f"{project_id}-{collection_id}"
    folder.mkdir(exist_ok=True)
    path = folder / Path(photo.filename or "photo.jpg").name
    with path.open("wb") as file:
        shutil.copyfileobj(photo.file, file)
    events = []
    images, errors = await client.upload_multiple_images(
        project_id, collection_id, [PixelUploadFile(file=path)], listener=events.append
    )
    path.unlink()
    if errors:
        raise HTTPException(422, errors[0].detail)
    return {"id": images[0]["id"], "name": images[0]["name"], "uploads": sorted({each.upload_id for each in events})}
