"""A run and a sample to store, an SQLite store, and a PostgreSQL server of the tests' own."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tuner.records import Backend, FunctionFacts, Outcome, Purpose, RunRecord, RunState, Sample
from tuner.store.runs import Store

FACTS = FunctionFacts(
    name="orders",
    arn="arn:aws:lambda:us-east-1:000000000000:function:orders",
    backend=Backend.LOCAL,
    region="us-east-1",
    arch="x86_64",
    runtime="python3.13",
    memory_mb=128,
    timeout_s=3.0,
)
RUN = RunRecord(
    run="01JDS0000000000000000000AA",
    command="sweep",
    target="demo:cpu",
    state=RunState.RUNNING,
    seed=1,
    started_at=1_767_225_600.0,
    finished_at=None,
    options={"memory": "128:1536", "slo": ["p95<300ms"]},
    facts=FACTS,
)
SAMPLE = Sample(
    call=1,
    attempt=1,
    round=0,
    purpose=Purpose.WARM,
    memory_mb=512,
    arch="x86_64",
    qualifier="7",
    outcome=Outcome.OK,
    due_s=1.0,
    sent_s=1.001,
    first_byte_s=1.02,
    done_s=1.021,
    status=200,
    duration_ms=18.25,
    billed_ms=19.0,
)


@pytest.fixture
def make_run() -> Callable[..., RunRecord]:
    """Builds a run; keywords replace its fields."""
    return lambda **changes: replace(RUN, **changes)


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """Builds a sample; keywords replace its fields."""
    return lambda **changes: replace(SAMPLE, **changes)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Where the SQLite store of a test lies."""
    return tmp_path / "runs.db"


@pytest.fixture
def store(store_path: Path) -> Iterator[Store]:
    """An empty SQLite store."""
    with Store.open(str(store_path)) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty PostgreSQL server on a private port; its database is ``postgres``."""
    binaries = _postgres_binaries()
    pytest.importorskip("psycopg", reason="psycopg, the `postgres` extra, is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    account = _unprivileged(folder)
    data = folder / "data"
    quiet: dict[str, Any] = {"capture_output": True, "timeout": 120, **account}
    initdb = [binaries / "initdb", "-A", "trust", "-U", "tuner", "-D", data]
    subprocess.run(initdb, check=True, **quiet)
    port = _free_port()
    flags = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    start = ["-l", str(folder / "log"), "-o", f"{flags} -c fsync=off", "start"]
    subprocess.run([*control, *start], check=True, **quiet)
    try:
        yield f"postgresql+psycopg://tuner@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)


@pytest.fixture
def postgres_store(postgres: str) -> Iterator[str]:
    """URL of a PostgreSQL database of this test's own."""
    name = f"t{_free_port()}"
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield postgres.rsplit("/", 1)[0] + f"/{name}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def _postgres_binaries() -> Path:
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists():
            return folder
    pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then it runs as nobody, in a folder of nobody's."""
    if sys.platform == "win32" or os.getuid() != 0:
        return {}
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    shutil.chown(folder, "nobody")
    return {"user": "nobody", "cwd": folder}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
