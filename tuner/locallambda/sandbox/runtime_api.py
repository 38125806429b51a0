"""The Runtime API of one sandbox, over HTTP on a loopback port of its own.

Implements what a runtime needs to serve events (AWS, "Using the Lambda runtime API", 2018-06-01):
next, response, error, init/error. It keeps no clock and starts nothing; it turns requests into
events for the sandbox. It answers the runtime's own processes only: neither another program nor a
page in a browser gets an event. Extensions and SnapStart's restore calls are not supported.
"""

import asyncio
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from tuner.locallambda.sandbox import peers
from tuner.locallambda.sandbox.invocation import Invocation
from tuner.locallambda.sandbox.trailers import TrailerReader

PREFIX = "/2018-06-01/runtime/"

#: What Lambda accepts of a handler: 6 MiB and a hundred bytes, as its error message says.
MAX_RESPONSE_BYTES = 6_291_556


#: How long a connection may be idle: longer than any handler runs, which may answer on it.
KEEP_ALIVE_S = 3600.0

#: The largest header: AWS's client for Python sends up to 1 MiB of an error's cause in one.
MAX_HEADER_BYTES = 2 << 20


@dataclass(frozen=True, slots=True)
class Ready:
    """The runtime asked for an event: INIT, or the previous invocation, is over."""


@dataclass(frozen=True, slots=True)
class Returned:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler, or with ``init`` loading it, has failed, and the runtime reported how."""

    payload: bytes
    error_type: str
    init: bool


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The handler's response is larger than Lambda accepts."""


Event = Ready | Returned | Failed | TooLarge


class RuntimeApi:
    """Serves one runtime process at a time, from :meth:`begin` to :meth:`reset`."""

    def __init__(self, on_event: Callable[[Event], None], *, streams: bool = True) -> None:
        """``on_event`` is called from the event loop, before the request is answered.

        ``streams``: the runtime may stream a response, which may end with an error.
        """
        self._on_event = on_event
        self._streams = streams
        self._server: asyncio.Server | None = None
        self._trailers: TrailerReader | None = None
        self._serves = False  # whether there is a runtime
        self._pid: asyncio.Future[int] | None = None  # of the runtime, once it is known
        self._known: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._waiting: asyncio.Future[web.Response | None] | None = None
        self._current: str | None = None  # request id of the invocation in the runtime's hands
        self.address = ""

    async def open(self) -> None:
        """Listen on a free loopback port; afterwards ``address`` is ``host:port``."""
        loop = asyncio.get_running_loop()
        server = web.Server(
            self._handle,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_S,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )
        self._trailers = TrailerReader(server) if self._streams else None
        self._server = await loop.create_server(self._trailers or server, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    async def close(self) -> None:
        self.reset()
        if self._server is not None:
            self._server.close()
            self._server = None

    @property
    def waiting(self) -> bool:
        return self._waiting is not None

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand an event to the runtime that waits; the deadline is in ms since 1970."""
        if self._waiting is None:
            raise RuntimeError("no runtime waits for an event")
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._current = invocation.request_id
        self._release(
            web.Response(body=invocation.event, headers=headers, content_type="application/json")
        )

    def begin(self) -> None:
        """Serve the runtime that is about to start; :meth:`started` says which process it is."""
        self._serves = True
        self._pid = asyncio.get_running_loop().create_future()

    def started(self, pid: int) -> None:
        if self._pid is not None and not self._pid.done():
            self._pid.set_result(pid)

    def reset(self) -> None:
        """Forget the runtime: it has ended, and what it still sent is too late."""
        self._serves = False
        self.started(0)  # no process, for those who still wait to hear it
        self._pid = None
        self._known.clear()
        self._current = None
        self._release(None)

    def _release(self, answer: web.Response | None) -> None:
        """Answer the request that waits, if there is one; None says that it waits in vain."""
        if self._waiting is not None:
            self._waiting.set_result(answer)
            self._waiting = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Host") != self.address or "Origin" in request.headers:
            return _refuse(403, "Forbidden", "this API is for the runtime of its sandbox only")
        path = request.path
        if not path.startswith(PREFIX):
            return _refuse(404, "NotFound", f"no such route: {path}")
        if not self._serves:
            return _gone()
        if not await self._is_ours(request.transport):
            return _refuse(403, "Forbidden", "this API is for the runtime of its sandbox only")
        parts = path[len(PREFIX) :].split("/")
        match request.method, parts:
            case "GET", ["invocation", "next"]:
                return await self._next()
            case "POST", ["invocation", request_id, "response" | "error" as kind]:
                return await self._finish(request, request_id, failed=kind == "error")
            case "POST", ["init", "error"]:
                self._on_event(Failed(await _read(request) or b"", _error_type(request), True))
                return _accepted()
        return _refuse(404, "NotFound", f"no such route: {path}")

    async def _is_ours(self, transport: asyncio.BaseTransport | None) -> bool:
        """True if a process of the runtime holds the connection; asked once for each."""
        if transport is None or self._pid is None:
            return False
        if transport in self._known or not peers.can_tell():
            return True
        own, other = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not peers.belongs_to(await asyncio.shield(self._pid), own[:2], other[:2]):
            return False
        self._known.add(transport)
        return True

    async def _next(self) -> web.StreamResponse:
        self._release(None)  # a second poller of the same runtime takes over
        mine = self._waiting = asyncio.get_running_loop().create_future()
        self._current = None
        self._on_event(Ready())
        answer = await mine
        return _gone() if answer is None else answer

    async def _finish(
        self, request: web.BaseRequest, request_id: str, *, failed: bool
    ) -> web.StreamResponse:
        payload = await _read(request)
        if request_id != self._current:
            return _refuse(400, "InvalidRequestID", "Invalid request ID")
        self._current = None
        late = self._late_error(request)
        if failed:
            self._on_event(Failed(payload or b"", _error_type(request), init=False))
        elif late is not None:
            self._on_event(Failed(late[1], late[0], init=False))
        elif payload is None:
            self._on_event(TooLarge())
            text = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            return _refuse(413, "RequestEntityTooLarge", text)
        else:
            self._on_event(Returned(payload))
        return _accepted()

    def _late_error(self, request: web.BaseRequest) -> tuple[str, bytes] | None:
        """The type and body of the error that ended a streamed response."""
        if self._trailers is None or "Lambda-Runtime-Function-Response-Mode" not in request.headers:
            return None
        return self._trailers.error(request.transport)


async def _read(request: web.BaseRequest) -> bytes | None:
    """The whole body, or ``None`` if it is larger than Lambda accepts (it is read all the same)."""
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size <= MAX_RESPONSE_BYTES:
            chunks.append(chunk)
    return b"".join(chunks) if size <= MAX_RESPONSE_BYTES else None


def _error_type(request: web.BaseRequest) -> str:
    return request.headers.get("Lambda-Runtime-Function-Error-Type", "Runtime.Unknown")


def _gone() -> web.Response:
    return _refuse(410, "Gone", "this runtime is no longer served")


def _accepted() -> web.Response:
    return web.Response(status=202, body=b'{"status":"OK"}\n', content_type="application/json")


def _refuse(status: int, error_type: str, message: str) -> web.Response:
    body = {"errorMessage": message, "errorType": error_type}
    return web.json_response(body, status=status)
