"""A case: one call with its arguments, the requests that it sends, and the answers to them. Arguments are JSON with the
tagged forms of `reading.py`. In paths, 1 is a project; data collection 2 has images, 3 rasters, 4 point clouds. Only
the standard library is imported.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from tests.support.operations.answering import Answer, Script

DC, RASTERS, CLOUDS = 2, 3, 4
RING = [[[5, 58.8], [5.9, 58.8], [5.9, 59.0], [5, 59], [5, 58.8]]]
POLYGON = {"$polygon": RING}
BOXED = {"$polygon": [[[0, 0, 1], [1, 0, 1], [1, 1, 1.5], [0, 0, 1]]], "bbox": [0, 0, 1, 1, 1, 2]}
PART = 10_000
"""The part size of multipart uploads, in bytes: `big.tif` has three parts, the last one shorter."""

FILES = {
    "a.jpg": b"\xff\xd8\xff\xe0 a",
    "a.jgw": b"1.0\n0.0\n",
    "a.prj": b'GEOGCS["WGS 84"]',
    "b.jpg": b"\xff\xd8\xff\xe0 bb",
    "bad.jpg": b"no picture",
    "empty.jpg": b"",
    "blå himmel.jpg": b"\xff\xd8\xff\xe0 bl\xc3\xa5",
    "big.tif": bytes(range(256)) * 98,
    "even.tif": bytes(2 * PART),
    "a.tif": b"II*\x00 a",
    "a.tfw": b"2.0\n",
    "a.laz": b"LASF a",
    "b.laz": b"LASF bb",
    "notes.txt": "æøå\r\n".encode(),
    "other/a.jpg": b"\xff\xd8\xff\xe0 of the same name",
}
"""The files that cases name, by path in the folder of the run."""


def md5(name: str) -> str:
    """Return the Content-MD5 of a file (RFC 1864)."""
    return b64encode(hashlib.md5(FILES[name], usedforsecurity=False).digest()).decode()


def write_files(folder: Path) -> None:
    """Put the files where a run finds them."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


Sent: TypeAlias = str | tuple[str, Any]
"""An expected request: "METHOD target", or that with the JSON of its body. Targets are relative to the API."""


@dataclass(frozen=True)
class Case:
    """A call of `method` with `args` and `kwargs`. Documented differences to the reference refer to its name.

    `requests` are the requests that it sends, where the table lists them. `result` is what it returns after none or
    several of them, `error` the class of the error that it raises instead. `take` is the number of items taken from a
    listing (None: all). A `fresh` case has a client of its own.
    """

    method: str
    label: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    script: Script = Script()
    requests: tuple[Sent, ...] | None = None
    result: Any = None
    error: str | None = None
    take: int | None = None
    fresh: bool = False

    @property
    def name(self) -> str:
        return f"{self.method}/{self.label}"

    def answered(self, *answers: Answer) -> "Case":
        return self.at(answers=answers)

    def at(self, **script: Any) -> "Case":
        return replace(self, script=replace(self.script, **script))

    def but(self, **options: Any) -> "Case":
        return replace(self, **options)

    def sends(self, *requests: Sent) -> "Case":
        return replace(self, requests=requests)

    def sends_input(self, label: str, **more: Any) -> "Case":
        """Send the last argument as it is, with `more` fields (defaults, for example)."""
        body = untagged([*self.args, *self.kwargs.values()][-1])
        return self.sends((label, {**body, **more}))

    def returns(self, result: Any) -> "Case":
        return replace(self, result=result)

    def raises(self, error: str) -> "Case":
        """Nothing is sent, and this error is raised."""
        return replace(self, requests=(), error=error)

    def plan(self) -> dict[str, Any]:
        """Return the JSON from which a process runs the case."""
        call = {"method": self.method, "args": list(self.args), "kwargs": self.kwargs, "take": self.take}
        return {**call, "fresh": self.fresh, "items": self.method.startswith("paginate_")}


def untagged(value: Any) -> Any:
    """Return the values of models and polygons without their tags."""
    if isinstance(value, list):
        return [untagged(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$polygon" in value:
        return {"type": "Polygon", "coordinates": value["$polygon"], **{k: v for k, v in value.items() if k == "bbox"}}
    return {name: untagged(each) for name, each in value.get("values", value).items()}


class Method:
    """Makes the cases of a method. All begin with the `leading` arguments."""

    def __init__(self, method: str, *leading: Any) -> None:
        self.method = method
        self.leading = leading

    def __call__(self, label: str, /, *args: Any, **kwargs: Any) -> Case:
        return Case(self.method, label, (*self.leading, *args), kwargs)


def model(name: str, /, **values: Any) -> dict[str, Any]:
    return {"$model": name, "values": values}


def path(name: str) -> dict[str, Any]:
    return {"$path": name}


def paths(*names: str) -> list[dict[str, Any]]:
    return [path(name) for name in names]


def instant(text: str) -> dict[str, Any]:
    return {"$datetime": text}


def upload_file(name: str, /, **values: Any) -> dict[str, Any]:
    return model("PixelUploadFile", file=path(name), **values)
