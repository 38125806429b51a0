"""A run and a sample to store, and empty stores of both kinds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.stored import RUN, SAMPLE
from tuner.records import RunRecord, Sample
from tuner.store.runs import Store


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
