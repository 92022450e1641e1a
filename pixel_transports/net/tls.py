"""TLS: contexts, and sessions without a socket.

Rules kept here:

* A context has the system's trust store, or the authorities of one file in its place; it checks certificates and host
  names, and speaks TLS 1.2 or newer (RFC 9325, section 3.1.1).
* A context is made once for equal options. An error in a file names the file, and is never a connection's error. No
  error and no `repr` shows the password of a key, and OpenSSL never prompts for one on the terminal.
* A client certificate is for origins: a proxy that is spoken to by TLS is not offered it.
* A session does no I/O: bytes of the peer go in, bytes for the peer come out. TLS answers some records by itself
  (KeyUpdate, renegotiation, a late request for a certificate, alerts), so reading makes records to send, and writing
  may have to wait for records of the peer.
* A connection that ends without `close_notify` is broken: nothing shows that all of a body arrived (RFC 9112, section
  9.8). A response that is complete by its length is not affected.
"""

import os
import ssl
from dataclasses import dataclass, field
from functools import cache
from threading import Lock

from pixel_core.http.effects import LastingFailure
from pixel_transports.runtime.forks import call_after_fork

_lock = Lock()


@call_after_fork
def _renew_lock() -> None:
    global _lock
    _lock = Lock()


@cache
def _make() -> ssl.SSLContext:
    return _context(None)


def _context(ca_file: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """A context with these authorities, and with what does not depend on them, whatever the system's defaults are."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        if ca_file is None:
            raise
        raise ValueError(f"{os.fspath(ca_file)} holds no certificates in PEM form") from None
    except OSError as error:  # Python opens the log of keys that the variable names
        path = os.environ.get("SSLKEYLOGFILE")
        if not path:
            raise
        raise ValueError(f"SSLKEYLOGFILE names {path!r}, which cannot be written: {error.strerror}") from None
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    context.set_alpn_protocols(["http/1.1"])
    context.post_handshake_auth = True
    return context


def shared_context() -> ssl.SSLContext:
    """Return the context with the system's trust store, made at the first use: loading one takes a while."""
    with _lock:
        return _make()


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Trusted authorities, and the client's own certificate. All files are PEM.

    `ca_file` replaces the system's trust store. `client_certificate` is the client's certificate, followed by
    intermediate ones, which is offered to origins and not to proxies; `client_key` is its key, if that is in a file of
    its own; `key_password` decrypts the key.

    Raises ValueError for a key without a certificate and for a password without a key. Files are read when the first
    request is sent, before anything goes out: FileNotFoundError or another OSError if one cannot be read, ValueError
    for wrong contents; both name the file.
    """

    ca_file: str | os.PathLike[str] | None = None
    client_certificate: str | os.PathLike[str] | None = None
    client_key: str | os.PathLike[str] | None = None
    key_password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("ca_file", "client_certificate", "client_key"):
            path = getattr(self, name)
            object.__setattr__(self, name, None if path is None else os.fspath(path))
        if self.client_certificate is None and (self.client_key is not None or self.key_password is not None):
            raise ValueError("a client_key or key_password is for a client_certificate, and there is none")


@cache
def _context_for(options: TlsOptions) -> ssl.SSLContext:
    if options.ca_file is not None:
        _check_readable(options.ca_file)
    context = _context(options.ca_file)
    if options.client_certificate is not None:
        _identify(context, options, str(options.client_certificate))
    return context


def _identify(context: ssl.SSLContext, options: TlsOptions, certificate: str) -> None:
    """Load the client's certificate into a context."""
    key = options.client_key
    for path in (certificate, key):
        if path is not None:
            _check_readable(path)
    where = os.fspath(key or certificate)
    prompts = []

    def give() -> str:  # also without a password, since OpenSSL would prompt for it on the terminal
        prompts.append(True)
        return options.key_password or ""

    try:
        context.load_cert_chain(certificate, key, give)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"the key in {where} is not that of the certificate in {certificate}") from None
        if prompts:
            trouble = (
                "it is encrypted, and key_password is missing"
                if options.key_password is None
                else "key_password is wrong"
            )
            raise ValueError(f"the key in {where} cannot be read: {trouble}") from None
        what = f"{certificate} and {where} hold" if key else f"{certificate} holds"
        raise ValueError(f"{what} no certificate and key in PEM form") from None
    except ValueError:  # longer than OpenSSL takes
        raise ValueError(f"the key in {where} cannot be read: key_password is too long") from None


def _check_readable(path: str | os.PathLike[str]) -> None:
    """Raise an OSError that names the file if it cannot be read: OpenSSL's does not."""
    with open(path, "rb") as file:
        file.read(1)


def context_of(tls: TlsOptions | ssl.SSLContext | None, proxy: bool = False) -> ssl.SSLContext:
    """Return the context of these options, made at the first use, or a context as it is. That for a proxy has no client
    certificate. Raises OSError, ValueError.
    """
    if tls is None:
        return shared_context()
    if isinstance(tls, ssl.SSLContext):
        return _without_certificate(tls) if proxy else tls
    with _lock:
        return _context_for(TlsOptions(tls.ca_file) if proxy else tls)


def _without_certificate(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return a copy of a client's context without its certificate, since that cannot be removed, and without CRLs.

    Authorities in a folder are not copied either, as OpenSSL reads them late; those of the system take their place.
    """
    copy = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    copy.check_hostname, copy.verify_mode = context.check_hostname, context.verify_mode
    for name in ("options", "verify_flags", "minimum_version", "maximum_version", "hostname_checks_common_name"):
        setattr(copy, name, getattr(context, name))
    copy.set_ciphers(":".join(cipher["name"] for cipher in context.get_ciphers()))
    copy.set_alpn_protocols(["http/1.1"])
    authorities = b"".join(context.get_ca_certs(binary_form=True))
    if authorities:
        copy.load_verify_locations(cadata=authorities)
    else:
        copy.load_default_certs()
    return copy


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons for bytes that are no TLS record."""


_REFUSALS = frozenset(
    {
        *("BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED", "CERTIFICATE_EXPIRED"),
        *("CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "ACCESS_DENIED", "CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE"),
    }
)
"""Alerts of a peer that refuses a client's certificate, or asks for one (RFC 8446, section 6.2; TLS 1.2 has no other
alert than HANDSHAKE_FAILURE for the latter)."""


def tls_error(error: ssl.SSLError, what: str = "the TLS handshake failed") -> OSError:
    """The failure of a handshake, or of what follows it, as part of a sentence."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return LastingFailure(f"its certificate is not accepted: {error.verify_message.rstrip('.')}")
    if isinstance(error, ssl.SSLEOFError):
        return OSError("it closed the connection in the TLS handshake")
    reason = error.reason or "no reason given"
    if reason in _NO_TLS:
        return OSError("it does not speak TLS")
    kind = LastingFailure if reason.partition("_ALERT_")[2] in _REFUSALS else OSError
    return kind(f"{what}: {reason.lower().replace('_', ' ')}")


class TlsSession:
    """The client's side of one TLS connection, without a socket. Its methods raise ssl.SSLError, an OSError. With
    `outer`, its records travel inside another session (to an origin, through a proxy that is spoken to by TLS).
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # A name that ends with a dot is the same name in certificates and in SNI, without it (RFC 6066, section 3).
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host.rstrip("."))
        self.outer: TlsSession | None = None
        self._held = b""  # plaintext that cannot be sent before the peer has sent records
        self._ended = False

    @property
    def is_held(self) -> bool:
        """True if data waits for records of the peer, before it can be sent: TLS 1.2 renegotiates."""
        return bool(self._held) or (self.outer is not None and self.outer.is_held)

    @property
    def has_replies(self) -> bool:
        """True if TLS has records of its own to send: `encrypted` returns them."""
        return self._outgoing.pending > 0 or (self.outer is not None and self.outer.has_replies)

    def handshake(self) -> bool:
        """Go on with the handshake; False when that needs more from the peer. Raises OSError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise tls_error(error) from None
        return True

    def outgoing(self) -> bytes:
        """Records of the handshake that have to be sent."""
        return self._outgoing.read()

    def feed(self, data: bytes) -> None:
        """Take what the peer sent, inside `outer` if there is one; b"" is its end."""
        if self.outer is None:
            self._take(data)
            return
        self.outer.feed(data)
        while (inner := self.outer.read(_RECORDS)) is not None:
            self._take(inner)
            if not inner:
                break

    def _take(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._ended = True
            self._incoming.write_eof()

    def read(self, limit: int) -> bytes | None:
        """Plaintext of the peer; b"" after its `close_notify`, None when more records are needed. Raises
        ConnectionError at an end without that. All that was fed is read before the end is.
        """
        try:
            data = self._tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        except ssl.SSLError as error:
            self._held = b""  # only an alert can be sent
            raise tls_error(error, "TLS failed") from None
        if not data and self._ended:
            raise ConnectionResetError("it was closed without the close_notify of TLS, so it may be cut short")
        return data

    def encrypted(self, data: bytes | memoryview = b"") -> bytes:
        """Records of TLS itself, then those that carry held plaintext and this to the peer, as far as can be."""
        view = memoryview(self._held + data if self._held else data)
        try:
            while view:
                view = view[self._tls.write(view) :]
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise tls_error(error, "TLS failed") from None
        self._held = bytes(view)
        records = self._outgoing.read()
        return records if self.outer is None else self.outer.encrypted(records)


_RECORDS = 256 * 1024
"""How much an inner session takes of an outer one at a time, in bytes."""
