"""Benchmarks: this library, its peers and its floors against one load server (`python -m tests.benchmarks`).

Rules kept here:

* Ratios count, seconds do not: machines differ, and the clients of one run alternate on the same one.
* A client is measured in a process of its own, which holds nothing else.
"""
