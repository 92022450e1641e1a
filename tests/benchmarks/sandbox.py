"""`python -m tests.benchmarks.sandbox`: how fast the sandbox stores forms, parts and small files.

Rules kept here:

* The sandbox is a process of its own. The client is plain sockets in four threads that send one prepared content.
* The floor is a process that reads the same requests, computes the MD5 of the bodies and writes them to files.
* Rounds alternate; the rate is the median. The processor time is that of the server's process, for each MiB.
"""

import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from pixel_client import PixelApiSettings, PixelClient, get_client

from tests.benchmarks.scenarios import MIB

ROWS = {
    "forms of 8 MiB": ("form", 60, 8 * MIB),
    "parts of 8 MiB": ("part", 60, 8 * MIB),
    "forms of 60 kB": ("form", 2_000, 60_000),
}
"""Kind, number and size of what is stored, by name."""
CONNECTIONS = 4
_BOUNDARY = "a-boundary-of-the-benchmark"
_AREA = {"type": "Polygon", "coordinates": [[[5, 58], [6, 58], [6, 59], [5, 59], [5, 58]]]}


@contextmanager
def sandbox_process() -> Iterator[tuple[int, PixelApiSettings]]:
    """Run a sandbox. Yields its process id, and the settings of a client."""
    command = [sys.executable, "-m", "pixel_transports.sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "\n")
            yield process.pid, PixelApiSettings(**dict(line.rstrip().split("=", 1) for line in lines))
        finally:
            process.terminate()


def serve_floor() -> None:
    """Read, digest and write bodies until the connections end. The port is printed first."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    with tempfile.TemporaryDirectory() as folder:

        def serve(stream: socket.socket, connection: int) -> None:
            buffer, number = memoryview(bytearray(256 * 1024)), 0
            while head := stream.recv(8 * 1024):
                fields, _, body = head.partition(b"\r\n\r\n")
                missing = int(fields.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
                digest = hashlib.md5(body, usedforsecurity=False)
                with open(f"{folder}/{connection}-{number}", "xb", buffering=0) as file:
                    while missing and (count := stream.recv_into(buffer[: min(missing, len(buffer))])):
                        digest.update(buffer[:count])
                        file.write(buffer[:count])
                        missing -= count
                number += 1
                stream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        threads = [threading.Thread(target=serve, args=(listener.accept()[0], number)) for number in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def prepared(client: PixelClient, kind: str, count: int, md5: str, size: int) -> list[tuple[str, bytes, bytes]]:
    """Return the requests: target and header fields, what comes before the content, and what comes after it."""
    project = client.create_project("Benchmark", "Storage", _AREA)["id"]
    collection = client.create_data_collection(project, "Benchmark", "Storage", "image")["id"]
    jobs = f"/projects/{project}/data_collections/{collection}/upload_jobs/"
    if kind == "part":
        parts = [{"part_number": n + 1, "md5": md5, "content_length": size} for n in range(count)]
        file = {"name": "a.jpg", "parts": parts}
        (job,) = client.request("POST", f"{jobs}multipart", json={"files": [file]}).json()
        return [
            (f"PUT {_target(part['url'])} HTTP/1.1\r\nContent-MD5: {md5}\r\n", b"", b"") for part in job["upload_parts"]
        ]
    requests = []
    for number in range(count):
        files = [{"name": f"{number}.jpg", "md5": md5}]
        (job,) = client.request("POST", jobs, json={"files": files}).json()
        sections = [("name=" + name, text) for name, text in job["upload_fields"].items()]
        before = "\r\n".join(
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n\r\n{text}"
            for name, text in [*sections, ('name=file; filename="a.jpg"', "")]
        )
        head = f"POST {_target(job['url'])} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
        requests.append((head, before.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()))
    return requests


def _target(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def post(port: int, requests: Sequence[tuple[str, bytes, bytes]], content: bytes) -> float:
    """Send requests on several connections. Returns the seconds. Raises RuntimeError for a refusal."""
    todo, refused = iter(requests), []
    lock = threading.Lock()

    def run() -> None:
        with socket.create_connection(("127.0.0.1", port)) as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                with lock:
                    request = next(todo, None)
                if request is None:
                    return
                head, before, after = request
                size = len(before) + len(content) + len(after)
                fields = f"{head}Host: 127.0.0.1:{port}\r\nContent-Length: {size}\r\n\r\n"
                stream.sendall(fields.encode() + before)
                stream.sendall(content)
                stream.sendall(after)
                answer = stream.recv(64 * 1024)
                if not answer.startswith(b"HTTP/1.1 20"):
                    refused.append(answer)
                    return

    threads = [threading.Thread(target=run) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused:
        raise RuntimeError(refused[0].decode("latin-1"))
    return time.perf_counter() - started


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, count: int, size: int) -> tuple[float, float, float]:
    """Return the seconds of the sandbox, the processor time of its process, and the seconds of the floor."""
    content = b"\xff\xd8\xff" + os.urandom(size - 3)
    md5 = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    with sandbox_process() as (pid, settings):
        with get_client(settings=settings) as client:
            requests = prepared(client, kind, count, md5, size)
        before = processor_seconds(pid)
        port = int(settings.PIXEL_API_URL.split(":")[2].split("/")[0])
        seconds = post(port, requests, content)
        used = processor_seconds(pid) - before
    command = [sys.executable, "-m", "tests.benchmarks.sandbox", "--floor"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        floor = post(int(process.stdout.readline()), requests, content)
    return seconds, used, floor


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sandbox")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--divide", type=int, default=1, help="store so many times less")
    parser.add_argument("--floor", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.floor:
        serve_floor()
        return 0
    for name, (kind, count, size) in ROWS.items():
        count = max(count // options.divide, 1)
        found = [measure(kind, count, size) for _ in range(options.rounds)]
        seconds, used, floor = (median(each) for each in zip(*found, strict=True))
        mib = count * size / MIB
        print(
            f"{name}: {mib / seconds:5.0f} MiB/s, {count / seconds:5.0f}/s, {1000 * used / mib:5.2f} ms of processor "
            f"time for each MiB; {floor / seconds:.2f} of the floor"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
