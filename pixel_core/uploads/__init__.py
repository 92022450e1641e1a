"""Uploads: plans, requests to the object storage, and the engine that uploads many files at once."""

from pixel_core.uploads.engine import upload
from pixel_core.uploads.plans import FileSpec, HashedFile, PartSizing, PlannedFile, plan, plan_each
from pixel_core.uploads.requests import StorageRequest, storage_requests, whole
from pixel_core.uploads.stages import UploadService
from pixel_core.uploads.transfers import Transfer, TransferState

__all__ = [
    "FileSpec", "HashedFile", "PartSizing", "PlannedFile", "StorageRequest", "Transfer", "TransferState",
    "UploadService", "plan", "plan_each", "storage_requests", "upload", "whole",
]  # fmt: skip
