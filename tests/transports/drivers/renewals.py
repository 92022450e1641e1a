"""Many calls at a time with tokens that live for a second: each token is renewed once, and no call fails.

    python -m tests.transports.drivers.renewals --seconds 60 --face trio

Rules kept here:

* A renewal has a reason: the life of the token before it was over (a tenth of it early), or the API refused it. Each
  token's life is measured from when it was asked for, so `seconds / 0.9 + refused` is the most there can be, on however
  slow a machine.
* A refresh token is used once, and the password once in all: two renewals for one expiry would show there.
"""

import argparse
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from pixel_core.messages import Headers, Origin, Response, Timeouts
from pixel_transports.client.settings import PixelApiSettings
from pixel_transports.sandbox import Sandbox, SandboxServer
from pixel_transports.sandbox.incoming import Content
from tests.support.callers import client_of

TOKEN_SECONDS = 1.0
RENEWED_AFTER = 0.9 * TOKEN_SECONDS
"""A tenth of a short life early, as `pixel_core.session.tokens` has it."""

LEAST = 2
"""Calls of each task or thread at the least, on however slow a machine."""

LIMITS = Timeouts(60.0, 60.0, 60.0, 60.0)
"""That a slow machine needs long for 200 calls is no failure."""


class CountingSandbox(Sandbox):
    """A sandbox that remembers what happened to tokens."""

    def __init__(self) -> None:
        super().__init__(token_seconds=TOKEN_SECONDS)
        self.counts, self.refresh_tokens = Counter[str](), Counter[str]()
        self.refused: set[str] = set()
        self._counting = threading.Lock()

    def handle(self, method: str, origin: Origin, target: str, headers: Headers, content: Content) -> Response:
        response = super().handle(method, origin, target, headers, content)
        with self._counting:
            if target.startswith(self.auth_path):
                form = parse_qs(bytes(content).decode())
                self.counts[f"{form['grant_type'][0]} {response.status}"] += 1
                self.refresh_tokens.update(form.get("refresh_token", ()))
            else:
                self.counts[f"call {response.status}"] += 1
                if response.status == 401:
                    self.refused.add(headers.get("Authorization", ""))
        return response

    def figures(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "refused": len(self.refused),
            "refresh_tokens_used_again": sum(count > 1 for count in self.refresh_tokens.values()),
        }


def serve() -> None:
    """Say where the sandbox is, and, once the input ends, what it counted."""
    with SandboxServer(CountingSandbox()) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        assert isinstance(server.sandbox, CountingSandbox)
        print(json.dumps(server.sandbox.figures()), flush=True)


@dataclass
class Figures:
    """What the callers saw, and what the sandbox did."""

    face: str
    calls: int
    seconds: float = 0.0
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    server: dict[str, Any] = field(default_factory=dict)

    @property
    def renewals(self) -> int:
        return int(self.server["counts"].get("refresh_token 200", 0))

    @property
    def reasons(self) -> int:
        """The most renewals that there was reason for."""
        return int(self.seconds / RENEWED_AFTER) + int(self.server["refused"])

    @property
    def grants(self) -> dict[str, int]:
        return {name: count for name, count in self.server["counts"].items() if not name.startswith("call")}

    def wrong(self) -> list[str]:
        """What is not as it should be."""
        found = [f"a call failed: {each}" for each in self.failures[:3]]
        if self.grants != {"password 200": 1, "refresh_token 200": self.renewals}:
            found.append("a grant was refused, or the password was sent again")
        if self.server["refresh_tokens_used_again"]:
            found.append("a refresh token was used twice")
        if not 1 <= self.renewals <= self.reasons:
            found.append(f"{self.renewals} renewals, with reason for {self.reasons}")
        return found

    def __str__(self) -> str:
        return (
            f"{self.face}: {self.calls} calls at a time for {self.seconds:.1f} s: {self.answered} answered, "
            f"{len(self.failures)} failed; {self.renewals} renewals, with reason for up to {self.reasons} "
            f"({self.server['refused']} tokens refused by the API, {self.server['counts'].get('call 401', 0)} 401s); "
            f"grants {self.grants}; {'; '.join(self.wrong()) or 'as it should be'}"
        )


def call_at_once(face: str, settings: PixelApiSettings, seconds: float, calls: int) -> Figures:
    """Call from as many threads as there are calls at a time; on the async faces each call is a task of one loop."""
    figures = Figures(face, calls)

    def work(number: int) -> int:
        made = 0
        for made in itertools.count():
            if made >= LEAST and time.monotonic() - started >= seconds:
                break
            try:
                assert call("me").get("email")
            except Exception as error:
                figures.failures.append(f"{type(error).__name__}: {error}")
        return made

    with client_of(face, settings, timeout_pixel=LIMITS) as call, ThreadPoolExecutor(calls) as threads:
        started = time.monotonic()
        figures.answered = sum(threads.map(work, range(calls))) - len(figures.failures)
        figures.seconds = time.monotonic() - started
    return figures


def run(face: str, seconds: float, calls: int) -> Figures:
    """Calls on a face, by its name: blocking, asyncio or trio."""
    command = [sys.executable, "-m", "tests.transports.drivers.renewals", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings = PixelApiSettings(**Sandbox().environment(process.stdout.readline().strip()))
        figures = call_at_once(face, settings, seconds, calls)
        figures.server = json.loads(process.communicate()[0])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--face", choices=["blocking", "asyncio", "trio"], action="append")
    parser.add_argument("--serve", action="store_true", help="be the sandbox of such a run")
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    wrong = False
    for face in arguments.face or ["blocking", "asyncio", "trio"]:
        figures = run(face, arguments.seconds, arguments.calls)
        print(figures, flush=True)
        wrong = wrong or bool(figures.wrong())
    raise SystemExit("not as it should be" if wrong else 0)


if __name__ == "__main__":
    main()
