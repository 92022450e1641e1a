"""Types of arguments, under the names that existing code imports."""

from pixel_core.models import AttachmentResourceType, DataCollectionType, OverviewResampling

__all__ = ["AttachmentResourceType", "DataCollectionType", "OverviewResampling"]
