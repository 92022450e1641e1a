"""Request schemas of projects and data collections.

Rules kept here:

* An area is a polygon of RFC 7946 within the bounds of longitude and latitude.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pixel_transports.sandbox.schemas import ListQuery, Name, Schema, Tags

CollectionType = Literal["image", "raster", "RGB", "DTM", "DSM", "point_cloud"]


class CollectionListQuery(ListQuery):
    data_collection_type: CollectionType | None = None


class ProjectMoveQuery(Schema):
    new_parent_id: int


class CollectionMoveQuery(Schema):
    new_project_id: int


class ResourceMoveQuery(Schema):
    new_project_id: int
    new_data_collection_id: int


class ResourceMoveBody(Schema):
    new_data_collection_id: int


Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Position = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]


class Polygon(Schema):
    """A GeoJSON polygon (RFC 7946, section 3.1.6): closed rings of four or more positions, the outer one first."""

    type: Literal["Polygon"]
    coordinates: list[list[Position]] = Field(min_length=1)
    bbox: list[float] | None = None

    @model_validator(mode="after")
    def _rings_closed(self) -> Self:
        for ring in self.coordinates:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise ValueError("a ring of a polygon has four or more positions, and ends where it starts")
        return self


class ProjectBody(Schema):
    name: Name
    description: str
    area_of_interest: Polygon
    parent_project_id: int | None = None
    tags: Tags = Field(default_factory=list)


class ProjectChange(Schema):
    name: Name | None = None
    description: str | None = None
    area_of_interest: Polygon | None = None
    add_tags: Tags = Field(default_factory=list)
    remove_tags: Tags = Field(default_factory=list)


class RasterInfo(Schema):
    srid: int | None = None
    format: str | None = None
    data_type: str | None = None
    cell_size: tuple[float, float] | None = None
    num_bands: int | None = None


class DataCollectionBody(Schema):
    name: Name
    description: str
    data_collection_type: CollectionType
    tags: Tags = Field(default_factory=list)
    raster_info: RasterInfo | None = None


class DataCollectionChange(Schema):
    name: Name | None = None
    description: str | None = None
    add_tags: Tags = Field(default_factory=list)
    remove_tags: Tags = Field(default_factory=list)
