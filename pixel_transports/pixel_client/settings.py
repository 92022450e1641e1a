"""Settings, under the name that existing code imports."""

from pixel_transports.client.settings import PixelApiSettings

__all__ = ["PixelApiSettings"]
