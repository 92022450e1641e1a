"""Images and projects as geographic features, under the name that users know."""

from pixel_transports.display.features import Feature, Features, to_geojson

__all__ = ["Feature", "Features", "to_geojson"]
