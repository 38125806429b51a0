"""Whatever stands in a column of a store, commands that read it end as they should: with what they
are asked for, or with two lines. Never with a traceback, never with a number that is none."""

import contextlib
import io
import math
import random
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.commands import exit_code
from tuner import sweep

ODD: tuple[Any, ...] = (
    *(None, "", "x", "{bad", "[]", "{}", "null", '{"a": 1}', b"\xff\x00", 0, -1, 1.5),
    *(2**63 - 1, -(2**63), 1e308, math.inf, "NaN", "2026-13-45T99:99:99Z", "\x00", "\ud7ff" * 50),
)
COMMANDS = (
    *(("runs",), ("runs", "show", "last"), ("recommend", "last"), ("report", "last")),
    *(("compare", "FIRST", "last"), ("runs", "export", "last", "out.gz")),
    ("runs", "copy", "--to", "to.db"),
)
#: Texts of a user's, which are shown as they are.
TEXTS = ("run", "command", "target", "note", "owner", "payload_class")
NO_NUMBER = re.compile(r"(?<![\w.])((?i:nan|inf|infinity)|None)(?![\w.])")


def columns(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as raw:
        tables = [
            row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return [
            (table, row[1])
            for table in tables
            if table.startswith("tuner_")
            for row in raw.execute(f"PRAGMA table_info({table})")
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two runs."""
    folder = tmp_path_factory.mktemp("whole")
    lines = [f"{size},{1769 / size * 100 + more}" for size in (128, 512) for more in range(5)]
    (folder / "rec.csv").write_text("\n".join(["memory_mb,duration_ms", *lines]))
    path = folder / "runs.db"
    recorded = f"replay:{folder / 'rec.csv'}"
    for seed in (1, 2):
        sweep(recorded, memory="recorded", store=str(path), output=None, seed=seed)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNER_STORE", "runs.db")
    yield tmp_path


def spoilt(whole: Path, table: str, column: str, value: Any) -> bool:
    """A copy of the store with this in every row; false if the table does not take it."""
    for old in Path().glob("*.db*"):
        old.unlink()
    shutil.copy(whole, "runs.db")
    try:
        with sqlite3.connect("runs.db") as raw:
            raw.execute(f"UPDATE OR FAIL {table} SET {column} = ?", (value,))
    except sqlite3.Error:
        return False
    return True


def check(whole: Path, table: str, column: str, value: Any) -> None:
    if not spoilt(whole, table, column, value):
        return
    with contextlib.closing(sqlite3.connect(whole)) as raw:
        first = raw.execute("SELECT run FROM tuner_runs ORDER BY run").fetchone()[0]
    for old in ("to.db", "out.gz"):
        Path(old).unlink(missing_ok=True)
    for words in COMMANDS:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = exit_code(*(first if word == "FIRST" else word for word in words))
        case = (table, column, value, words)
        assert code in (0, 1, 2, 3), case
        assert code == 0 or len(err.getvalue().splitlines()) <= 2, (case, err.getvalue())
        assert column in TEXTS or not NO_NUMBER.search(out.getvalue()), (case, out.getvalue())


def test_every_command_reads_a_store_that_is_whole(whole: Path, here: Path) -> None:
    check(whole, "tuner_runs", "seed", 1)
    assert (here / "out.gz").exists() and (here / "reports").is_dir()


@settings(max_examples=2)
@given(data=st.data())
def test_an_odd_value_in_any_column_is_an_error_or_nothing(
    data: st.DataObject, whole: Path, here: Path
) -> None:
    table, column = data.draw(st.sampled_from(columns(whole)))
    check(whole, table, column, data.draw(st.sampled_from(ODD)))


@pytest.mark.parametrize(
    ("column", "value"), [("options", "{}"), ("options", '{"a": 1}'), ("started_at", 1e308)]
)
def test_a_run_without_its_target_or_of_no_time_is_an_error(
    whole: Path, here: Path, column: str, value: Any
) -> None:
    check(whole, "tuner_runs", column, value)
    spoilt(whole, "tuner_runs", column, value)
    assert exit_code("runs", "show", "last") == 1


@pytest.mark.parametrize("column", ["call", "attempt", "round", "status", "payload"])
def test_a_count_that_is_a_fraction_is_an_error(whole: Path, here: Path, column: str) -> None:
    for value in (1.5, 1e308):
        check(whole, "tuner_samples", column, value)
        assert spoilt(whole, "tuner_samples", column, value)  # answers read some, an export all
        assert exit_code("runs", "export", "last", "out.gz") == 1


@pytest.mark.parametrize("column", ["due_s", "sent_s", "duration_ms", "billed_ms", "init_ms"])
def test_a_time_that_cannot_be_is_an_error(whole: Path, here: Path, column: str) -> None:
    assert spoilt(whole, "tuner_samples", column, 1e308)
    for words in (("runs", "show", "last"), ("report", "last")):
        assert exit_code(*words) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_so_are_some_in_each_column(whole: Path, here: Path) -> None:
    rng = random.Random(1)
    for table, column in columns(whole):
        for value in rng.sample(ODD, 4):
            check(whole, table, column, value)


@pytest.mark.parametrize("body", ["-1", "[]", "null", '"x"', "{}"])
def test_a_document_that_is_no_object_is_an_error_or_unknown(
    whole: Path, here: Path, body: str
) -> None:
    check(whole, "tuner_documents", "body", body)
