"""A server on loopback that does what a script says: faults that no real service has on demand."""

import base64
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

#: Called with the server, the connection and the number of the request; returns False to hang up.
Script = Callable[..., bool]

REQUEST_ID = "94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc"
REPORT = (
    f"REPORT RequestId: {REQUEST_ID}\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 40 MB\t\n"
)


def http_answer(
    body: bytes = b'{"answer": 42}', status: str = "200 OK", report: str = REPORT, more: str = ""
) -> bytes:
    """An answer as Lambda gives it, with the log tail in its header."""
    tail = base64.b64encode(report.encode()).decode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nx-amzn-RequestId: {REQUEST_ID}\r\n"
        f"X-Amz-Log-Result: {tail}\r\n{more}\r\n"
    )
    return head.encode() + body


@dataclass
class ScriptedServer:
    """Does what its script says for each request, and keeps the requests."""

    script: Script
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), closing(connection):
            while request := _read_request(connection):
                with self._lock:
                    self.requests.append(request)
                    number = len(self.requests) - 1
                if not self.script(self, connection, number):
                    return


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = sum(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def good(answer: Callable[..., bytes], delay_s: float = 0.0) -> Script:
    """Answer every request well, after so long."""

    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        time.sleep(delay_s)
        connection.sendall(answer())
        return True

    return script
