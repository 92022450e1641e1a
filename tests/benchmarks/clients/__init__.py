"""The clients that are measured, and the process that runs one of them.

Rules kept here:

* A client is imported in its own process and nowhere else. What is not installed beside this library is imported by
  name, so that type checkers need not know it.
* All do the same work: the same requests with the same header fields, and every answer is decoded.
"""
