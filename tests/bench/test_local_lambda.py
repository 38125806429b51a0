"""What the local Lambda adds to a call: latency of a warm no-op, and how many it serves.

``pytest -m bench tests/bench/test_local_lambda.py -s``; TUNER_BENCH_SECONDS shortens the minute.
The clients are raw sockets in one process: on two shared cores they have to cost little.
"""

import os
import selectors
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from support.nodejs import node_runtime

pytestmark = pytest.mark.bench

SECONDS = float(os.environ.get("TUNER_BENCH_SECONDS", "60"))
NOOP = "def handler(event, context):\n    return None\n"
NODE_NOOP = "exports.handler = async () => null;"
SIGNED = "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-1/lambda/aws4_request, Signature=0"


def request(url: str, name: str) -> bytes:
    return (
        f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\n"
        f"Host: {urlsplit(url).netloc}\r\nAuthorization: {SIGNED}\r\n"
        "X-Amz-Log-Type: Tail\r\nContent-Length: 2\r\n\r\n{}"
    ).encode()


@dataclass
class Client:
    """One kept-alive connection that sends its next request when the answer is complete."""

    url: str
    message: bytes
    sent_at: float = 0.0
    received: bytes = b""
    latencies: list[float] = field(default_factory=list)
    failures: int = 0

    def __post_init__(self) -> None:
        where = urlsplit(self.url)
        self.connection = socket.create_connection((where.hostname, where.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self) -> None:
        self.received = b""
        self.sent_at = time.perf_counter()
        self.connection.sendall(self.message)

    def receive(self) -> bool:
        """Take what is there; says whether the answer is complete."""
        self.received += self.connection.recv(65536)
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return False
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return False
        self.latencies.append((time.perf_counter() - self.sent_at) * 1000)
        self.failures += not (head.startswith(b"HTTP/1.1 200") and body == b"null")
        return True


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@pytest.mark.parametrize("language", ["Python", "Node.js"])
def test_a_warm_no_op_one_after_another(
    language: str, local_lambda_url: str, new_function: Callable[..., str]
) -> None:
    if language == "Python":
        name = new_function(NOOP)
    else:
        name = new_function({"app.js": NODE_NOOP}, Runtime=node_runtime())
    client = Client(local_lambda_url, request(local_lambda_url, name))
    for _ in range(3000):
        client.send()
        while not client.receive():
            pass
    warm = client.latencies[200:]
    print(f"\nwarm no-op of {language}, sequential, n={len(warm)}, kept-alive, log tail on")
    print(f"{'':12}{'measured':>10}{'reach':>10}")
    for label, value, reach in (
        ("p50 ms", statistics.median(warm), "< 2"),
        ("p99 ms", quantile(warm, 0.99), "< 6"),
        ("max ms", max(warm), ""),
    ):
        print(f"{label:12}{value:10.2f}{reach:>10}")
    assert client.failures == 0


def test_no_ops_per_second_with_eight_clients(
    local_lambda_url: str, new_function: Callable[..., str]
) -> None:
    name = new_function(NOOP)
    message = request(local_lambda_url, name)
    clients = [Client(local_lambda_url, message) for _ in range(8)]
    waiting = selectors.DefaultSelector()
    for client in clients:
        waiting.register(client.connection, selectors.EVENT_READ, client)
        client.send()
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        for key, _ in waiting.select(1.0):
            if key.data.receive():
                key.data.send()
    elapsed = time.perf_counter() - started
    latencies = [ms for client in clients for ms in client.latencies]
    failures = sum(client.failures for client in clients)
    print(f"\nno-op throughput, 8 clients, {elapsed:.0f} s, {os.cpu_count()} cores shared")
    print(f"{'':12}{'measured':>10}{'reach':>10}")
    print(f"{'calls/s':12}{len(latencies) / elapsed:10.0f}{'> 800':>10}")
    print(f"{'failures':12}{failures:10}{'0':>10}")
    print(f"{'p50 ms':12}{statistics.median(latencies):10.2f}")
    print(f"{'p99 ms':12}{quantile(latencies, 0.99):10.2f}")
    assert failures == 0
