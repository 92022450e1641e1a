"""Drivers: perform the effects of flows, blocking and async."""
