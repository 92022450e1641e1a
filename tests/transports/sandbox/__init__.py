"""Tests of the local Pixel."""
