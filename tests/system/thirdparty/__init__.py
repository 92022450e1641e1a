"""Tests against other people's software: proxies, HTTP servers and token endpoints."""
