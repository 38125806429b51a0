"""What tests of several rooms share: a local Lambda, servers on loopback, PostgreSQL."""

import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from support.local_lambda import (
    ROLE,
    boto3_client,
    running_local_lambda,
    wait_until_settled,
    zipped,
)
from support.servers import Script, ScriptedServer, http_answer

#: Ordinary runs draw the same examples every time, on every machine. The deep profile draws fresh
#: ones and many more (``pytest -m hypothesis --hypothesis-profile=deep``, part of .ci/run); what it
#: finds becomes an ``@example`` of the test that failed. The night profile takes hours.
SHARED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("ordinary", derandomize=True, database=None, **SHARED)
settings.register_profile("deep", max_examples=500, print_blob=True, **SHARED)
settings.register_profile("night", max_examples=3000, print_blob=True, **SHARED)
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
def _folders_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the chart library, the price list and what is trusted out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _documents_as_their_schemas_say() -> Iterator[None]:
    """Hold every document that a test makes against its schema."""
    from support.documents import checked

    with checked():
        yield


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


@pytest.fixture
def lambda_client(local_lambda_url: str) -> Any:
    """A boto3 client of the session's local Lambda, without retries."""
    return boto3_client(local_lambda_url)


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


@pytest.fixture(scope="session")
def settled() -> Callable[[Any, str], dict[str, Any]]:
    """``settled(client, name)`` waits for a creation or update."""
    return wait_until_settled


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted servers that end with the test."""
    servers: list[ScriptedServer] = []

    def start(script: Script) -> ScriptedServer:
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
