"""Samples as tables that other programs, and ``replay:``, read."""

import csv
import gzip
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.stored import SAMPLE
from tuner.errors import StoreError, TunerError
from tuner.recording.read import read_recording
from tuner.records import Outcome, Sample, Setting
from tuner.store.sheet import COLUMNS, is_table, write_table


def rows(path: Path) -> list[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV"])
def test_each_request_is_a_row(make_sample: Callable[..., Sample], name: str) -> None:
    samples = [make_sample(call=call) for call in (1, 2, 3)]
    write_table(samples, Path("deep") / name)
    found = rows(Path("deep") / name)
    assert [row["call"] for row in found] == ["1", "2", "3"]
    assert set(found[0]) == set(COLUMNS)
    assert found[0]["arch"] == SAMPLE.arch and found[0]["status"] == SAMPLE.outcome.value


def test_messages_and_logs_stay_out(make_sample: Callable[..., Sample]) -> None:
    secret = make_sample(message="card 4711", log_tail="card 4711", outcome=Outcome.FUNCTION_ERROR)
    write_table([secret], Path("a.csv"))
    assert "4711" not in Path("a.csv").read_text()


def test_a_parquet_has_typed_columns(make_sample: Callable[..., Sample]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table([make_sample(init_ms=None), make_sample(init_ms=120.5)], Path("a.parquet"))
    found = parquet.read_table("a.parquet")
    assert found.column("init_ms").to_pylist() == [None, 120.5]
    assert str(found.schema.field("memory_mb").type) == "int64"
    write_table([], Path("none.parquet"))
    assert parquet.read_table("none.parquet").num_rows == 0


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TunerError, match=r"tuner\[parquet\]"):
        write_table([], Path("a.parquet"))
    assert list(Path().iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named() -> None:
    Path("file").write_text("")
    with pytest.raises(StoreError, match=r"file file/a\.csv"):
        write_table([], Path("file/a.csv"))


def test_links_are_followed_and_a_device_stays_one(make_sample: Callable[..., Sample]) -> None:
    Path("real.csv").write_text("old")
    Path("link.csv").symlink_to("real.csv")
    write_table([make_sample()], Path("link.csv"))
    assert Path("link.csv").is_symlink() and "memory_mb" in Path("real.csv").read_text()
    Path("null.csv").symlink_to("/dev/null")
    write_table([make_sample()], Path("null.csv"))
    assert Path("null.csv").is_symlink() and Path("/dev/null").is_char_device()


def test_other_names_are_no_tables() -> None:
    assert not is_table(Path("run.json")) and not is_table(Path("run.jsonl.gz"))


times = st.floats(0.01, 800_000.0)


@given(
    st.lists(
        st.tuples(st.sampled_from([128, 512, 1024]), times, st.none() | times),
        min_size=1,
        max_size=9,
    )
)
def test_replay_reads_the_same_figures(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[int, float, float | None]]
) -> None:
    samples = [
        replace(
            SAMPLE,
            setting=Setting(size),
            duration_ms=duration,
            init_ms=init,
            billed_ms=None,
            max_memory_mb=None,
        )
        for size, duration, init in made
    ]
    path = tmp_path_factory.mktemp("sheet") / "a.csv"
    write_table(samples, path)
    recorded = read_recording(path)
    for size in recorded.sizes():
        kept = [row.duration_ms for row in recorded.rows(size)]
        assert kept == pytest.approx([d for s, d, _ in made if s == size], abs=1e-6)
