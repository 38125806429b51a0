"""A run and a sample to store, and empty stores of both kinds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

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


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a store that is away does so below the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Where the SQLite store of a test lies."""
    return tmp_path / "runs.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty place for a store, once of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("store_path"))
    return str(request.getfixturevalue("postgres_store"))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, once of each kind."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture
def file_store(store_path: Path) -> Iterator[Store]:
    """An empty SQLite store."""
    with Store.open(str(store_path)) as opened:
        yield opened
