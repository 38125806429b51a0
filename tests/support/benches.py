"""Documents of bench runs, judged and worded by the real code."""

from dataclasses import replace
from typing import Any

import numpy as np

from support.factories import a_run
from tuner.model.comparison import Counted, Measured
from tuner.records import Advice
from tuner.suites.document import bench_document
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import Rules
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseSpend,
    CaseState,
    Design,
    Origin,
    SideOf,
    SizeResult,
)
from tuner.suites.side import Pair, Side
from tuner.suites.verdict import judge

RUN = a_run(command="case")
BASE = replace(RUN, run="01JDS0000000000000000000BB")
GATES = ("p50 +10%", "cost_per_million +5%", "errors", "p95<300ms")


def side(level: float, failed: int = 0) -> Side:
    """200 calls around a level in ms."""
    values = level * np.exp(0.03 * np.random.default_rng(7).standard_normal(200))
    cost = Measured.of(values * 1e-9)
    return Side(duration_ms=Measured.of(values), cost_usd=cost, errors=Counted(failed, 200))


def case(
    name: str = "checkout",
    after: float = 100.0,
    state: CaseState = CaseState.JUDGED,
    reason: str | None = None,
    gates: tuple[str, ...] = GATES,
) -> CaseResult:
    """A case that took 100 ms before and ``after`` ms now."""
    pair = Pair(side(100.0), side(after))
    found = tuple(judge(parse_gate(gate), pair, Rules(gates=4)) for gate in gates)
    judged = state is CaseState.JUDGED
    return CaseResult(
        name, "orders", state, Design.INTERLEAVED, ("fast",), reason,
        SideOf("git:0000001", BASE, "0000001aaaa"), SideOf("git:abc1234", RUN, "abc1234ffff"),
        sizes=(SizeResult(512, found),) if judged else (), spend=CaseSpend(400, 0.01, 3.0),
    )  # fmt: skip


def document(*cases: CaseResult, **changes: Any) -> dict[str, Any]:
    """A run of the suite ``nightly``, as the store has it."""
    origin = Origin("main", "abc1234ffff")
    made = BenchResult(
        "01JDT0000000000000000000CC", "nightly", None, origin, 1, 1e9, 1e9 + 65, cases
    )
    return bench_document(replace(made, **changes))


def all_kinds(**changes: Any) -> dict[str, Any]:
    """One regressed, one improved, one the same, one gone, one without a baseline."""
    return document(
        case("checkout", 130.0),
        case("search", 80.0),
        case("mail", 100.5),
        case("gone", state=CaseState.FAILED, reason="function gone: it does not exist"),
        case("new", state=CaseState.NO_BASELINE),
        warnings=(Advice("clock", "The clock was set back."),),
        **changes,
    )
