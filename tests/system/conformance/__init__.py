"""The reference client and this library, side by side."""
