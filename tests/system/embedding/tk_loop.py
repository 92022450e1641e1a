"""`callback_loop.py` in the loop of Tk, here without a window, so that it runs where there is no screen.

    python -m tests.system.embedding.tk_loop http://127.0.0.1:8000

Rules kept here:

* Nothing but the loop differs. A program with a window has `tkinter.Tk()` in place of `tkinter.Tcl()`, and its own
  `mainloop()`.
"""

import sys
import tkinter
from collections.abc import Callable

from tests.system.embedding.callback_loop import main


class TkLoop:
    """What `callback_loop` asks of a loop, of Tk."""

    def __init__(self) -> None:
        self.root = tkinter.Tcl()
        self.running = True

    def after(self, ms: int, function: Callable[[], None]) -> None:
        self.root.after(ms, function)

    def watch(self, fd: int, function: Callable[[], None] | None) -> None:
        if function is None:
            self.root.deletefilehandler(fd)
        else:
            called = function
            self.root.createfilehandler(fd, tkinter.READABLE, lambda *_: called())

    def run(self) -> None:
        while self.running:
            self.root.dooneevent()

    def quit(self) -> None:
        self.running = False


if __name__ == "__main__":
    main(sys.argv[1], TkLoop())
