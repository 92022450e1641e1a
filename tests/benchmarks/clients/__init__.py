"""The clients that are measured, each imported in its own process only, and by name, and the process that runs one.

All do the same work: the same requests with the same header fields, and every answer is decoded.
"""
