"""The sandbox's page and the notebook in a headless browser."""
