"""`python -m pixel_transports.cli` is the command `pixel`.

Rules kept here:

* Nothing is done but to start it.
"""

from pixel_transports.cli import main

if __name__ == "__main__":
    main()
