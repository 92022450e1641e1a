"""`python -m tests.benchmarks.delayed`: uploads where every answer comes 50 ms late, beside ten plain sockets.

Rules kept here:

* The plain sockets have their files hashed before the clock starts, and do nothing but send: what `aws s3 cp` or
  `rclone` could do at best with ten requests at a time. This library hashes, asks for its jobs and writes its journal
  within its time, which ends when the server learns that the files are finished.
* Runs alternate, each in a process of its own; medians are compared.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.clients.faces import FILES_AT_ONCE, declared, drive, hashed
from tests.benchmarks.clients.floors import RawSocket
from tests.benchmarks.clients.pixel import PixelAsync, PixelBlocking, PixelTrio, files_of
from tests.benchmarks.clients.run import run_on
from tests.benchmarks.scenarios import MIB, Environments, make_files, run_client
from tests.benchmarks.server import LoadServer, compile_server

CLIENTS = ("raw", "ours", "ours-async", "ours-trio")


def raw(api: str, paths: list[str]) -> float:
    """Ten plain sockets, hashed beforehand. Gives the seconds."""
    files = [hashed(path, None) for path in paths]
    sockets = [RawSocket(api) for _ in range(FILES_AT_ONCE)]
    started = time.monotonic()
    work: list[tuple[Any, Any]] = []
    for start in range(0, len(files), 200):
        some = files[start : start + 200]
        work += zip(some, drive(sockets[0].send(*declared(some, False))), strict=True)

    def send(sock: RawSocket) -> None:
        with suppress(IndexError):
            while True:
                parts, job = work.pop(0)
                drive(sock.form(job["url"], job["upload_fields"], parts[0]))

    with ThreadPoolExecutor(FILES_AT_ONCE) as threads:
        list(threads.map(send, sockets))
    return time.monotonic() - started


def ours(name: str, api: str, paths: list[str], journal: str) -> float:
    """This library. Gives the moment at which it began."""
    files, made = files_of(paths), {"ours": PixelBlocking, "ours-async": PixelAsync, "ours-trio": PixelTrio}[name]

    async def run() -> float:
        client = made(api, journal=journal, upload_max_concurrency=FILES_AT_ONCE)
        await client.call()
        started = time.monotonic()
        _, errors = await client.upload_files(files)
        assert not errors
        return started

    found: float = run_on(made.backend, run)
    return found


def measured(server: LoadServer, client: str, paths: list[str], work: str) -> float:
    """The seconds of one client, in a process of its own."""
    api = f"http://127.0.0.1:{server.ports[1]}/api"
    plan = {"api": api, "folder": paths[0].rpartition("/")[0], "journal": f"{work}/journal.sqlite"}
    server.reset()
    seconds: float = run_client(Environments(None, None), client, plan, "tests.benchmarks.delayed", "--child")
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
    if (plan := chosen.child) is not None:
        paths, client = sorted(str(path) for path in Path(plan["folder"]).iterdir()), plan["client"]
        print(raw(plan["api"], paths) if client == "raw" else ours(client, plan["api"], paths, plan["journal"]))
        return 0
    with tempfile.TemporaryDirectory() as work, LoadServer(compile_server(Path(work))) as server:
        folder = Path(work) / "files"
        folder.mkdir()
        paths = make_files(folder, chosen.files, chosen.size)
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
