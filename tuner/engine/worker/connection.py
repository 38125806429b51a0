"""One kept-alive HTTP connection: a request out, an answer in, each moment noted.

Never sends a request twice: a connection that the server closed while it was idle is noticed
before anything is written and opened anew; once a byte was written, a failure is a failure. What
an answer means is not known here.
"""

import socket as plain
from dataclasses import dataclass
from functools import cache
from ssl import SSLCertVerificationError, SSLContext, SSLError, SSLWantReadError
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from gevent import socket, ssl
from geventhttpclient._parser import HTTPParseError, HTTPResponseParser


class AnswerParser(HTTPResponseParser):
    """One HTTP answer, from the callbacks of geventhttpclient's parser (llhttp in C).

    It knows HTTP's framing: where an answer begins and ends, also in pieces, in chunks, or with the
    connection. Interim 1xx answers are skipped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.first: float | None = None
        self.size = 0
        self.begun = False
        self.complete = False
        self._name = ""
        self._value: str | None = None
        self._head_complete = False

    @property
    def status(self) -> int | None:
        """The status, once the head is complete."""
        return self.get_code() if self._head_complete else None

    def take(self, data: bytes) -> None:
        """Parse the next bytes; empty ones mean that the connection ended."""
        self.size += len(data)
        self.feed(data)

    def ends_with_connection(self) -> bool:
        """Return whether the connection's end is the end of this answer (RFC 9112, 6.3)."""
        return (
            self._head_complete
            and "content-length" not in self.headers
            and "chunked" not in self.headers.get("transfer-encoding", "").lower()
        )

    def _on_message_begin(self) -> None:
        self.begun = True
        self.headers = {}
        self._head_complete = False

    def _on_status(self, _text: str) -> None:
        pass

    def _on_header_field(self, text: str) -> None:
        if self._value is None:
            self._name += text
            return
        self.headers[self._name.lower()] = self._value
        self._name, self._value = text, None

    def _on_header_value(self, text: str) -> None:
        self._value = text if self._value is None else self._value + text

    def _on_headers_complete(self) -> None:
        if self._name:
            self.headers[self._name.lower()] = self._value or ""
        self._name, self._value = "", None
        self._head_complete = True

    def _on_body(self, data: bytes) -> None:
        self.body += data

    def _on_message_complete(self) -> None:
        self.complete = self.get_code() >= 200


_CHUNK = 65_536
_LARGEST_ANSWER = 32 * 1024 * 1024  # Lambda streams at most 20 MB, and answers 6 MB
_CONNECT_S = 10.0


class TransportError(Exception):
    """No whole answer came; with the times when the request was sent and its answer began."""

    def __init__(
        self, words: str, sent: float | None, first: float | None, status: int | None = None
    ) -> None:
        super().__init__(words)
        self.words = words
        self.sent = sent
        self.first = first
        self.status = status


@dataclass(frozen=True, slots=True)
class Exchange:
    """A whole answer; times on CLOCK_MONOTONIC in seconds, header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    sent: float
    first: float
    done: float


class Connection:
    """A connection to scheme, host and port of ``url``, verified by ``tls`` if that is given."""

    def __init__(self, url: str, tls: SSLContext | None) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = tls
        self._socket: Any = None
        self._failed: OSError | None = None

    def open(self, deadline: float) -> None:
        """Connect, unless a connection stands that the server has not closed.

        Raises :class:`TransportError`.
        """
        if self._socket is not None and not _is_idle(self._socket):
            self.close()
        if self._socket is None:
            try:
                self._socket = self._connect(deadline)
            except (OSError, UnicodeError) as error:
                raise TransportError(str(_words_of(error, "connecting")), None, None) from None

    def begin(self, request: bytes, deadline: float) -> float | None:
        """Send a small request if the connection stands, without any waiting; return when.

        ``None``: nothing was written. A failure while sending is raised by :meth:`finish`, which
        has to follow.
        """
        standing = self._socket is not None and _is_idle(self._socket)
        return self._send(request, deadline) if standing else None

    def exchange(self, request: bytes, deadline: float) -> Exchange:
        """Send a whole request and read its whole answer until ``deadline`` (monotonic seconds).

        :meth:`open` comes first. Raises :class:`TransportError`; the connection is closed then.
        """
        return self.finish(self._send(request, deadline), deadline)

    def finish(self, sent: float, deadline: float) -> Exchange:
        """Read the whole answer to a request that was ``sent``; as :meth:`exchange`."""
        answer = AnswerParser()
        try:
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            done = self._read(answer, deadline)
            first = done
            while not answer.complete:
                done = self._read(answer, deadline)
        except BaseException as error:
            self.close()  # what is left of the answer must not become the next one's
            words = _words_of(error, "waiting for the answer")
            if words is None:
                raise
            raise TransportError(words, sent, answer.first, answer.status) from None
        if not answer.should_keep_alive():
            self.close()
        return Exchange(answer.get_code(), answer.headers, bytes(answer.body), sent, first, done)

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, deadline: float) -> Any:
        wait = max(0.001, min(_CONNECT_S, deadline - monotonic()))
        connected = socket.create_connection((self._host, self._port), timeout=wait)
        try:
            connected.setsockopt(plain.IPPROTO_TCP, plain.TCP_NODELAY, 1)
            if self._tls is not None:
                connected = self._tls.wrap_socket(connected, server_hostname=self._host)
        except BaseException:
            connected.close()
            raise
        return connected

    def _send(self, request: bytes, deadline: float) -> float:
        """Send, and return when that began; a failure is kept for :meth:`finish`."""
        self._socket.settimeout(max(0.001, deadline - monotonic()))
        sent = monotonic()
        try:
            written = self._socket.send(request)
            if written < len(request):
                self._socket.sendall(memoryview(request)[written:])
        except OSError as error:
            self._failed = error
        except BaseException:  # this user was ended; half a request must not be followed by another
            self.close()
            raise
        return sent

    def _read(self, answer: AnswerParser, deadline: float) -> float:
        """Feed what arrives next; return when it arrived."""
        if answer.first is not None:  # so that an answer in drops cannot outlast the deadline
            self._socket.settimeout(max(0.001, deadline - monotonic()))
        data = self._socket.recv(_CHUNK)
        now = monotonic()
        if data and answer.first is None:
            answer.first = now
        if not data and not answer.begun:
            raise _EndedError("connection closed before an answer")
        if not data and not answer.ends_with_connection():
            raise _EndedError(f"connection closed within the answer, after {answer.size} bytes")
        answer.take(data)
        if answer.size > _LARGEST_ANSWER:
            raise _EndedError(f"the answer is longer than {_LARGEST_ANSWER} bytes")
        return now


class _EndedError(Exception):
    """The answer cannot be completed."""


@cache
def tls_context(verify: bool | str) -> SSLContext:
    """Return how to check a certificate: by the system's roots, a CA file, or not at all."""
    context: SSLContext = ssl.create_default_context(
        cafile=verify if isinstance(verify, str) else None
    )
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_idle(connected: Any) -> bool:
    """Return whether an unused connection still stands: nothing to read, not even its end."""
    connected.settimeout(0.0)
    try:
        if isinstance(connected, ssl.SSLSocket):
            connected.recv(1)  # reads over session tickets, which may arrive at any time
        else:
            connected.recv(1, plain.MSG_PEEK)
    except (BlockingIOError, SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def _words_of(error: BaseException, doing: str) -> str | None:
    """Describe a failure of the transport in words that group well, without addresses.

    ``None`` for what is no such failure, as when a greenlet is killed.
    """
    if isinstance(error, _EndedError):
        return str(error)
    if isinstance(error, HTTPParseError):
        return "the answer is not valid HTTP"
    if isinstance(error, plain.gaierror | UnicodeError):
        return "host name not found"
    if isinstance(error, SSLCertVerificationError):
        return f"TLS certificate not accepted: {error.verify_message}"
    if isinstance(error, SSLError):
        return f"TLS failed: {error.reason or 'handshake'}"
    if isinstance(error, TimeoutError):
        return f"timed out {doing}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return f"connection reset while {doing}"
    if isinstance(error, OSError):
        return f"{error.strerror or error} while {doing}"
    return None
