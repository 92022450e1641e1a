"""Tests against software of others: proxies, HTTP servers and token endpoints that people really run."""
