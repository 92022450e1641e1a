"""Runs the command `pixel`: `python -m pixel_transports.cli`."""

from pixel_transports.cli import main

if __name__ == "__main__":
    main()
