"""`python -m tests.benchmarks.delayed`: uploads where every answer comes 50 ms late, beside ten plain sockets.

Rules kept here:

* The plain sockets have their files hashed before the clock starts, and do nothing but send: what `aws s3 cp` or
  `rclone` could do at best with ten requests at a time. This library hashes, asks for its jobs and writes its journal
  within its time, which ends when the server learns that the files are finished.
* Runs alternate, each in a process of its own; medians are compared.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import median
from typing import Any

from tests.benchmarks.clients.faces import creation_path, declaration, hashed
from tests.benchmarks.clients.floors import RawSocket
from tests.benchmarks.server import LoadServer, compile_server
from tests.support.paths import ROOT

MIB = 1024 * 1024
AT_ONCE = 10
CLIENTS = ("raw", "ours", "ours-async", "ours-trio")


def raw(api: str, paths: list[str]) -> float:
    """Ten plain sockets, hashed beforehand. Gives the seconds."""
    files = {path: hashed(path, None) for path in paths}
    sockets = [RawSocket(api) for _ in range(AT_ONCE)]
    work: SimpleQueue[tuple[Any, Any]] = SimpleQueue()
    started = time.monotonic()

    def send(sock: RawSocket) -> None:
        while True:
            try:
                parts, job = work.get_nowait()
            except Empty:
                return
            sock._form(job["url"], job["upload_fields"], parts[0])

    for start in range(0, len(paths), 200):
        some = {path: files[path] for path in paths[start : start + 200]}
        jobs = sockets[0]._send("POST", creation_path(False), declaration(some, False))
        for pair in zip(some.values(), jobs, strict=True):
            work.put(pair)
    threads = [threading.Thread(target=send, args=(sock,)) for sock in sockets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - started


def ours(client: str, paths: list[str], journal: str) -> float:
    """This library. Gives the moment at which it began."""
    import anyio
    from pixel_client import PixelUploadFile, get_client

    files = [PixelUploadFile(file=Path(path)) for path in paths]

    async def run() -> float:
        client = get_client(True, journal=journal, upload_max_concurrency=AT_ONCE)
        await client.me()
        started = time.monotonic()
        _, errors = await client.upload_multiple_images(1, 2, files)
        assert not errors
        return started

    if client == "ours-async":
        return asyncio.run(run())
    if client == "ours-trio":
        return anyio.run(run, backend="trio")
    with get_client(journal=journal, upload_max_concurrency=AT_ONCE) as blocking:
        blocking.me()
        started = time.monotonic()
        _, errors = blocking.upload_multiple_images(1, 2, files)
        assert not errors
        return started


def measured(server: LoadServer, client: str, paths: list[str], work: str) -> float:
    """The seconds of one client, in a process of its own."""
    api = f"http://127.0.0.1:{server.ports[1]}/api"
    plan = json.dumps([client, api, paths[0].rpartition("/")[0], f"{work}/journal.sqlite"])
    environment = {
        **os.environ,
        "PIXEL_USERNAME": "demo@example.com",
        "PIXEL_PASSWORD": "demo",
        "PIXEL_TENANT": "sandbox",
        "PIXEL_API_URL": api,
        "PIXEL_AUTH_SERVER_URL": api.replace("/api", "/auth"),
    }
    server.reset()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.delayed", "--child", plan],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
        cwd=ROOT,
    )
    seconds = float(done.stdout)
    finished = server.finished()
    if finished.stored != len(paths):
        raise RuntimeError(f"{client} stored {finished.stored} of {len(paths)} files")
    return seconds if client == "raw" else finished.times_ns[-1] / 1e9 - seconds


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says. Gives the exit status: 0 when all are within a tenth of the plain sockets."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.delayed", description=__doc__)
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--size", type=int, default=2 * MIB, help="bytes")
    chosen = parser.parse_args(arguments)
    if chosen.child is not None:
        client, api, folder, journal = chosen.child
        paths = sorted(str(path) for path in Path(folder).iterdir())
        print(raw(api, paths) if client == "raw" else ours(client, paths, journal))
        return 0
    with tempfile.TemporaryDirectory() as work, LoadServer(compile_server(Path(work))) as server:
        folder = Path(work) / "files"
        folder.mkdir()
        content = os.urandom(chosen.size)
        for number in range(chosen.files):
            (folder / f"{number:06}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + number.to_bytes(4, "big") + content[8:])
        paths = sorted(str(path) for path in folder.iterdir())
        seconds: dict[str, list[float]] = {client: [] for client in CLIENTS}
        for _ in range(chosen.rounds):
            for client in CLIENTS:
                seconds[client].append(measured(server, client, paths, work))
    floor = median(seconds["raw"])
    for client, found in seconds.items():
        print(
            f"{client:12} {median(found):7.2f} s ({min(found):.2f}..{max(found):.2f})  "
            f"{chosen.files * chosen.size / MIB / median(found):6.0f} MiB/s  {floor / median(found):.2f} of raw"
        )
    return 0 if all(floor / median(found) >= 0.9 for found in seconds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
