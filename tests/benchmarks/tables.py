"""Tables: what was measured, and which of the targets were reached.

Rules kept here:

* Medians, with the least and the most beside them. A ratio is that of two medians of one run.
* A target is (what is compared, at least or at most, how much, the measure); what was not measured is said to be so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from statistics import median
from typing import Any

from tests.benchmarks.scenarios import MIB, Figures, Scenario


@dataclass
class Results:
    """All that one run of the command measured."""

    figures: dict[str, dict[str, Figures]] = field(default_factory=dict)
    imports: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    first_answers: dict[str, list[float]] = field(default_factory=dict)
    cached: dict[str, list[float]] = field(default_factory=dict)
    layers: dict[str, float] = field(default_factory=dict)
    growth: dict[str, Any] = field(default_factory=dict)

    def of(self, scenario: str, client: str, name: str = "rates") -> float:
        """A median, NaN where it was not measured."""
        found = self.figures.get(scenario, {}).get(client)
        return float("nan") if found is None else found.middle(name)

    def ratio(self, scenario: str, client: str, other: str, name: str = "rates") -> float:
        return self.of(scenario, client, name) / self.of(scenario, other, name)


def _middle(values: Mapping[str, Sequence[float]], client: str) -> float:
    return median(values[client]) if values.get(client) else float("nan")


def lines_of(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows under one another; the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def _number(value: float) -> str:
    if isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _floor_of(client: str, known: Mapping[str, Figures]) -> str:
    if client in ("raw", "h11", "h11-one-thread"):
        return "raw"
    floor = "h11-anyio-trio" if "trio" in client else "h11-anyio" if client.endswith("async") else "h11"
    return "h11-anyio" if client == "aiohttp" and "h11-anyio" in known else floor if floor in known else "raw"


def scenario_table(scenario: Scenario, figures: Mapping[str, Figures]) -> list[str]:
    """A scenario's figures: its rate, ratios, computed time, and peak memory."""
    head = ["", scenario.unit, "least", "most", "of raw", "of its floor", "cpu us each", "seconds", "peak MiB", "+MiB"]
    rows = [head]
    troubles = []
    for client, found in figures.items():
        if not found.rates:
            troubles.append(f"{client}: {found.trouble}")
            continue
        rate = found.middle("rates")
        floors = [figures[name].middle("rates") for name in ("raw", _floor_of(client, figures)) if name in figures]
        ratios = [_number(rate / floor) for floor in floors] + ["-"] * (2 - len(floors))
        rates = map(_number, (rate, min(found.rates), max(found.rates)))
        spent = [_number(found.middle("cpu_each") * 1e6), f"{found.middle('totals'):.2f}"]
        memory = [_number(found.middle(name) / MIB) for name in ("peaks", "growths")]
        rows.append([client, *rates, *ratios, *spent, *memory])
    return [f"== {scenario.name}: {scenario.title}", *lines_of(rows), *troubles]


def seconds_table(
    title: str, found: Mapping[str, Sequence[float]], more: Mapping[str, Sequence[float]] | None = None
) -> list[str]:
    rows = [["", "ms", "least", "most", "of reference", "modules"]]
    reference = _middle(found, "reference")
    for client, seconds in found.items():
        middle = median(seconds)
        modules = _number(median(more[client])) if more else "-"
        times = [f"{1000 * each:.3g}" for each in (middle, min(seconds), max(seconds))]
        rows.append([client, *times, _number(middle / reference), modules])
    return [f"== {title}", *lines_of(rows)]


def growth_table(growth: Mapping[str, Any]) -> list[str]:
    titles = {"made": "calls made", "idle": "idle connections", "waiting": "waiting for one connection"}
    lines = ["== growth: calls a computed second, by"]
    for face, curves in growth.items():
        for name, title in titles.items():
            points = "   ".join(f"{count:,}: {rate:,.0f}" for count, rate in curves[name])
            lines.append(f"{title}, {face}:  {points}")
    return lines


@dataclass(frozen=True)
class Target:
    """A row of what must be shown. `beyond` is where it would be better still."""

    scenario: str
    what: str
    at_least: bool
    limit: float
    measured: Callable[[Results], float]
    beyond: float | None = None

    def row(self, results: Results) -> list[str]:
        value = self.measured(results)
        sign, reached = (">=", value.__ge__) if self.at_least else ("<=", value.__le__)
        verdict = "not measured" if isnan(value) else "reached" if reached(self.limit) else "NOT REACHED"
        if self.beyond is not None and reached(self.beyond):
            verdict = "beyond"
        beyond = "" if self.beyond is None else f"{self.beyond:g}"
        return [f"{self.scenario}: {self.what}", f"{sign} {self.limit:g}", beyond, _number(value), verdict]


_FIRST_POINT = {"made": 2, "idle": 0, "waiting": 1}
"""Where a curve begins: after the first hundred calls, without idle connections, with the first that wait (who have
threads or tasks to switch between, which a single one has not)."""


def _flattest(results: Results, curve: str) -> float:
    """The slowest point of a curve over its first, on the worse face."""
    rates = [[rate for _, rate in curves[curve]][_FIRST_POINT[curve] :] for curves in results.growth.values()]
    return min((min(each) / each[0] for each in rates if each), default=float("nan"))


def _ratio(comparison: str, name: str = "rates") -> Callable[[Results], float]:
    """A ratio of two medians, from `scenario: client / other`."""
    scenario, client, _, other = comparison.replace(":", "").split()
    return lambda results: results.ratio(scenario, client, other, name)


def _peak(scenario: str) -> Callable[[Results], float]:
    def worst(results: Results) -> float:
        known = [results.of(scenario, client, "peaks") for client in ("ours", "ours-async")]
        return max(known) / MIB if not any(map(isnan, known)) else float("nan")

    return worst


def _of_reference(found: Mapping[str, Sequence[float]]) -> float:
    return _middle(found, "ours") / _middle(found, "reference")


def _imports(results: Results) -> float:
    return _of_reference({name: each["seconds"] for name, each in results.imports.items()})


def _flow(results: Results) -> float:
    return 1e6 * results.layers.get("flow and session", float("nan"))


def _uploads(name: str, floor: float, beyond: float | None, faster: float, memory: float) -> Iterator[Target]:
    faces = {"blocking": ("ours", "reference"), "async": ("ours-async", "reference-async")}
    for face, (client, _) in faces.items():
        yield Target(name, f"of raw_copy, {face}", True, floor, _ratio(f"{name}: {client} / raw"), beyond)
    for face, (client, other) in faces.items():
        times = _ratio(f"{name}: {other} / {client}", "totals")
        yield Target(name, f"end to end, times pixel-client, {face}", True, faster, times)
    yield Target(name, "peak MiB, the larger of both faces", False, memory, _peak(name))


TARGETS = [
    Target("calls, blocking", "of h11", True, 0.7, _ratio("calls: ours / h11"), 0.85),
    Target("calls, blocking", "times pixel-client", True, 4, _ratio("calls: ours / reference")),
    Target("calls, blocking", "times urllib3", True, 1, _ratio("calls: ours / urllib3")),
    Target("calls, async", "of h11 on anyio", True, 0.75, _ratio("calls: ours-async / h11-anyio"), 0.9),
    Target("calls, async", "times pixel-client", True, 2.8, _ratio("calls: ours-async / reference-async")),
    Target("calls, async", "of aiohttp (beyond only)", True, 0, _ratio("calls: ours-async / aiohttp"), 1),
    Target("at_once, blocking", "of h11 in as many threads", True, 0.65, _ratio("at_once: ours / h11")),
    Target("at_once, blocking", "times urllib3", True, 1, _ratio("at_once: ours / urllib3")),
    Target("at_once, async", "of h11 on anyio", True, 0.75, _ratio("at_once: ours-async / h11-anyio")),
    Target("at_once, async", "times pixel-client", True, 9, _ratio("at_once: ours-async / reference-async")),
    Target("at_once, async", "of aiohttp (beyond only)", True, 0, _ratio("at_once: ours-async / aiohttp"), 0.8),
    Target("pages", "of raw with json.loads, blocking", True, 1, _ratio("pages: ours / raw")),
    Target("pages", "of raw with json.loads, async", True, 1, _ratio("pages: ours-async / raw")),
    Target("delayed_pages", "times a sequential pager, blocking", True, 3, _ratio("delayed_pages: ours / raw")),
    Target("delayed_pages", "times a sequential pager, async", True, 3, _ratio("delayed_pages: ours-async / raw")),
    *_uploads("upload_single", 0.9, None, 3.5, 60),
    *_uploads("upload_multipart", 1.0, 1.2, 3.5, 80),
    *_uploads("upload_many", 0.9, None, 5, 60),
    Target("layers", "us a call of flow and session", False, 12, _flow, 6),
    Target("import", "of pixel-client", False, 0.4, _imports),
    Target("first_answer", "of pixel-client", False, 0.6, lambda results: _of_reference(results.first_answers)),
    Target("cached_client", "of pixel-client", False, 0.2, lambda results: _of_reference(results.cached)),
    Target("growth", "slowest of first, by calls made", True, 0.8, lambda results: _flattest(results, "made")),
    Target("growth", "slowest of first, by idle connections", True, 0.8, lambda results: _flattest(results, "idle")),
    Target("growth", "slowest of first, by waiters", True, 0.8, lambda results: _flattest(results, "waiting")),
]


def targets_table(results: Results) -> list[str]:
    rows = [["", "target", "beyond", "measured", ""], *(target.row(results) for target in TARGETS)]
    return ["== what must be shown", *lines_of(rows)]
