"""A script as users of pixel-client have it: errors, and how they are caught and printed."""

import sys
from pathlib import Path

from pixel_client import OIDCUserCreateInput, PixelApiSettings, PixelClient, PixelUploadFile, get_client
from pixel_client.exceptions import PixelBadRequestError, PixelUploadJobError
from pixel_client.settings import PixelApiSettings as Settings
from pydantic import ValidationError

print(Settings is PixelApiSettings)
settings = PixelApiSettings.from_env_file(Path(sys.argv[1]) / "pixel.env")
client = get_client(settings=settings)
print(isinstance(client, PixelClient))

try:
    client.get_project(4711)
except PixelBadRequestError as error:
    print(error.status_code, error.method, error.url.rpartition("/api")[2], repr(error.body), error.json_resp_msg)
    print(str(error).startswith("Bad request 404 for GET http"))

try:
    client.update_project(4711)
except ValueError as error:
    print("ValueError", str(error).split(":")[0])

try:
    OIDCUserCreateInput(first_name="Kari", last_name="Ås", email="kari", password="x", user_type="viewer")
except ValidationError as error:
    print([(found["type"], found["loc"]) for found in error.errors()])

try:
    client.list_projects(limit="many")
except ValidationError as error:
    print([(found["type"], found["loc"]) for found in error.errors()])

area = {"type": "Polygon", "coordinates": [[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]]}
folder = Path(sys.argv[1])
try:
    from geojson_pydantic import Polygon

    project = client.create_project("Kyst", "d", Polygon(**area))
    collection = client.create_data_collection(project["id"], "Bilder", "d", "image")
    empty = folder / "not-a-picture.txt"
    empty.write_bytes(b"words")
    client.upload_image(project["id"], collection["id"], empty)
except PixelUploadJobError as error:
    print(error.status, error.detail)

try:
    client.upload_raster(project["id"], collection["id"], empty)
except ValueError as error:
    print(str(error).split(":")[0])

try:
    client.upload_image(project["id"], collection["id"], folder / "nowhere.jpg")
except FileNotFoundError as error:
    print("FileNotFoundError", "nowhere.jpg" in str(error))

try:
    client.upload_multiple_images(project["id"], collection["id"], [PixelUploadFile(file=empty)] * 2)
except ValueError as error:
    print(str(error).split(":")[0])
