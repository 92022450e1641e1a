"""PySide6: a window with a progress bar and a button; a worker thread uploads with the blocking client.

    python qt_window.py FOLDER PROJECT_ID COLLECTION_ID

The listener runs in the threads of the upload. It emits a signal, and Qt delivers that to the thread of the window. The
button sets the event that cancels the upload. Another click continues it.
"""

# mypy: ignore-errors
# pyright: reportMissingImports=false

import sys
import threading
from pathlib import Path

from pixel_client import PixelCancelledError, PixelError, PixelUploadFile, get_client
from PySide6.QtCore import QThread, Signal
from PySide6.QtWidgets import QApplication, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from pixel_core import UploadProgress


class Worker(QThread):
    """One upload."""

    progress = Signal(object)
    ended = Signal(str)

    def __init__(self, folder: Path, project_id: int, collection_id: int) -> None:
        super().__init__()
        self._files = [PixelUploadFile(file=path) for path in sorted(folder.iterdir())]
        self._ids = project_id, collection_id
        self._stop = threading.Event()

    def cancel(self) -> None:
        self._stop.set()

    def run(self) -> None:
        try:
            images, errors = get_client().upload_multiple_images(
                *self._ids, self._files, listener=self.progress.emit, cancel=self._stop
            )
            self.ended.emit(f"uploaded {len(images)} photos, {len(errors)} errors")
        except PixelCancelledError as error:
            self.ended.emit(f"cancelled after {error.done} of {error.total}")
        except PixelError as error:
            self.ended.emit(f"failed: {error}")


class Window(QWidget):
    ended = Signal(str)

    def __init__(self, folder: Path, project_id: int, collection_id: int) -> None:
        super().__init__()
        self._arguments = folder, project_id, collection_id
        self._worker: Worker | None = None
        self.bar, self.label = QProgressBar(maximum=1000), QLabel("ready")
        self.button = QPushButton("Upload")
        self.button.clicked.connect(self.toggle)
        layout = QVBoxLayout(self)
        for each in (self.bar, self.label, self.button):
            layout.addWidget(each)

    def toggle(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            return
        self._worker = Worker(*self._arguments)
        self._worker.progress.connect(self.show_progress)
        self._worker.ended.connect(self.show_end)
        self._worker.start()
        self.button.setText("Cancel")

    def show_progress(self, event: object) -> None:
        assert QThread.currentThread() is self.thread(), "Qt delivers the signal in the thread of the window"
        if isinstance(event, UploadProgress):
            self.bar.setValue(1000 * event.sent // max(1, event.total))

    def show_end(self, text: str) -> None:
        if self._worker is not None:
            self._worker.wait()
        self._worker = None
        self.label.setText(text)
        self.button.setText("Upload")
        self.ended.emit(text)


def main(folder: Path, project_id: int, collection_id: int) -> int:
    """Show the window, and click like a user: start, cancel once all is sent, start again."""
    app = QApplication(sys.argv)
    window = Window(folder, project_id, collection_id)
    shown: list[str] = []

    def click_when_all_is_sent(value: int) -> None:
        if value == 1000 and not shown:
            window.button.click()

    def click_again_or_quit(text: str) -> None:
        print(text, flush=True)
        shown.append(text)
        if len(shown) == 1:
            window.button.click()
        else:
            app.quit()

    window.bar.valueChanged.connect(click_when_all_is_sent)
    window.ended.connect(click_again_or_quit)
    window.show()
    window.button.click()
    with get_client():
        return app.exec()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
