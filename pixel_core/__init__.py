"""The protocol of Geodata Pixel without any I/O: operations as flows, and the machines that they stand on.

Nothing in this package opens a file or a socket, reads a clock, the environment or a random source, sleeps, locks or
starts a thread. `pixel_transports` performs what the flows ask for.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_core.api import PixelApi
    from pixel_core.effects import (
        Alongside,
        AskToken,
        Clock,
        Digest,
        Digested,
        Effect,
        Ended,
        Entry,
        Exchange,
        FileFacts,
        Flow,
        Journaled,
        Lease,
        Once,
        Random,
        Read,
        Recalled,
        Record,
        Report,
        Sleep,
        Start,
        Stat,
        Together,
        Write,
    )
    from pixel_core.exchanges import exchange
    from pixel_core.http1 import ClientConnection, Limits
    from pixel_core.messages import FileSlice, Form, Headers, Origin, Request, Response, Timeouts
    from pixel_core.operations import AsyncFace, BlockingFace, Resource, listing, operation
    from pixel_core.paging import Page, Pages
    from pixel_core.pool import Pool
    from pixel_core.retries import RetryPolicy
    from pixel_core.session import Options, Session
    from pixel_core.tokens import Account, Tokens
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".api": ["PixelApi"],
            ".effects": [
                "Alongside",
                "AskToken",
                "Clock",
                "Digest",
                "Digested",
                "Effect",
                "Ended",
                "Entry",
                "Exchange",
                "FileFacts",
                "Flow",
                "Journaled",
                "Lease",
                "Once",
                "Random",
                "Read",
                "Recalled",
                "Record",
                "Report",
                "Sleep",
                "Start",
                "Stat",
                "Together",
                "Write",
            ],
            ".exchanges": ["exchange"],
            ".http1": ["ClientConnection", "Limits"],
            ".messages": ["FileSlice", "Form", "Headers", "Origin", "Request", "Response", "Timeouts"],
            ".operations": ["AsyncFace", "BlockingFace", "Resource", "listing", "operation"],
            ".paging": ["Page", "Pages"],
            ".pool": ["Pool"],
            ".retries": ["RetryPolicy"],
            ".session": ["Options", "Session"],
            ".tokens": ["Account", "Tokens"],
        },
    )

__all__ = [
    "Account",
    "Alongside",
    "AskToken",
    "AsyncFace",
    "BlockingFace",
    "ClientConnection",
    "Clock",
    "Digest",
    "Digested",
    "Effect",
    "Ended",
    "Entry",
    "Exchange",
    "FileFacts",
    "FileSlice",
    "Flow",
    "Form",
    "Headers",
    "Journaled",
    "Lease",
    "Limits",
    "Once",
    "Options",
    "Origin",
    "Page",
    "Pages",
    "PixelApi",
    "Pool",
    "Random",
    "Read",
    "Recalled",
    "Record",
    "Report",
    "Request",
    "Resource",
    "Response",
    "RetryPolicy",
    "Session",
    "Sleep",
    "Start",
    "Stat",
    "Timeouts",
    "Together",
    "Tokens",
    "Write",
    "exchange",
    "listing",
    "operation",
]
