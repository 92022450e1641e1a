"""The server's side of a bucket: requests to the object storage, forms and URLs signed by the `Signer`."""

import time
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import quote
from xml.etree import ElementTree

from pixel_transports.sandbox.signatures import Signer

SECONDS = 3600.0
"""The life of a signature in seconds."""


class BucketError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class Bucket:
    """One bucket at `host` (host and port)."""

    def __init__(self, host: str, name: str, secret: str) -> None:
        self.signer = Signer(secret, name, SECONDS)
        self.url = f"http://{host}/{name}"
        self._host = host
        self._path = f"/{name}/"

    def form(self, key: str, digest: str, now: float | None = None) -> dict[str, str]:
        """The fields of a form, for a POST to `url`, that may store one object; signed at `now` (this moment)."""
        return self.signer.sign_form(key, digest, time.time() if now is None else now)

    def part(
        self, key: str, upload_id: str, number: int, digest: str, now: float | None = None
    ) -> tuple[str, dict[str, str]]:
        """The URL for the PUT of one part, and the headers that go with it."""
        headers = {"Content-MD5": digest}
        return self._signed("PUT", key, {"partNumber": str(number), "uploadId": upload_id}, headers, now), headers

    def _signed(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], now: float | None = None
    ) -> str:
        path = self._path + quote(key, safe="/")
        signed = {"host": self._host, **{name.lower(): value for name, value in headers.items()}}
        when = time.time() if now is None else now
        return f"http://{self._host}{path}?{self.signer.sign_query(method, path, query, signed, when)}"

    def begin(self, key: str) -> str:
        return _text(self._ask("POST", key, {"uploads": ""}), "UploadId")

    def complete(self, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Join the parts with these ETags by number. Raises BucketError when one is not there."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etags[number]}&quot;</ETag></Part>"
            for number in sorted(etags)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        self._ask("POST", key, {"uploadId": upload_id}, body.encode())

    def abort(self, key: str, upload_id: str) -> None:
        self._ask("DELETE", key, {"uploadId": upload_id})

    def exists(self, key: str) -> bool:
        try:
            self.read(key)
        except BucketError as error:
            if error.status == 404:
                return False
            raise
        return True

    def read(self, key: str) -> bytes:
        return self._ask("GET", key, {})

    def _ask(self, method: str, key: str, query: Mapping[str, str], body: bytes = b"") -> bytes:
        """The content of an answer that is a success."""
        url = self._signed(method, key, query, {})
        with closing(HTTPConnection(self._host, timeout=60)) as connection:
            connection.request(method, url.removeprefix(f"http://{self._host}"), body)
            response = connection.getresponse()
            content = response.read()
        if response.status >= 300:
            raise BucketError(response.status, _text(content, "Code") if content else "")
        return content


def _text(content: bytes, name: str) -> str:
    """The text of the first element with this name, in any namespace."""
    return ElementTree.fromstring(content).findtext(f".//{{*}}{name}") or ""
