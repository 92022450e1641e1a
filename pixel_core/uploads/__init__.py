"""Uploads: plans, the requests to the object storage, and the engine that has many files on their way at once."""

from pixel_core.uploads.engine import Pipeline
from pixel_core.uploads.plans import FileSpec, Hashed, PartSizing, Planned, plan
from pixel_core.uploads.requests import StorageRequest, storage_requests, whole
from pixel_core.uploads.transfers import Stage, Transfer

__all__ = [
    "FileSpec",
    "Hashed",
    "PartSizing",
    "Pipeline",
    "Planned",
    "Stage",
    "StorageRequest",
    "Transfer",
    "plan",
    "storage_requests",
    "whole",
]
