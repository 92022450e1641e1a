"""The same uploads against an object storage that others wrote: MinIO's S3 gateway."""
