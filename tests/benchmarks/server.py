"""The load server as a process: compiled from `server.c`, it ends when its standard input is closed."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

IMAGES = 20_000
"""How many images the load server lists."""

DELAY_MS = 50
"""How long each answer of its delayed port waits."""


class NoCompilerError(Exception):
    """There is no C compiler, so that the load server cannot be had."""


def compile_server(folder: Path) -> Path:
    """Compile the load server. Raises NoCompilerError, RuntimeError for a compiler that refuses."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("the load server is written in C, and there is no compiler: install cc, gcc or clang")
    program = folder / "load-server"
    command = [compiler, "-O2", "-o", str(program), str(Path(__file__).with_name("server.c"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{compiler} cannot compile the load server:\n{done.stderr[-2000:]}")
    return program


@dataclass(frozen=True)
class Finished:
    """What the load server saw since it was reset: times of `uploadFinished`, requests, and what was stored."""

    times_ns: Sequence[int]
    requests: int
    stored: int
    stored_bytes: int


class LoadServer:
    """A running load server. `ports[0]` is the plain one, the others are delayed."""

    def __init__(self, program: Path, *, cpu: int | None = None, ports: int = 2, images: int = IMAGES) -> None:
        command = [str(program), str(images), str(DELAY_MS), str(-1 if cpu is None else cpu), str(ports)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports = [int(port) for port in self._process.stdout.readline().split()]
        if len(self.ports) != ports:
            self.__exit__()
            raise RuntimeError("the load server did not start")

    def __enter__(self) -> "LoadServer":
        return self

    def __exit__(self, *error: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait(10)

    def _ask(self, path: str) -> Any:
        with closing(HTTPConnection("127.0.0.1", self.ports[0], timeout=10)) as connection:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())

    def reset(self) -> None:
        self._ask("/_load/reset")

    def finished(self) -> Finished:
        fields = self._ask("/_load/finished")
        return Finished(fields["finished"], fields["requests"], fields["stored"], fields["stored_bytes"])
