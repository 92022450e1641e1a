"""Uploads: plans, the requests to the object storage, and the engine that has many files on their way at once."""

from pixel_core.uploads.pipeline import Pipeline
from pixel_core.uploads.plans import Cutting, Hashed, Planned, Wanted, plan
from pixel_core.uploads.storing import Piece, pieces, whole
from pixel_core.uploads.transfers import Stage, Transfer

__all__ = [
    "Cutting",
    "Hashed",
    "Piece",
    "Pipeline",
    "Planned",
    "Stage",
    "Transfer",
    "Wanted",
    "pieces",
    "plan",
    "whole",
]
