"""Benchmarks: this library, its peers and its floors against one load server (`python -m tests.benchmarks`).

Ratios count, seconds do not: machines differ, and the clients of one run alternate on the same one.
"""
