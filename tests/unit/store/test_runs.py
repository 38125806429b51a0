"""Runs come back as they were stored, and are found by what a user calls them."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.errors import StoreError, UsageError
from tuner.records import Advice, Outcome, RunRecord, RunState, Sample, Setting
from tuner.sample_table import table_of
from tuner.store.documents import LOADS
from tuner.store.exchange import StoredRun, lines, parse, read
from tuner.store.runs import Store, find
from tuner.store.thinning import stand_ins, thinned

Make = Callable[..., RunRecord]
MakeSample = Callable[..., Sample]

finite = st.floats(allow_nan=False, allow_infinity=False)
# Lone surrogates and NUL are no text in a database; they are tested on their own below.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=16)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(words, values, max_size=3)
small = {bool: st.booleans(), float: finite, int: st.integers(-(2**31), 2**31 - 1), str: words}


#: Seconds since the epoch that a calendar has, to the last of the year 9999.
moments = st.floats(0.0, 253_402_300_799.0)


def any_record(kind: Any) -> st.SearchStrategy[Any]:
    """Any record of ours, field by field."""
    fields = {name: _any(hint) for name, hint in get_type_hints(kind).items()}
    times = {"started_at": moments, "finished_at": st.none() | moments}
    return st.builds(kind, **fields | {name: times[name] for name in fields if name in times})


def _any(hint: Any) -> st.SearchStrategy[Any]:
    inner = get_args(hint)
    if get_origin(hint) is UnionType:
        return st.none() | _any(inner[0])
    if get_origin(hint) is tuple:
        return st.lists(_any(inner[0]), max_size=2).map(tuple)
    if get_origin(hint) is Mapping:
        return objects
    if is_dataclass(hint) or hint is Setting:
        return any_record(hint)
    return small[hint] if hint in small else st.sampled_from(list(hint))


#: Lambda's sizes, and any that a recording may have; the store refuses what cannot be one.
any_size = st.integers(1, 1_000_000)
#: So are their times: those that cannot be are refused.
some_times = st.fixed_dictionaries(
    {name: st.floats(-1e11, 1e11) for name in ("due_s", "sent_s")}
    | {name: st.none() | st.floats(0.0, 1e11) for name in ("duration_ms", "billed_ms", "init_ms")}
)
some_samples = st.lists(
    st.builds(
        lambda sample, size, times: replace(
            sample, setting=sample.setting._replace(memory_mb=size), **times
        ),
        any_record(Sample),
        any_size,
        some_times,
    ),
    max_size=4,
)


@pytest.fixture
def stored(store: Store, make_run: Make) -> Store:
    """A store with three runs."""
    for number, name in enumerate(("01JAAA", "01JAAB", "01JB_B")):
        store.start(make_run(run=name, started_at=1e9 + number))
    return store


@given(run=any_record(RunRecord), samples=some_samples)
@examples(60)  # in one store: each removes its run
def test_a_run_and_its_samples_come_back_as_they_were_stored(
    store: Store, run: RunRecord, samples: list[Sample]
) -> None:
    store.start(run)
    try:
        store.add(run.run, samples)
        assert store.samples(run.run) == samples
        assert store.stored(run.run).run == run
    finally:
        store.delete(run.run)


@given(any_record(RunRecord), some_samples, st.dictionaries(words, objects, max_size=2))
@examples(60)
def test_a_run_comes_back_from_its_file_as_it_was_written(
    run: RunRecord, samples: list[Sample], documents: dict[str, dict[str, Any]]
) -> None:
    stored = StoredRun(run, tuple(samples), documents)
    assert parse(lines(stored)) == stored


@given(st.lists(st.text(max_size=40) | values.map(json.dumps), max_size=5))
def test_a_file_that_is_no_exported_run_is_refused_with_the_line(content: list[str]) -> None:
    with pytest.raises(ValueError, match=r"line \d+: |cut off"):
        parse(content)


@given(cut=st.integers(0, 3), data=st.data())
def test_an_exported_run_that_was_damaged_is_refused_or_read_as_a_run(
    cut: int, data: st.DataObject
) -> None:
    header = {"schema": "tuner.run/1", "run": data.draw(values)}
    rest = [{"sample": data.draw(values)}, {"document": data.draw(values)}, {"end": None}]
    with pytest.raises(ValueError, match=r"line|cut off"):
        parse(json.dumps(each) for each in [header, *rest[:cut]])


def test_a_run_is_found_by_its_id_a_prefix_in_any_case_or_last(stored: Store) -> None:
    assert stored.run("01JAAA").run == "01JAAA"
    assert stored.run("01jb").run == "01JB_B"
    assert stored.run("last").run == "01JB_B"
    assert [run.run for run in stored.runs()] == ["01JB_B", "01JAAB", "01JAAA"]
    assert len(stored.runs(limit=2)) == 2


def test_last_can_be_asked_of_one_command(stored: Store, make_run: Make) -> None:
    stored.start(make_run(run="01JC", command="load", started_at=2e9))
    assert stored.run("last").run == "01JC"
    assert stored.run("last", command="sweep").run == "01JB_B"
    with pytest.raises(StoreError, match="no cold is stored yet"):
        stored.run("last", command="cold")


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("01JA", "several runs start with this: 01JAAB, 01JAAA"),
        ("x", "no stored run starts with this"),
        ("%", "no stored run starts with this"),
        ("01JA_", "no stored run starts with this"),
        ("", "no run was named"),
    ],
)
def test_a_name_that_means_no_run_or_several_is_refused(
    stored: Store, ref: str, reason: str
) -> None:
    with pytest.raises(StoreError, match=reason):
        stored.run(ref)


def test_an_id_that_is_also_a_prefix_means_the_run_of_that_id(
    stored: Store, make_run: Make
) -> None:
    stored.start(make_run(run="01JAA", started_at=1.0))
    assert stored.run("01JAA").run == "01JAA"


def test_an_empty_store_has_no_last_run(store: Store) -> None:
    with pytest.raises(StoreError, match="no run is stored yet"):
        store.run("last")


def test_a_finished_run_keeps_how_it_ended(store: Store, make_run: Make) -> None:
    store.start(make_run())
    advice = Advice("few-samples", "Only 3 samples; ask for more with --samples.")
    store.finish(make_run().run, RunState.PARTIAL, 1_767_225_660.0, [advice], "out of time")
    run = store.run("last")
    assert (run.state, run.finished_at) == (RunState.PARTIAL, 1_767_225_660.0)
    assert (run.warnings, run.note) == ((advice,), "out of time")


def test_text_that_no_database_takes_is_kept_readable(
    store: Store, make_run: Make, make_sample: MakeSample
) -> None:
    store.start(make_run(target="a\0b\ud800"))
    store.add(make_run().run, [make_sample(reason="\0oops \udfff")])
    assert store.run("last").target == "a\ufffdb?"
    assert store.samples(make_run().run)[0].reason == "\ufffdoops ?"


def test_a_document_is_replaced_and_infinite_numbers_become_null(
    store: Store, make_run: Make
) -> None:
    run = make_run().run
    store.start(make_run())
    assert store.document(run, "sweep") is None
    store.save_document(run, "sweep", {"value": 1})
    store.save_document(run, "sweep", {"value": math.nan, "sizes": (128, math.inf)})
    assert store.document(run, "sweep") == {"value": None, "sizes": [128, None]}


def test_deleting_a_run_takes_its_samples_and_documents_and_nothing_else(
    stored: Store, make_sample: MakeSample
) -> None:
    for run in ("01JAAA", "01JAAB"):
        stored.add(run, [make_sample()])
        stored.save_document(run, "sweep", {})
    stored.delete("01JAAA")
    assert stored.counts() == {"01JAAB": 1}
    assert [run.run for run in stored.runs()] == ["01JB_B", "01JAAB"]
    with pytest.raises(StoreError, match="not in this store"):
        stored.add("01JAAA", [make_sample()])


def test_a_run_id_is_stored_once(store: Store, make_run: Make) -> None:
    store.start(make_run())
    with pytest.raises(StoreError, match="already in this store"):
        store.start(make_run())


def test_a_number_beyond_64_bits_is_refused(store: Store, make_run: Make) -> None:
    with pytest.raises(StoreError, match="too large"):
        store.start(make_run(seed=2**64))


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_an_exported_run_is_the_same_in_another_store(
    store: Store, make_run: Make, make_sample: MakeSample, tmp_path: Path, name: str
) -> None:
    run, file = make_run(), tmp_path / "deep" / name
    store.start(run)
    store.add(run.run, [make_sample(call=call) for call in range(5)])
    store.save_document(run.run, "sweep", {"schema": "tuner.sweep/1"})
    store.export(run.run, file)
    with Store.open(str(tmp_path / "other.db")) as other:
        assert other.import_(file) == run
        assert other.stored(run.run) == store.stored(run.run)
        with pytest.raises(StoreError, match="already in this store"):
            other.import_(file)
    assert (file.read_bytes()[:2] == b"\x1f\x8b") == name.endswith("gz")
    assert find(str(file)) == store.stored(run.run) == find("last", str(tmp_path / "other.db"))
    assert [each.name for each in file.parent.iterdir()] == [name]


def test_a_cut_or_newer_file_is_refused(
    store: Store, make_run: Make, make_sample: MakeSample, tmp_path: Path
) -> None:
    store.start(make_run())
    store.add(make_run().run, [make_sample()])
    file = tmp_path / "run.jsonl"
    store.export(make_run().run, file)
    whole = file.read_text()
    file.write_text(whole.rsplit("\n", 2)[0] + "\n")
    with pytest.raises(StoreError, match="cut off"):
        read(file)
    file.write_text(whole.replace("tuner.run/1", "tuner.run/2"))
    with pytest.raises(StoreError, match="needs a newer tuner"):
        read(file)
    file.write_bytes(b"\x1f\x8b garbage")
    with pytest.raises(StoreError, match=r"run\.jsonl: not"):
        read(file)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "absent.jsonl")


def test_a_later_version_may_add_fields_to_a_file(make_run: Make, make_sample: MakeSample) -> None:
    stored = StoredRun(make_run(), (make_sample(),))
    written = [json.loads(line) for line in lines(stored)]
    written[0]["run"]["colour"] = "blue"
    written[1]["sample"]["network_ms"] = 3.0
    assert parse(json.dumps(each) for each in written) == stored


def test_reports_that_came_late_join_the_samples_that_are_stored(
    store: Store, make_run: Make, make_sample: MakeSample
) -> None:
    store.start(make_run(run="01JAAA"))
    store.start(make_run(run="01JAAB"))
    bare = [make_sample(call=n, attempt=1, duration_ms=None, billed_ms=None) for n in range(3)]
    for run in ("01JAAA", "01JAAB"):
        store.add(run, [*bare, replace(bare[1], attempt=2)])
    late = replace(bare[1], duration_ms=12.5, billed_ms=13.0, init_ms=100.0, max_memory_mb=40.0)
    store.amend("01JAAA", [late])
    assert store.samples("01JAAA") == [bare[0], late, bare[2], replace(bare[1], attempt=2)]
    assert store.samples("01JAAB") == [*bare, replace(bare[1], attempt=2)]


def test_words_of_a_failure_are_kept_but_not_in_histograms(
    store_url: str, make_run: Make, make_sample: MakeSample
) -> None:
    failed = make_sample(outcome=Outcome.FUNCTION_ERROR, reason="Odd", message="no\0", log_tail="é")
    with Store.open(store_url) as store:
        run = make_run()
        store.start(run)
        store.add(run.run, [failed])
        [found] = store.samples(run.run)
    assert (found.message, found.log_tail) == ("no\ufffd", "é")
    [stand_in] = stand_ins(thinned([found], at=0.0), "seed")
    assert (stand_in.reason, stand_in.message, stand_in.log_tail) == ("Odd", None, None)


def test_a_run_is_read_without_what_no_answer_is_made_of(
    store: Store, make_run: Make, make_sample: Callable[..., Sample]
) -> None:
    samples = [make_sample(call=call, request_id=f"r-{call}") for call in range(3)]
    store.start(make_run())
    store.add(make_run().run, samples)
    read = table_of(store.stored(make_run().run, figures=True).samples)
    assert read.duration_ms.tolist() == [sample.duration_ms for sample in samples]
    assert read.counts() == table_of(samples).counts()
    with pytest.raises(LookupError, match="was not read"):
        list(read)


def test_a_run_with_loads_is_read_whole_for_an_answer(
    store: Store, make_run: Make, make_sample: Callable[..., Sample]
) -> None:
    store.start(make_run())
    store.add(make_run().run, [make_sample()])
    store.save_document(make_run().run, LOADS, {"loads": []})
    assert store.stored(make_run().run, figures=True).samples == [make_sample()]


def test_a_long_run_is_read_page_by_page(
    store: Store,
    make_run: Make,
    make_sample: Callable[..., Sample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tuner.store import sample_columns

    monkeypatch.setattr(sample_columns, "_ROWS", 2)
    monkeypatch.setattr(sample_columns, "_OF_A_PAGE", 4)
    other = make_run(run="01JOTHER")
    for run in (make_run(), other):
        store.start(run)
    samples = [make_sample(call=call, init_ms=None if call % 4 else 300.0) for call in range(13)]
    for sample in samples:  # rows of two runs between each other
        store.add(make_run().run, [sample])
        store.add(other.run, [make_sample(call=99)])
    assert store.samples(make_run().run) == samples
    assert len(store.samples(other.run)) == len(samples)
