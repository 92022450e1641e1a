"""The clients, their settings and `get_client`."""
