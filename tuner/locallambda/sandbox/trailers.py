"""Trailers of chunked requests, which aiohttp reads past.

A handler that streams its response has sent a status before it may fail, so AWS's clients report
the failure after the last chunk.
"""

import asyncio
import base64
import binascii
import re
import weakref
from collections.abc import Callable

#: The last bytes of a connection that are kept; a trace is far shorter.
_MOST = 256 * 1024
_BEGINS = (b"GET ", b"POST ")
_TRAILERS = re.compile(
    rb"\r\n0\r\n(?:[\w-]+:[^\r\n]*\r\n)*?Lambda-Runtime-Function-Error-Type: *([^\r\n]*)\r\n"
    rb"(?:[\w-]+:[^\r\n]*\r\n)*?Lambda-Runtime-Function-Error-Body: *([^\r\n]*)\r\n",
    re.IGNORECASE,
)


class TrailerReader:
    """Makes protocols that remember the end of what they have received."""

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make
        self._by_transport: weakref.WeakKeyDictionary[asyncio.BaseTransport, _Remembering]
        self._by_transport = weakref.WeakKeyDictionary()

    def __call__(self) -> asyncio.Protocol:
        return _Remembering(self._make(), self._by_transport)

    def error(self, transport: asyncio.BaseTransport | None) -> tuple[str, bytes] | None:
        """The type and the body of the error that the request just read has ended with."""
        protocol = self._by_transport.get(transport) if transport is not None else None
        return read_error(protocol.end) if protocol is not None else None


def read_error(end: bytes) -> tuple[str, bytes] | None:
    """The error's type and body in the trailers at the end of a request; ``None`` without any."""
    every = list(_TRAILERS.finditer(end))
    if not every:
        return None
    found = every[-1]
    try:
        body = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return None
    return found[1].decode("latin-1"), body


class _Remembering(asyncio.Protocol):
    """Passes everything on, and keeps the end of what came last."""

    def __init__(
        self,
        inner: asyncio.Protocol,
        by_transport: "weakref.WeakKeyDictionary[asyncio.BaseTransport, _Remembering]",
    ) -> None:
        self.end = b""
        self._inner = inner
        self._by_transport = by_transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._by_transport[transport] = self
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        # A request of an ordinary answer is a chunk or two; only a streamed one is many.
        self.end = data if data.startswith(_BEGINS) else (self.end + data)[-_MOST:]
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._inner.connection_lost(error)
