"""Uploads and calls under faults, cancellation and kills, through a proxy with faults.

Rules kept here:

* Every run has a seed, and prints the command that repeats it.
* What is stored is read from the sandbox directly, not through the proxy.
* A short run of each program is a test; the long ones are commands.
"""
