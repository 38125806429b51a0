"""Every number in a sentence is one of the document: runs are generated, and their answers read."""

import re
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from support.factories import a_function, a_run, a_sample
from tuner.billing.prices import prices
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal, Strategy, parse_slo
from tuner.decide.month import Priced
from tuner.decide.result import SizeRow, Sweep
from tuner.records import Sample
from tuner.report.answer import answer
from tuner.report.sweep_document import document
from tuner.units import MemoryRange, format_ms, format_usd_per_million

RATES = prices("us-east-1", "x86_64")
SIZES = (128, 192, 256, 512, 768, 1024, 1769, 3008)


@st.composite
def runs(draw: st.DrawFn) -> Sweep:
    """Answer from a few calls of a few sizes, some of which may never have been called."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    sizes = sorted(draw(st.sets(st.sampled_from(SIZES), min_size=2, max_size=5)))
    cpu, wait = draw(st.sampled_from([0.3, 20.0, 900.0])), draw(st.sampled_from([0.0, 50.0]))
    scatter = draw(st.sampled_from([0.0, 0.02, 0.3]))
    samples: list[Sample] = []
    for size in sizes[draw(st.integers(0, 1)) :]:
        own = wait + cpu * max(1.0, 1769 / size)
        took = own * np.exp(scatter * rng.standard_normal(draw(st.sampled_from([1, 3, 12]))))
        samples += [
            a_sample(size, call=len(samples) + i, ran_ms=float(ms)) for i, ms in enumerate(took)
        ]
    slos = draw(st.sampled_from([(), (parse_slo("p95<300ms"),)]))
    goal = Goal(
        strategy=draw(st.sampled_from(Strategy)),
        slos=slos,
        current_mb=draw(st.sampled_from([None, *sizes])),
    )
    question = Question(goal, RATES, MemoryRange(sizes_mb=tuple(sizes)), seed=1, enough=3)
    facts = replace(a_function(memory_mb=goal.current_mb), arch="x86_64")
    return conclude(Evidence(replace(a_run(), facts=facts), samples, Priced(RATES, None)), question)


@given(sweep=runs())
@settings(max_examples=25)
def test_every_number_of_an_answer_is_that_of_its_row(sweep: Sweep) -> None:
    pick, rows = sweep.recommendation, {row.memory_mb: row for row in sweep.sizes}
    assert pick is not None
    cost, took = figures(rows[pick.memory_mb])
    assert pick.cost_usd_per_million is not None
    assert np.isclose(pick.cost_usd_per_million.mean, cost)
    assert pick.verified_calls == rows[pick.memory_mb].warm.n
    first = pick.reasons[0]
    assert f"{format_usd_per_million(cost)}, {format_ms(took)} on average" in first
    for other in pick.runners_up:
        there = figures(rows[other.memory_mb])
        assert np.allclose((other.cost_usd_per_million, other.duration_ms), there)
        if "objectives" not in other.why_not:
            held(other.why_not, there, (cost, took))
    for choice in pick.choices:
        there = figures(rows[choice.memory_mb])
        assert np.allclose((choice.cost_usd_per_million, choice.duration_ms), there)
        assert choice.verified_calls == rows[choice.memory_mb].warm.n
    cheapest, _, fastest = pick.choices
    for other in pick.choices:
        if other.verified_calls >= cheapest.verified_calls:
            assert cheapest.cost_usd_per_million <= 1.01 * other.cost_usd_per_million
        if pick.strategy != "speed":  # there it is the pick, by the curve
            assert fastest.duration_ms <= 1.01 * other.duration_ms
    held_to_document(sweep)
    said = answer(sweep).sentence
    for size in re.findall(r"([\d,]+) MB", " ".join((first, said.partition("; ")[0]))):
        assert int(size.replace(",", "")) in {*rows, sweep.run.facts.memory_mb}
    now = pick.versus_current
    if now is not None and now.cost_change is not None and now.memory_mb != pick.memory_mb:
        held(said.partition(" than the current")[0], (cost, took), figures(rows[now.memory_mb]))


def figures(row: SizeRow) -> tuple[float, float]:
    """Mean cost and mean duration of a row."""
    assert row.cost_usd_per_million is not None
    assert row.warm.duration_ms is not None
    return row.cost_usd_per_million.mean, row.warm.duration_ms.mean


def held(words: str, there: tuple[float, float], here: tuple[float, float]) -> None:
    """Hold ``12 % cheaper and 3.1x faster`` against what there is and what is here."""
    cost, took = there[0] / here[0], there[1] / here[1]
    for amount, word in re.findall(r"([\d.]+) % (cheaper|more expensive|faster|slower)", words):
        change = (cost if word in ("cheaper", "more expensive") else took) - 1.0
        assert (change < 0) == (word in ("cheaper", "faster")), words
        assert abs(abs(change) * 100 - float(amount)) <= 0.51, words
    for amount, word in re.findall(r"([\d.,]+)x (faster|slower|the cost)", words):
        ratio = {"faster": 1 / took, "slower": took, "the cost": cost}[word]
        assert abs(ratio / float(amount.replace(",", "")) - 1.0) <= 0.06, words


def held_to_document(sweep: Sweep) -> None:
    """Hold the document's recommendation against its own rows."""
    content = document(sweep)
    pick, rows = content["recommendation"], {row["memory_mb"]: row for row in content["sizes"]}
    row = rows[pick["memory_mb"]]
    assert pick["cost_usd_per_million"]["mean"] == row["cost_usd_per_million"]["mean"]
    for choice in pick["choices"].values():
        own = rows[choice["memory_mb"]]
        assert np.isclose(choice["duration_ms"], own["warm"]["duration_ms"]["mean"])
