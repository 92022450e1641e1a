"""The protocol of Geodata Pixel without any I/O: operations as flows, and the machines that they stand on.

Nothing in this package opens a file or a socket, reads a clock, the environment or a random source, sleeps, locks or
starts a thread. `pixel_transports` performs what the flows ask for.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_core.api import PixelApi
    from pixel_core.api.operation import AsyncFace, BlockingFace, Resource, listing, operation
    from pixel_core.api.paging import Page, Pages
    from pixel_core.effects import (
        CallTokenProvider,
        Clock,
        Digest,
        Digested,
        Effect,
        Exchange,
        FileFacts,
        Flow,
        Gather,
        NextDone,
        OpenJournal,
        OpenTaskGroup,
        Random,
        Report,
        SingleFlight,
        Sleep,
        Spawn,
        Stat,
        WriteJournal,
    )
    from pixel_core.http.connection import ClientConnection
    from pixel_core.http.decoding import Limits
    from pixel_core.http.effects import Read, Write
    from pixel_core.http.exchange import exchange
    from pixel_core.http.leasing import Connection, Leasing
    from pixel_core.http.pool import Lease, Pool
    from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
    from pixel_core.messages import FileSlice, Form, Headers, Origin, Request, Response, Timeouts
    from pixel_core.session.options import Options
    from pixel_core.session.retries import RetryPolicy
    from pixel_core.session.session import Session
    from pixel_core.session.tokens import Account, Tokens
else:  # Type checkers would take a package with `__getattr__` to have any name at all.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".api": ["PixelApi"],
            ".effects": [
                "OpenTaskGroup",
                "CallTokenProvider",
                "Clock",
                "Connection",
                "Leasing",
                "Digest",
                "Digested",
                "Effect",
                "NextDone",
                "Exchange",
                "FileFacts",
                "Flow",
                "OpenJournal",
                "SingleFlight",
                "Random",
                "WriteJournal",
                "Report",
                "Sleep",
                "Spawn",
                "Stat",
                "Gather",
            ],
            ".journal": ["JournalEntry", "JournalSnapshot", "JournalState"],
            ".http.exchange": ["exchange"],
            ".http.connection": ["ClientConnection"],
            ".http.decoding": ["Limits"],
            ".messages": ["FileSlice", "Form", "Headers", "Origin", "Request", "Response", "Timeouts"],
            ".api.operation": ["AsyncFace", "BlockingFace", "Resource", "listing", "operation"],
            ".api.paging": ["Page", "Pages"],
            ".http.effects": ["Read", "Write"],
            ".http.leasing": ["Connection", "Leasing"],
            ".http.pool": ["Lease", "Pool"],
            ".session.retries": ["RetryPolicy"],
            ".session.options": ["Options"],
            ".session.session": ["Session"],
            ".session.tokens": ["Account", "Tokens"],
        },
    )

__all__ = [
    "Account",
    "AsyncFace",
    "BlockingFace",
    "CallTokenProvider",
    "ClientConnection",
    "Clock",
    "Connection",
    "Digest",
    "Digested",
    "Effect",
    "Exchange",
    "FileFacts",
    "FileSlice",
    "Flow",
    "Form",
    "Gather",
    "Headers",
    "JournalEntry",
    "JournalSnapshot",
    "JournalState",
    "Lease",
    "Leasing",
    "Limits",
    "NextDone",
    "OpenJournal",
    "OpenTaskGroup",
    "Options",
    "Origin",
    "Page",
    "Pages",
    "PixelApi",
    "Pool",
    "Random",
    "Read",
    "Report",
    "Request",
    "Resource",
    "Response",
    "RetryPolicy",
    "Session",
    "SingleFlight",
    "Sleep",
    "Spawn",
    "Stat",
    "Timeouts",
    "Tokens",
    "Write",
    "WriteJournal",
    "exchange",
    "listing",
    "operation",
]
