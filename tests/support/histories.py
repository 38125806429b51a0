"""Histories of a suite: documents as the store has them, worded by the real code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from support.factories import a_run
from tuner.suites.document import bench_document
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import Judgement, Verdict
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseState,
    Design,
    Origin,
    SideOf,
    SizeResult,
)

DAY = 86_400.0
#: Gate, its value at the first level, and in which part of the cases it is.
GATES = (("p50 +10%", 80.0), ("p95 +10%", 110.0), ("cost_per_million +5%", 1.2), ("throttles", 0.0))


@dataclass(frozen=True)
class Level:
    """From ``run`` on everything takes ``factor`` times as long."""

    run: int
    factor: float


def ulid(kind: str, number: int, case: int) -> str:
    """A run's id: 26 characters, each its own."""
    return f"01J{kind}{case}{number:021d}"


def judgement(gate: str, value: float, verdict: Verdict = Verdict.SAME) -> Judgement:
    """A verdict on a gate of which only the value now is looked at."""
    parsed = parse_gate(gate)
    return Judgement(
        parsed, parsed.measure, value, value, 1.0, 0.97, 1.03, 0.99, verdict, (100, 100)
    )


def history(
    runs: int,
    levels: Sequence[Level] = (),
    cases: Sequence[str] = ("checkout", "search"),
    noise: float = 0.03,
) -> list[dict[str, Any]]:
    """One run a day from 2026-01-01 03:17 UTC; levels change in the first case alone."""
    rng = np.random.default_rng(5)
    return [_run(n, levels, cases, rng, noise) for n in range(runs)]


def _run(
    number: int, levels: Sequence[Level], cases: Sequence[str], rng: Any, noise: float
) -> dict[str, Any]:
    started, commit = 1_767_237_420.0 + number * DAY, f"{number:07x}fff"
    found = []
    for at, name in enumerate(cases):
        factor = float(np.prod([each.factor for each in levels if number >= each.run and at == 0]))
        new = any(each.run == number and each.factor > 1 for each in levels) and at == 0
        verdict = Verdict.REGRESSED if new else Verdict.SAME
        judged = tuple(
            judgement(gate, value * factor * float(np.exp(noise * rng.standard_normal())), verdict)
            for gate, value in GATES
        )
        times = {"started_at": started, "finished_at": started}
        run = a_run(ulid("A", number, at), command="case", target=name, **times)
        before = SideOf("baseline of main", replace(run, run=ulid("B", number, at)), "0000000aaa")
        found.append(
            CaseResult(
                name, "orders", CaseState.JUDGED, Design.BASELINE, (), None, before,
                SideOf(f"git:{commit[:7]}", run, commit), sizes=(SizeResult(512, judged),),
            )
        )  # fmt: skip
    origin = Origin("main", commit)
    bench = ulid("C", number, 0)
    made = BenchResult(bench, "nightly", None, origin, 1, started, started + 60, tuple(found))
    return bench_document(made)
