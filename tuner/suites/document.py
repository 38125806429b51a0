"""The JSON documents ``tuner.bench/1`` and ``tuner.compare/1``: for scripts, outputs and the store.

Plain values only; a number that is not known is ``null``. Every further output (Markdown, JUnit,
badges, history) reads these, so that it can be made again from the store.
"""

from typing import Any

from tuner.report.load_document import iso_time, named
from tuner.store.plain import plain
from tuner.suites.baseline import fingerprint
from tuner.suites.judgement import Judgement, Verdict
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseSpend,
    CompareResult,
    SideOf,
    SizeResult,
)

BENCH = "tuner.bench/1"
COMPARE = "tuner.compare/1"


def bench_document(result: BenchResult) -> dict[str, Any]:
    """A bench run as ``tuner.bench/1``."""
    costs = [case.spend.cost_usd for case in result.cases if case.spend.cost_usd is not None]
    spend = CaseSpend(
        sum(case.spend.invocations for case in result.cases),
        sum(costs) if costs else None,
        result.finished_at - result.started_at,
    )
    document: dict[str, Any] = plain(
        {
            "schema": BENCH,
            **named(result, "bench", "suite", "environment", "seed", "exit_code", "warn_only"),
            "undecided": result.undecided,
            **named(result.origin, "branch", "commit", "changed"),
            "started_at": iso_time(result.started_at),
            "finished_at": iso_time(result.finished_at),
            "verdict": result.verdict,
            "cases": list(map(_case, result.cases)),
            "spend": _spend(spend),
            "warnings": result.warnings,
        }
    )
    return document


def compare_document(result: CompareResult) -> dict[str, Any]:
    """Two stored runs as ``tuner.compare/1``."""
    sides = result.control
    document: dict[str, Any] = plain(
        {
            "schema": COMPARE,
            "before": _side(result.before),
            "after": _side(result.after),
            **named(result, "interleaved", "exit_code", "undecided"),
            "control": sides and {"before": sides[0].id, "after": sides[1].id},
            "verdict": result.verdict,
            "sizes": list(map(_size, result.sizes)),
            "warnings": result.warnings,
        }
    )
    return document


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "case": case.name,
        **named(case, "target", "reason", "tags", "state", "verdict", "design"),
        "before": _side(case.before),
        "after": _side(case.after),
        "control": _side(case.control),
        "confirming": case.confirming,
        "sizes": list(map(_size, case.sizes)),
        "spend": _spend(case.spend),
        "warnings": case.warnings,
    }


def _side(side: SideOf | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "run": side.id,
        **named(side, "label", "commit", "doubts"),
        "target": side.run.target,
        "started_at": iso_time(side.run.started_at),
        "configuration": fingerprint(side.run),
    }


def _size(size: SizeResult) -> dict[str, Any]:
    first = {j.gate: j.verdict for j in size.first or ()}
    gates = [_gate(j, first.get(j.gate)) for j in size.judgements]
    return {**named(size, "memory_mb", "arch", "verdict"), "gates": gates}


def _gate(judged: Judgement, first: Verdict | None) -> dict[str, Any]:
    """One verdict; ``first_verdict`` is set where a fresh run was made to confirm it."""
    return {
        "gate": judged.gate.text,
        **named(judged, "measure", "before", "after", "ratio", "low", "high", "level", "enough"),
        **named(judged, "control_ratio", "sentence", "verdict"),
        "first_verdict": first,
        "calls": {"before": judged.calls[0], "after": judged.calls[1]},
    }


def _spend(spend: CaseSpend) -> dict[str, Any]:
    return {**named(spend, "invocations", "cost_usd"), "seconds": round(spend.seconds, 3)}
