"""What tests of several rooms share: a running local Lambda, zips to put on it, and a server on
loopback that does what a script says: faults that no real service has on demand."""

import base64
import io
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from support.waiting import wait_for

#: Ordinary runs draw the same examples every time, on every machine. The deep profile draws fresh
#: ones and many more (``pytest -m hypothesis --hypothesis-profile=deep``, part of .ci/run); what it
#: finds becomes an ``@example`` of the test that failed.
SHARED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("ordinary", derandomize=True, database=None, **SHARED)
settings.register_profile("deep", max_examples=500, print_blob=True, **SHARED)
settings.load_profile("ordinary")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three processes for a whole run, whose tests wait more than they compute.

    One for chosen files, so that they begin at once and may print, and for benches, which measure.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and not config.option.markexpr.startswith("bench"):
        return 3
    config.option.dist = "no"
    return 0


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the chart library and the price list out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


ROLE = "arn:aws:iam::000000000000:role/test"


@contextmanager
def running_local_lambda(*arguments: str) -> Iterator[str]:
    """A local Lambda in a process of its own, by its URL; it never outlives this process."""
    pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner.locallambda", "--parent-pipe", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                process.wait(10)
                complaints.seek(0)
                pytest.fail(f"the local Lambda did not start: {complaints.read()}")
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


@pytest.fixture(scope="session")
def local_lambda_url() -> Iterator[str]:
    """The URL of one local Lambda for the whole session; give functions names of your own."""
    with running_local_lambda() as url:
        yield url


@pytest.fixture(scope="session")
def start_local_lambda() -> Callable[..., Any]:
    """``with start_local_lambda("--time-scale", "60") as url``: one with options of your own."""
    return running_local_lambda


@pytest.fixture(scope="session")
def make_zip() -> Callable[[Path | Mapping[str, str | bytes]], bytes]:
    """Zip a folder of handlers, or files given as ``{"app.py": "..."}``; bootstrap can run."""
    return zipped


def zipped(source: Path | Mapping[str, str | bytes]) -> bytes:
    """The bytes of a deployment package."""
    if isinstance(source, Path):
        files: Mapping[str, str | bytes] = {
            str(path.relative_to(source)): path.read_bytes()
            for path in sorted(source.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
    else:
        files = source
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name == "bootstrap" else 0o644) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


@pytest.fixture
def lambda_client(local_lambda_url: str) -> Any:
    """A boto3 client of the session's local Lambda, without retries."""
    return boto3_client(local_lambda_url)


def boto3_client(url: str, region: str = "eu-west-1") -> Any:
    """A boto3 Lambda client with any credentials; it never retries."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=50),
    )


_numbers = itertools.count(1)


@pytest.fixture
def new_function(lambda_client: Any) -> Callable[..., str]:
    """Create a function and wait until it is active: ``new_function(handler_source, **more)``."""

    def create(source: str | Mapping[str, str | bytes], **more: Any) -> str:
        name = f"test-{os.getpid()}-{next(_numbers)}"
        files = {"app.py": source} if isinstance(source, str) else source
        given = {
            "Runtime": f"python3.{sys.version_info.minor}",
            "Handler": "app.handler",
            "Role": ROLE,
            "MemorySize": 1769,
            "Code": {"ZipFile": zipped(files)},
            **more,
        }
        lambda_client.create_function(FunctionName=name, **given)
        wait_until_settled(lambda_client, name)
        return name

    return create


def wait_until_settled(client: Any, name: str) -> dict[str, Any]:
    """Poll until a creation or update has settled; gives the configuration then."""

    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = client.get_function_configuration(FunctionName=name)
        settled = told["State"] == "Active" and told.get("LastUpdateStatus") == "Successful"
        return told if settled else None

    return wait_for(look, f"{name} to settle")


@pytest.fixture(scope="session")
def settled() -> Callable[[Any, str], dict[str, Any]]:
    """``settled(client, name)`` waits for a creation or update."""
    return wait_until_settled


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
    """Calls ``script(server, connection, n)`` for the n-th request; it returns False to hang up."""

    script: Callable[["ScriptedServer", socket.socket, int], bool]
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


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted servers that end with the test."""
    servers: list[ScriptedServer] = []

    def start(script: Callable[[ScriptedServer, socket.socket, int], bool]) -> ScriptedServer:
        servers.append(ScriptedServer(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def answer() -> Callable[..., bytes]:
    """Make an answer as Lambda gives it."""
    return http_answer


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A running PostgreSQL server; skips where none is installed."""
    pytest.importorskip("psycopg", reason="psycopg, the `postgres` extra, is not installed")
    from support.postgresql import Server

    # Not among pytest's own folders: each pytest that starts closes those to other users.
    with tempfile.TemporaryDirectory(prefix="tuner-postgres-") as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_store(postgres: Any) -> Iterator[str]:
    """URL of a PostgreSQL database of this test's own."""
    url = postgres.database()
    yield url
    postgres.drop(url)
