"""Uploads and calls under faults, cancellation and kills, through a proxy with faults. A run has a seed."""
