"""The protocol of Geodata Pixel without any I/O: operations as flows, and the state machines that they use.

Nothing in this package opens a file or a socket, reads a clock, the environment or a random source, sleeps, locks or
starts a thread. `pixel_transports` performs the effects that the flows yield.
"""

from typing import TYPE_CHECKING

from pixel_core.lazy import lazily

if TYPE_CHECKING:
    from pixel_core.api import Operations, PixelApi
    from pixel_core.api.operation import AsyncFace, BlockingFace, Resource, listing, operation
    from pixel_core.api.paging import Page, Pages
    from pixel_core.api.streaming import AsyncResults, BlockingResults, Results, streaming
    from pixel_core.effects import (  # isort: skip
        CallTokenProvider, CancelEvent, CancelWhen, ClaimFiles, Clock, Deliver, Digest, Digested, Effect, Exchange,
        FileFacts, Flow, FolderListing, Gather, ListFolder, Listen, NextDone, NextItems, OpenJournal, OpenTaskGroup,
        Random, ReadMetadata, Report, SingleFlight, Sleep, Spawn, Stat, TaskGroup, TaskOutcome, WriteJournal,
    )  # fmt: skip
    from pixel_core.errors import (  # isort: skip
        PixelAuthenticationError, PixelBadRequestError, PixelCancelledError, PixelClosedError, PixelConflictError,
        PixelConnectionError, PixelError, PixelFileChangedError, PixelJobTimeoutError, PixelLoginError,
        PixelMultipleUploadJobError, PixelNotFoundError, PixelPermissionError, PixelProtocolError, PixelProxyError,
        PixelRateLimitError, PixelServerError, PixelSettingsError, PixelStatusError, PixelStorageError,
        PixelTimeoutError, PixelUploadJobError, PixelValidationError,
    )  # fmt: skip
    from pixel_core.events import (  # isort: skip
        CallFailed, CallRepeated, Correlation, Event, FileFinished, FileHashed, FileSent, JobProgress, KeywordsIgnored,
        LoginFailed, LoginRenewed, RequestFailed, RequestSent, ResponseReceived, SizeDiffers, UploadProgress,
    )  # fmt: skip
    from pixel_core.http.connection import ClientConnection
    from pixel_core.http.decoding import Limits
    from pixel_core.http.effects import (  # isort: skip
        Connect, ConnectResult, IsIdle, LastingFailure, Read, Resolve, StartTls, Stream, TlsHandshake, WaitConnected,
        WaitForSlot, Write,
    )  # fmt: skip
    from pixel_core.http.exchange import exchange
    from pixel_core.http.heads import wire_headers
    from pixel_core.http.leasing import Connection, Leasing
    from pixel_core.http.pool import Lease, Pool
    from pixel_core.http.proxies import Proxies
    from pixel_core.journal import JournalEntry, JournalSnapshot, JournalState
    from pixel_core.messages import (  # isort: skip
        Body, FileSlice, Form, Headers, Origin, Request, Response, Segment, Timeouts, body_segments,
    )  # fmt: skip
    from pixel_core.session.answers import Answer
    from pixel_core.session.options import CallOptions, Options
    from pixel_core.session.retries import RetryPolicy
    from pixel_core.session.session import Session
    from pixel_core.session.tokens import Account, Tokens, TokenSource
else:  # A type checker would accept any name of a package with `__getattr__`.
    __getattr__, __dir__ = lazily(
        globals(),
        {
            ".api": ["Operations", "PixelApi"],
            ".api.operation": ["AsyncFace", "BlockingFace", "Resource", "listing", "operation"],
            ".api.paging": ["Page", "Pages"],
            ".api.streaming": ["AsyncResults", "BlockingResults", "Results", "streaming"],
            ".effects": [
                "CallTokenProvider", "CancelEvent", "CancelWhen", "ClaimFiles", "Clock", "Deliver", "Digest",
                "Digested", "Effect", "Exchange", "FileFacts", "Flow", "FolderListing", "Gather", "ListFolder",
                "Listen", "NextDone", "NextItems", "OpenJournal", "OpenTaskGroup", "Random", "ReadMetadata", "Report",
                "SingleFlight", "Sleep", "Spawn", "Stat", "TaskGroup", "TaskOutcome", "WriteJournal",
            ],
            ".errors": [
                "PixelAuthenticationError", "PixelBadRequestError", "PixelCancelledError", "PixelClosedError",
                "PixelConflictError", "PixelConnectionError", "PixelError", "PixelFileChangedError",
                "PixelJobTimeoutError", "PixelLoginError", "PixelMultipleUploadJobError", "PixelNotFoundError",
                "PixelPermissionError", "PixelProtocolError", "PixelProxyError", "PixelRateLimitError",
                "PixelServerError", "PixelSettingsError", "PixelStatusError", "PixelStorageError", "PixelTimeoutError",
                "PixelUploadJobError", "PixelValidationError",
            ],
            ".events": [
                "CallFailed", "CallRepeated", "Correlation", "Event", "FileFinished", "FileHashed", "FileSent",
                "JobProgress", "KeywordsIgnored", "LoginFailed", "LoginRenewed", "RequestFailed", "RequestSent",
                "ResponseReceived", "SizeDiffers", "UploadProgress",
            ],
            ".http.connection": ["ClientConnection"],
            ".http.decoding": ["Limits"],
            ".http.effects": [
                "Connect", "ConnectResult", "IsIdle", "LastingFailure", "Read", "Resolve", "StartTls", "Stream",
                "TlsHandshake", "WaitConnected", "WaitForSlot", "Write",
            ],
            ".http.exchange": ["exchange"],
            ".http.heads": ["wire_headers"],
            ".http.leasing": ["Connection", "Leasing"],
            ".http.pool": ["Lease", "Pool"],
            ".http.proxies": ["Proxies"],
            ".journal": ["JournalEntry", "JournalSnapshot", "JournalState"],
            ".messages": [
                "Body", "FileSlice", "Form", "Headers", "Origin", "Request", "Response", "Segment", "Timeouts",
                "body_segments",
            ],
            ".session.answers": ["Answer"],
            ".session.options": ["CallOptions", "Options"],
            ".session.retries": ["RetryPolicy"],
            ".session.session": ["Session"],
            ".session.tokens": ["Account", "TokenSource", "Tokens"],
        },
    )  # fmt: skip

__all__ = [
    "Account", "Answer", "AsyncFace", "AsyncResults", "BlockingFace", "BlockingResults", "Body", "CallFailed",
    "CallOptions", "CallRepeated", "CallTokenProvider", "CancelEvent", "CancelWhen", "ClaimFiles", "ClientConnection",
    "Clock", "Connect", "ConnectResult", "Connection", "Correlation", "Deliver", "Digest", "Digested", "Effect",
    "Event", "Exchange", "FileFacts", "FileFinished", "FileHashed", "FileSent", "FileSlice", "Flow", "FolderListing",
    "Form", "Gather", "Headers", "IsIdle", "JobProgress", "JournalEntry", "JournalSnapshot", "JournalState",
    "KeywordsIgnored", "LastingFailure", "Lease", "Leasing", "Limits", "ListFolder", "Listen", "LoginFailed",
    "LoginRenewed", "NextDone", "NextItems", "OpenJournal", "OpenTaskGroup", "Operations", "Options", "Origin", "Page",
    "Pages", "PixelApi", "PixelAuthenticationError", "PixelBadRequestError", "PixelCancelledError", "PixelClosedError",
    "PixelConflictError", "PixelConnectionError", "PixelError", "PixelFileChangedError", "PixelJobTimeoutError",
    "PixelLoginError", "PixelMultipleUploadJobError", "PixelNotFoundError", "PixelPermissionError",
    "PixelProtocolError", "PixelProxyError", "PixelRateLimitError", "PixelServerError", "PixelSettingsError",
    "PixelStatusError", "PixelStorageError", "PixelTimeoutError", "PixelUploadJobError", "PixelValidationError", "Pool",
    "Proxies", "Random", "Read", "ReadMetadata", "Report", "Request", "RequestFailed", "RequestSent", "Resolve",
    "Resource", "Response", "ResponseReceived", "Results", "RetryPolicy", "Segment", "Session", "SingleFlight",
    "SizeDiffers", "Sleep", "Spawn", "StartTls", "Stat", "Stream", "TaskGroup", "TaskOutcome", "Timeouts",
    "TlsHandshake", "TokenSource", "Tokens", "UploadProgress", "WaitConnected", "WaitForSlot", "Write", "WriteJournal",
    "body_segments", "exchange", "listing", "operation", "streaming", "wire_headers",
]  # fmt: skip
