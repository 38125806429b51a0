"""A proxy on loopback that stands between boto3 and a service and breaks one call, or all from
one on: it refuses, drops, delays, duplicates and rewrites. Invocations pass through untouched."""

import contextlib
import http.client
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """One answer of the service."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    longer: int = 0  # bytes that Content-Length says beyond the body's


class Hangup(Exception):  # noqa: N818 - it is what happens
    """The connection ends with a reset, without an answer."""


Forward = Callable[[], Answer]
#: Gives the answer to a call that is to be broken; how often the answer is sent is its length.
Fault = Callable[[Forward], list[Answer]]


def refuses(status: int, code: str, message: str) -> Fault:
    """The service refuses in Lambda's words; it never sees the request."""
    body = json.dumps({"Type": "User", "Message": message, "message": message}).encode()
    headers = (("x-amzn-ErrorType", code), ("Content-Type", "application/json"))
    return lambda _forward: [Answer(status, headers, body)]


def refuses_after(status: int, code: str) -> Fault:
    """The service acts, and refuses all the same."""

    def act(forward: Forward) -> list[Answer]:
        forward()
        return refuses(status, code, "an internal error")(forward)

    return act


def resets(_forward: Forward) -> list[Answer]:
    """The connection is reset before the request arrives."""
    raise Hangup


def resets_after(forward: Forward) -> list[Answer]:
    """The connection is reset after the service has acted."""
    forward()
    raise Hangup


def delays(forward: Forward) -> list[Answer]:
    """The answer comes late."""
    time.sleep(0.15)
    return [forward()]


def asks_twice(forward: Forward) -> list[Answer]:
    """The request reaches the service twice; the first answer is given."""
    first = forward()
    forward()
    return [first]


def answers_twice(forward: Forward) -> list[Answer]:
    """The same answer comes twice."""
    return [forward()] * 2


def rewrites(body: bytes | Callable[[bytes], bytes]) -> Fault:
    """The service acts; its answer is another one on arrival."""

    def act(forward: Forward) -> list[Answer]:
        real = forward()
        new = body(real.body) if callable(body) else body
        return [Answer(200, (("Content-Type", "application/json"),), new)]

    return act


def answers(status: int, body: bytes) -> Fault:
    """A page of this status in place of the service's answer; the service acts."""

    def act(forward: Forward) -> list[Answer]:
        forward()
        return [Answer(status, (("Content-Type", "text/html"),), body)]

    return act


def measures_wrongly(longer: int) -> Fault:
    """The service acts; its answer says that it is longer by so many bytes than it is."""
    return lambda forward: [replace(forward(), longer=longer)]


@dataclass
class FaultProxy:
    """Breaks the control-plane call number ``at`` (from 0), or all from there on if ``lasting``."""

    upstream: str
    at: int = -1
    fault: Fault = delays
    lasting: bool = False
    seen: list[str] = field(default_factory=list)  # the calls, broken or not
    #: Everything that was asked: method, path with its query, X-Amz-Target, body.
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    invoked_at: float | None = None  # when the first invocation arrived, by the monotonic clock

    @property
    def url(self) -> str:
        """Where boto3 is to go."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator["FaultProxy"]:
        """While this lasts, calls are passed on."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # an answer in pieces would wait 40 ms for an acknowledgement
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                proxy._handle(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def strike(self, at: int, fault: Fault, lasting: bool) -> None:
        """What to break from now on, counting calls anew."""
        self.seen, self.at, self.fault, self.lasting = [], at, fault, lasting

    def pass_on(self) -> None:
        """Break nothing."""
        self.strike(-1, delays, False)

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        said = str(request.headers.get("X-Amz-Target", ""))
        self.asked.append((str(request.command), request.path, said, body))

        def forward() -> Answer:
            return _forward(self.upstream, request, body)

        try:
            answers = [forward()] if self._passes(request) else self.fault(forward)
            for answer in answers:
                _write(request, answer)
        except Hangup:
            # A reset, not an orderly end: the rest is thrown away (socket(7), SO_LINGER of 0 s).
            linger = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            request.close_connection = True
            request.connection.close()
        except OSError:
            request.close_connection = True

    def _passes(self, request: BaseHTTPRequestHandler) -> bool:
        path = urlsplit(request.path).path
        if path.endswith("/invocations") and self.invoked_at is None:
            self.invoked_at = time.monotonic()
        if path.endswith("/invocations") or not path.startswith("/2"):
            return True
        number = len(self.seen)
        self.seen.append(f"{request.command} {path}")
        return number != self.at and not (self.lasting and number > self.at >= 0)


def _forward(upstream: str, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
    where = urlsplit(upstream)
    assert where.hostname is not None
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    headers = {k: v for k, v in request.headers.items() if k.lower() not in _OWN}
    try:
        connection.request(request.command, request.path, body, headers)
        answer = connection.getresponse()
        kept = tuple((k, v) for k, v in answer.getheaders() if k.lower() not in _OWN)
        return Answer(answer.status, kept, answer.read())
    finally:
        connection.close()


_OWN = {"host", "content-length", "connection", "transfer-encoding", "expect"}


def _write(request: BaseHTTPRequestHandler, answer: Answer) -> None:
    request.send_response_only(answer.status)
    for name, value in answer.headers:
        request.send_header(name, value)
    if answer.status != http.client.NO_CONTENT:
        request.send_header("Content-Length", str(max(0, len(answer.body) + answer.longer)))
    if answer.longer:
        request.close_connection = True
    request.end_headers()
    if answer.status != http.client.NO_CONTENT:
        request.wfile.write(answer.body)
