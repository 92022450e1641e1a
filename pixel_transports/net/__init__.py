"""Sockets, TLS and event loops, and what a transport is."""
