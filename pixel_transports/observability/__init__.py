"""Logging, hooks and OpenTelemetry."""
