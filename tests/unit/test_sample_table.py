"""Columns of samples are what the samples say, wherever they come from."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from support.factories import a_function, a_run, a_sample
from tuner.billing.cost import billed_of, sample_usd, usd_of
from tuner.billing.prices import prices
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal
from tuner.decide.month import Priced
from tuner.planning.budget import spent_on
from tuner.records import PROXIED, Outcome, Purpose, Sample
from tuner.report.sweep_document import document
from tuner.sample_table import OWN, Columns, Kind, SampleTable, as_column, table_of, total
from tuner.store.runs import Store
from tuner.units import MemoryRange

X86 = prices("us-east-1", "x86_64")
RUN = a_run(facts=a_function("f"))
SEEDS = range(12)


def some(seed: int) -> list[Sample]:
    """A small run in which anything may have happened."""
    random = Random(seed)
    return [_any(number, random) for number in range(random.choice((0, 1, 4, 60)))]


def _any(number: int, random: Random) -> Sample:
    outcome = random.choices(list(Outcome), [40] + [2] * (len(Outcome) - 1))[0]
    ok = outcome is Outcome.OK
    size, due_s = random.choice((128, 512, 1769)), number * 0.1 + random.random()
    known: dict[str, Any] = {"init_ms": random.choice((None, None, 300.0, 9_995.0)) if ok else None}
    if known["init_ms"] is None and random.random() < 0.1:
        known["restore_ms"] = 150.0
    if ok and random.random() < 0.9:
        known["ran_ms"] = (40_000 / size + 9) * random.lognormvariate(0, 0.2)
    if random.random() < 0.2:
        known["billed_ms"] = None
    return a_sample(
        size,
        arch=random.choice(("x86_64", "arm64")),
        load=random.choice(("", "", "", "steady")),
        call=number,
        attempt=random.choice((1, 1, 2)),
        round=number // 10,
        purpose=random.choice((Purpose.WARM, Purpose.WARM, Purpose.COLD, Purpose.WARM_UP)),
        outcome=outcome,
        due_s=due_s,
        sent_s=due_s + random.random() / 500,
        took_s=random.random(),
        status=random.choice((None, 200)),
        reason=random.choice((None, f"{PROXIED}500") if ok else (None, "KeyError", "Throttled")),
        max_memory_mb=random.choice((None, 40.0, 51.0)),
        **known,
    )


def columns_of(samples: Sequence[Sample]) -> SampleTable:
    """The samples as if they had been read as columns."""
    kinds = [Kind(s.purpose, s.outcome, s.setting) for s in samples]
    known = list(dict.fromkeys(kinds))
    own = {name: as_column(name, [getattr(s, name) for s in samples]) for name in OWN}
    return SampleTable.of(
        Columns(known, {**own, "kind": as_column("kind", list(map(known.index, kinds)))})
    )


def same(column: Any, values: Sequence[Any]) -> bool:
    """True if a column has these values, NaN for what is not known."""
    return bool(np.array_equal(column, as_column("due_s", list(values)), equal_nan=True))


def test_columns_are_all_fields_of_a_sample() -> None:
    assert {*OWN, *Kind._fields} == {each.name for each in fields(Sample)}


@pytest.mark.parametrize("of", [table_of, columns_of])
@pytest.mark.parametrize("seed", SEEDS)
def test_columns_are_what_each_sample_says(of: Any, seed: int) -> None:
    samples = some(seed)
    table = of(samples)
    for name in (
        *("memory_mb", "attempt", "round", "due_s", "sent_s", "done_s", "duration_ms", "billed_ms"),
        *("init_ms", "restore_ms", "max_memory_mb", "latency_ms", "service_ms", "lag_ms"),
        *("cold", "init_cut", "answered_5xx"),
    ):
        assert same(getattr(table, name), [getattr(s, name) for s in samples]), name
    begun = [s.init_ms if s.init_ms is not None else s.restore_ms for s in samples]
    assert same(table.begun_ms, begun)
    assert table.values("reason") == [s.reason for s in samples]
    assert table.values("billed_ms") == [s.billed_ms for s in samples]
    assert table.values("setting") == [s.setting for s in samples]


@pytest.mark.parametrize("of", [table_of, columns_of])
@pytest.mark.parametrize("seed", SEEDS)
def test_parts_of_a_table_are_those_of_its_samples(of: Any, seed: int) -> None:
    samples = some(seed)
    table = of(samples)
    assert table == samples
    worked = table.only(lambda kind: kind.outcome is Outcome.OK)
    assert list(worked) == [s for s in samples if s.outcome is Outcome.OK]
    cold = worked.where(worked.cold)
    assert cold == [s for s in samples if s.outcome is Outcome.OK and s.cold]
    assert same(cold.latency_ms, [s.latency_ms for s in samples if s in cold])
    counts = Counter(Kind(s.purpose, s.outcome, s.setting) for s in worked)
    assert list(worked.counts().items()) == list(counts.items())
    assert table[1:3] == samples[1:3]
    assert [table[at] for at in range(len(samples))] == samples


def test_a_table_is_no_other_samples() -> None:
    assert table_of(some(3)) != some(4)
    assert table_of(some(3)) != "samples"


@pytest.mark.parametrize("seed", SEEDS)
def test_requests_cost_together_what_each_costs(seed: int) -> None:
    samples = some(seed)
    each = [sample_usd(sample, X86, 1_024) for sample in samples]
    assert same(usd_of(table_of(samples), X86, 1_024), each)
    assert spent_on(samples, X86, 3.0, 1_024).cost_usd == sum(cost or 0.0 for cost in each)
    billed = billed_of(table_of(samples))
    assert [cost is None for cost in each] == np.isnan(billed).tolist()


def test_a_sum_is_added_up_in_order() -> None:
    values = np.array([0.1, 0.2, 0.3, 1e16, -1e16])
    added = 0.0
    for value in values.tolist():
        added += value
    assert total(values) == added
    assert total(values) != math.fsum(values)
    assert total(values[:0]) == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answer_is_the_same_from_columns_of_a_store(seed: int, tmp_path: Path) -> None:
    samples = some(seed)
    with Store.open(str(tmp_path / "runs.db")) as store:
        store.start(RUN)
        store.add(RUN.run, samples)
        stored = store.stored(RUN.run, figures=True).samples
    assert _answer(stored) == _answer(samples)


def _answer(samples: Sequence[Sample]) -> dict[str, Any]:
    question = Question(Goal(), X86, MemoryRange(range_mb=(128, 3_008)), seed=1)
    return document(conclude(Evidence(RUN, samples, Priced(X86)), question))
