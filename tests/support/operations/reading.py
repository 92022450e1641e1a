"""Makes the arguments of a case from JSON. Only the standard library is imported.

Tagged forms: `$model` (a model by name, with its values), `$path` (a file in the folder of the run), `$polygon` (its
coordinates), `$datetime` (ISO 8601), `$enum` (a member by name), `$number` (nan and inf, which JSON does not have),
`$server` (a path at the server).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any


class Reader:
    """Makes arguments from JSON. `named` finds a class by name, `polygon` makes a polygon from GeoJSON."""

    def __init__(
        self, folder: str, url: str, named: Callable[[str], Any], polygon: Callable[[dict[str, Any]], Any]
    ) -> None:
        self._folder = Path(folder)
        self._url = url
        self.named = named
        self._polygon = polygon

    def read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.read(each) for each in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"$model": name}:
                return self.named(name)(**self.read(value.get("values", {})))
            case {"$path": name}:
                return self._folder / name
            case {"$polygon": coordinates, **more}:
                return self._polygon({"type": "Polygon", "coordinates": coordinates, **more})
            case {"$datetime": text}:
                return datetime.fromisoformat(text)
            case {"$enum": text}:
                name, _, member = text.partition(".")
                return getattr(self.named(name), member)
            case {"$server": place}:
                return self._url + place
            case {"$number": text}:
                return float(text)
        return {name: self.read(each) for name, each in value.items()}
