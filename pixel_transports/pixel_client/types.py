"""Types of arguments, under the names that existing code imports."""

from pixel_core.models import AttachmentResourceType, DataCollectionType, NameFrom, OverviewResampling

__all__ = ["AttachmentResourceType", "DataCollectionType", "NameFrom", "OverviewResampling"]
