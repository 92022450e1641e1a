"""Runs flows, and what the I/O rooms share: cancellation, forks, values per event loop, cached environment variables,
and missing extras.

Enters: a flow of the core and a function that performs effects. Leaves: the result of the flow, or its error.
Only `anyio` and the standard library are imported here, besides `pixel_core.effects`.
"""
