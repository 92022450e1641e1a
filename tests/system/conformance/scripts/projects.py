"""A script as users of pixel-client have it: the blocking client, settings from a file, projects and collections."""

import sys
from pathlib import Path

from geojson_pydantic import Polygon
from pixel_client import DataCollectionListParams, ListParams, PixelApiSettings, get_client

AREA = Polygon(type="Polygon", coordinates=[[[5.5, 58.8], [5.9, 58.8], [5.9, 59.0], [5.5, 59.0], [5.5, 58.8]]])

settings = PixelApiSettings(_env_file=Path(sys.argv[1]) / "pixel.env")
print(settings.PIXEL_REALM, settings.PIXEL_CLIENT_ID, settings.PIXEL_USERNAME)

client = get_client(settings=settings)
print(client is get_client(settings=settings), client is get_client(True, settings))

outer = client.create_project("Kyst", "Alle flygninger", AREA, tags=["drone", "kyst"])
inner = client.create_project("Jæren", "Mai", AREA, parent_project_id=outer["id"])
for name, kind in (("Bilder", "image"), ("Ortofoto", "RGB"), ("Sky", "point_cloud")):
    client.create_data_collection(inner["id"], name, f"{name} fra mai", kind)

for project in client.list_projects(params=ListParams(tags=["drone"])):
    print(project["name"], project["description"], sorted(project["tags"]), project["area_of_interest"]["type"])
for collection in client.list_data_collections(inner["id"], data_collection_type="RGB"):
    print(collection["name"], collection["data_collection_type"])
for collection in client.list_data_collections(inner["id"], DataCollectionListParams(limit=2)):
    print(collection["name"])

client.update_project(inner["id"], name="Jæren 2", add_tags=["mai"])
client.move_project(inner["id"])
print(client.get_project(inner["id"])["name"], client.get_project(inner["id"])["parent_project_id"])
client.delete_project(inner["id"])
print([project["name"] for project in client.list_deleted_projects()])
print(client.restore_project(inner["id"])["name"])
