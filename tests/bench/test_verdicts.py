"""How far verdicts can be trusted: false alarms, changes found, calls spent, change points.

``pytest -m bench -s tests/bench/test_verdicts.py``. Three minutes on two idle cores;
``TUNER_BENCH_TRIALS=1000`` takes longer and tells rare alarms better. Everything is drawn from
recorded noise (``tests/bench/verdicts``) with seeds, so that a table can be had again. Recordings
made on AWS are looked for beside the repository (``TUNER_SHARED_DATA`` names another place); rows
of theirs are left out where they are absent.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tuner.model.run_history import change_points
from tuner.suites.judgement import Verdict
from verdicts import histories, noise
from verdicts.noise import Change
from verdicts.simulate import (
    GATES,
    MOST,
    Drift,
    Noise,
    Question,
    Trial,
    suite,
)

TRIALS = int(os.environ.get("TUNER_BENCH_TRIALS", "300"))
SIZES = (0.03, 0.05, 0.10, 0.20, 0.50)
#: What is changed, and the gate of it.
KINDS: dict[str, Callable[[float], Change]] = {
    "p50": lambda size: Change(level=1 + size),
    "p95": lambda size: Change(tail=1 + size),
    "cost_per_million": lambda size: Change(cost=1 + size),
    "init": lambda size: Change(init=1 + size),
}


NOISES = ["AWS", "local long", "local short"]


@pytest.fixture(params=NOISES)
def source(request: pytest.FixtureRequest) -> Noise:
    """Each kind of noise by its name."""
    if request.param != "AWS":
        return noise.local(request.param.split()[1])
    found = noise.aws()
    if found is None:
        pytest.skip(f"{noise.DATA} has no recordings from AWS")
    return found


def trials(
    source: Noise, change: Change, drift: Drift | None, count: int, measure: str | None = None
) -> list[Trial]:
    """``count`` suite runs (of one gate or all), each on a function drawn by lot; seeded."""
    rng = np.random.default_rng(20)
    gates = [gate for gate in GATES if measure in (None, gate.measure)]
    names = source.functions()
    return [
        suite(rng, Question(source, str(rng.choice(names)), change, drift), gates)
        for _ in range(count)
    ]


def share(values: Sequence[object]) -> float:
    """How many of them are true, from 0 to 1."""
    return float(np.mean([bool(v) for v in values]))


def row(what: str, *cells: str) -> None:
    """One row of a table."""
    print(f"  {what:<38}" + "".join(f"{cell:>13}" for cell in cells))


#: How both sides are measured, and how rare false alarms have to be.
DESIGNS: dict[str, tuple[Drift | None, float | None]] = {
    "interleaved": (None, 0.01),
    "baseline with control": (Drift(0.05, control=True), 0.02),
    "baseline with control and history": (Drift(0.05, control=True, learned=True), 0.02),
    "baseline without control": (Drift(0.05, control=False), None),
    "baseline of any recorded time with control": (Drift(0.05, control=True, anytime=True), 0.02),
}


@pytest.mark.bench
@pytest.mark.timeout(0)
@pytest.mark.parametrize("design", DESIGNS)
def test_false_alarms_of_a_suite_of_ten_gates(source: Noise, design: str) -> None:
    drift, reach = DESIGNS[design]
    if drift is not None and drift.anytime and source.times() == 1:
        pytest.skip("recorded at one time")
    found = trials(source, Change(), drift, TRIALS)
    print(f"\n{source.name}, {design}: suite runs with a false alarm of {TRIALS}, ten gates")
    row("", "first run", "confirmed", "fixed +10 %", "calls a side", "reach below")
    kept = share([t.confirmed for t in found])
    row(
        "",
        f"{share([t.found for t in found]):.1%}",
        f"{kept:.1%}",
        f"{share([t.fixed for t in found]):.1%}",
        f"{np.mean([t.calls for t in found]):.0f}",
        "" if reach is None else f"{reach:.0%}",
    )
    assert reach is None or kept < reach


#: How many changes by half have to be found. Beside a baseline only what no share of the machine's
#: drift explains is; a history of runs tells besides how far they lie apart, which on this machine
#: is more than is assumed without one.
FOUND = {
    "interleaved": 0.5,
    "baseline with control": 0.3,
    "baseline with control and history": 0.1,
}


@pytest.mark.bench
@pytest.mark.timeout(0)
@pytest.mark.parametrize("measure", KINDS)
@pytest.mark.parametrize("design", FOUND)
def test_changes_found_with_at_most_200_calls_a_side(
    source: Noise, design: str, measure: str
) -> None:
    count = max(TRIALS // 2, 50)
    print(f"\n{source.name}, {design}: {count} runs each, at most {MOST} calls a side")
    row("change", "first run", "confirmed", "same", "cannot tell", "fixed +10 %", "calls")
    for size in SIZES:
        found = trials(source, KINDS[measure](size), DESIGNS[design][0], count, measure)
        _changes_row(f"{measure} {size:+.0%}", measure, found)
        if size == SIZES[-1] and measure in ("p50", "p95"):
            assert share([measure in t.confirmed for t in found]) > FOUND[design]


def _changes_row(name: str, measure: str, found: Sequence[Trial]) -> None:
    told = [t.verdict(measure) for t in found]
    row(
        name,
        f"{share([measure in t.found for t in found]):.1%}",
        f"{share([measure in t.confirmed for t in found]):.1%}",
        f"{share([v is Verdict.SAME for v in told]):.1%}",
        f"{share([v is Verdict.CANNOT_TELL for v in told]):.1%}",
        f"{share([measure in t.fixed for t in found]):.1%}",
        f"{np.mean([t.calls for t in found]):.0f}",
    )


@pytest.mark.bench
@pytest.mark.timeout(0)
def test_change_points_in_histories_of_100_runs(tmp_path: Path) -> None:
    try:
        python = histories.peer(tmp_path / "otava")
    except histories.Absent as reason:
        python = None
        print(f"\n(no column of Apache Otava: {reason})")
    short = noise.local("short")
    rng = np.random.default_rng(30)
    print(f"\nchange points, {TRIALS} histories of {histories.RUNS} runs with 1 to 3 changes")
    row("change, noise 5 %", "F1", "false", "missed", "Otava F1", "false", "missed", "reach")
    for kind, size in [(k, s) for k in ("normal", "recorded") for s in (0.0, *SIZES)]:
        made = []
        for _ in range(TRIALS):
            if kind == "normal":
                scatter = histories.gaussian(rng, histories.RUNS, 0.05)
            else:
                scatter = histories.recorded(short, rng, histories.RUNS, 0.05)
            made.append(histories.planted(rng, size, scatter))
        ours = histories.score(made, [[p.index for p in change_points(h.values)] for h in made])
        cells = [f"{ours.f1:.3f}" if size else "", str(ours.wrong), str(ours.missed)]
        theirs = None
        if python is not None:
            answers = histories.asked(python, made)
            theirs = histories.score(made, [a or [] for a in answers])
            cells += [f"{theirs.f1:.3f}" if size else "", str(theirs.wrong), str(theirs.missed)]
        row(f"{kind} {size:+.0%}", *cells, *(["> 0.9, Otava"] if size == 0.10 else []))
        if size == 0.10:
            assert ours.f1 > 0.9
            assert theirs is None or ours.f1 >= theirs.f1
