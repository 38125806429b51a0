"""What is old is thinned, what needs its samples is not, and every reader is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import StoreError
from tuner.records import Advice, RunState
from tuner.store.benches import Baseline, BaselineKey, Benches
from tuner.store.copying import copy_runs
from tuner.store.retention import Judged, Rule, judged, thin_run
from tuner.store.runs import Store, find

Make = Callable[..., Any]

RULE = Rule(before=1e9, smallest=50, needing={"size-loads": "its figures need each call"})


def keep(store: Store, make_run: Make, make_sample: Make, run: str, **changes: Any) -> None:
    """A run that ended long ago, with 60 samples."""
    number = changes.pop("samples", 60)
    finished = changes.pop("finished_at", 1e9 - 5)
    state = changes.pop("state", RunState.DONE)
    store.start(make_run(run=run, started_at=1e9 - 10, **changes))
    store.add(run, [make_sample(call=n, duration_ms=10.0 + n) for n in range(number)])
    if state is not RunState.RUNNING:
        store.finish(run, state, finished, (Advice("few", "Measure more."),))


def test_an_old_run_keeps_its_percentiles_and_says_what_is_gone(
    store: Store, make_run: Make, make_sample: Make, tmp_path: Path
) -> None:
    keep(store, make_run, make_sample, "01JA")
    before = store.samples("01JA")
    assert judged(store, RULE) == [Judged("01JA", 60)]
    assert thin_run(store, "01JA", RULE, 2e9) == 60
    store.compact()
    again = store.samples("01JA")
    assert sorted(s.duration_ms or 0 for s in again) == pytest.approx(
        [s.duration_ms for s in before], rel=1e-3
    )
    assert [a.code for a in store.run("01JA").warnings] == ["few", "samples-in-histograms"]
    assert store.counts() == {"01JA": 60}
    with store.connection() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM tuner_samples").scalar()
    assert rows == 0
    with pytest.raises(StoreError, match="thinned to histograms, so it cannot go on"):
        store.resume("01JA")
    assert (judged(store, RULE), thin_run(store, "01JA", RULE, 2e9)) == ([], 0)

    store.export("01JA", tmp_path / "run.jsonl")
    with Store.open(str(tmp_path / "copied.db")) as copied:
        assert copy_runs(store, copied).runs == ["01JA"]
        assert copied.stored("01JA") == store.stored("01JA")
    with Store.open(str(tmp_path / "imported.db")) as imported:
        imported.import_(tmp_path / "run.jsonl")
        assert imported.stored("01JA") == store.stored("01JA")
    assert find(str(tmp_path / "run.jsonl")) == store.stored("01JA")


def test_what_needs_its_samples_stays_whole_and_says_why(
    store: Store, make_run: Make, make_sample: Make
) -> None:
    keep(store, make_run, make_sample, "01JYOUNG", finished_at=1e9 + 5)
    keep(store, make_run, make_sample, "01JSMALL", samples=49)
    keep(store, make_run, make_sample, "01JOPEN", state=RunState.RUNNING)
    keep(store, make_run, make_sample, "01JBASE")
    keep(store, make_run, make_sample, "01JLOADED")
    store.save_document("01JLOADED", "size-loads", {})
    place = BaselineKey("nightly", "checkout", "", "main")
    Benches(store).accept([Baseline(place, "01JBASE", None, "abc", 5.0, "ada", None)])
    assert {each.run: each.left for each in judged(store, RULE)} == {
        "01JOPEN": "it was never finished; finish it with --resume, or delete it",
        "01JBASE": "it is a baseline of suite nightly",
        "01JLOADED": "its figures need each call",
    }
    for run in store.runs():
        assert thin_run(store, run.run, RULE, 2e9) == 0
        assert len(store.samples(run.run)) >= 49


def test_histograms_that_cannot_be_read_are_an_error_that_names_the_run(
    store: Store, make_run: Make, make_sample: Make
) -> None:
    keep(store, make_run, make_sample, "01JA")
    thin_run(store, "01JA", RULE, 2e9)
    store.save_document("01JA", "thinned", {"schema": "tuner.thinned/9", "count": 60})
    with pytest.raises(StoreError, match="run 01JA: its histograms cannot be read"):
        store.samples("01JA")
    assert store.counts() == {"01JA": 60}
