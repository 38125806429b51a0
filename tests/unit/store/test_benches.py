"""Runs of suites and baselines go into a store and come out as they were."""

import math
import sqlite3
from pathlib import Path

import pytest

from tuner.errors import NotFound, StoreError
from tuner.store.benches import Baseline, BaselineKey, Benches, StoredBench
from tuner.store.runs import Store

FIRST = StoredBench(
    "01JDS0000000000000000000AA", "nightly", "", "main", "abc", 10.0, 20.0, "same", {"a": [1.5]}
)
SECOND = StoredBench(
    "01JDS0000000000000000000BB", "nightly", "prod", "", "", 30.0, 40.0, None, {"a": None}
)
PLACE = BaselineKey("nightly", "checkout", "prod", "main")


@pytest.fixture
def benches(store: Store) -> Benches:
    return Benches(store)


def accepted(place: BaselineKey, run: str, why: str | None = None) -> Baseline:
    return Baseline(place, run, None, "abc", 5.0, "ada", why)


def test_a_bench_comes_back_as_it_was_saved_and_the_newest_is_first(benches: Benches) -> None:
    benches.save(FIRST)
    benches.save(SECOND)
    assert benches.all() == [SECOND, FIRST]
    assert benches.all(environment="") == [FIRST]
    assert benches.all("other") == []


def test_a_bench_is_found_by_prefix_and_as_the_last(benches: Benches) -> None:
    benches.save(FIRST)
    benches.save(SECOND)
    assert benches.find("01jds0000000000000000000a") == FIRST
    assert benches.find("last") == SECOND
    with pytest.raises(StoreError, match="2 of them"):
        benches.find("01")
    with pytest.raises(NotFound):
        benches.find("02")


def test_an_id_is_saved_once(benches: Benches) -> None:
    benches.save(FIRST)
    with pytest.raises(StoreError, match="already"):
        benches.save(FIRST)


def test_the_latest_acceptance_counts_and_all_are_kept(benches: Benches) -> None:
    old, new = accepted(PLACE, "01A"), accepted(PLACE, "01B", "a dearer library, on purpose")
    benches.accept([old])
    benches.accept([new])
    assert benches.baseline(PLACE) == new
    assert benches.baselines("nightly") == [new, old]


def test_a_baseline_is_of_one_branch_environment_and_case(benches: Benches) -> None:
    benches.accept([accepted(PLACE, "01A")])
    for other in (
        BaselineKey("weekly", "checkout", "prod", "main"),
        BaselineKey("nightly", "search", "prod", "main"),
        BaselineKey("nightly", "checkout", "", "main"),
        BaselineKey("nightly", "checkout", "prod", "topic"),
    ):
        assert benches.baseline(other) is None


@pytest.mark.parametrize("value", [math.inf, -1.0, 1e308, "2026-13-45T99:99:99Z", b"\xff"])
def test_a_time_that_cannot_be_is_an_error_that_names_the_row(
    file_store: Store, store_path: Path, value: object
) -> None:
    benches = Benches(file_store)
    benches.save(FIRST)
    benches.accept([accepted(PLACE, "01A")])
    with sqlite3.connect(store_path) as raw:
        raw.execute("UPDATE tuner_benches SET started_at = ?", (value,))
        raw.execute("UPDATE tuner_baselines SET accepted_at = ?", (value,))
    with pytest.raises(StoreError, match=FIRST.bench):
        benches.all()
    with pytest.raises(StoreError, match="nightly, checkout"):
        benches.baselines()
