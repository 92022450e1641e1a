"""Uploads from many machines: shards, their runs, and a Dask cluster whose workers are killed."""
