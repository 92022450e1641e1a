"""The login by itself, under the name that existing code imports."""

from pixel_transports.client.auth import KeyCloakAuth

__all__ = ["KeyCloakAuth"]
