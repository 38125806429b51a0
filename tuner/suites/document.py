"""The JSON documents ``tuner.bench/1`` and ``tuner.compare/1``: for scripts, outputs and the store.

Plain values only; a number that is not known is ``null``. Every further output (Markdown, JUnit,
badges, history) reads these, so that it can be made again from the store.
"""

from collections.abc import Mapping
from typing import Any

from tuner.report.load_document import iso_time, named
from tuner.suites.baseline import fingerprint
from tuner.suites.judgement import Judgement
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
    return {
        "schema": BENCH,
        **named(result, "bench", "suite", "environment", "seed", "exit_code", "warn_only"),
        **named(result.origin, "branch", "commit", "changed"),
        "started_at": iso_time(result.started_at),
        "finished_at": iso_time(result.finished_at),
        "verdict": _text(result.verdict),
        "cases": [_case(case) for case in result.cases],
        "spend": _spend(spend),
        "warnings": [named(advice, "code", "text") for advice in result.warnings],
    }


def compare_document(result: CompareResult) -> dict[str, Any]:
    """Two stored runs as ``tuner.compare/1``."""
    control = None
    if result.control is not None:
        control = {"before": result.control[0].id, "after": result.control[1].id}
    return {
        "schema": COMPARE,
        "before": _side(result.before),
        "after": _side(result.after),
        **named(result, "interleaved", "exit_code"),
        "control": control,
        "verdict": str(result.verdict),
        "sizes": [_size(size) for size in result.sizes],
        "warnings": [named(advice, "code", "text") for advice in result.warnings],
    }


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "case": case.name,
        **named(case, "target", "reason"),
        "tags": list(case.tags),
        "state": str(case.state),
        "verdict": _text(case.verdict),
        "design": str(case.design),
        "before": _side(case.before),
        "after": _side(case.after),
        "control": _side(case.control),
        "confirming": list(case.confirming),
        "sizes": [_size(size) for size in case.sizes],
        "spend": _spend(case.spend),
        "warnings": [named(advice, "code", "text") for advice in case.warnings],
    }


def _side(side: SideOf | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "run": side.id,
        **named(side, "label", "commit"),
        "target": side.run.target,
        "started_at": iso_time(side.run.started_at),
        "configuration": dict(fingerprint(side.run)),
    }


def _size(size: SizeResult) -> dict[str, Any]:
    first: Mapping[str, Judgement] = {j.gate.text: j for j in size.first or ()}
    return {
        **named(size, "memory_mb", "arch"),
        "verdict": str(size.verdict),
        "gates": [_gate(j, first.get(j.gate.text)) for j in size.judgements],
    }


def _gate(judged: Judgement, first: Judgement | None) -> dict[str, Any]:
    """One verdict; ``first_verdict`` is set where a fresh run was made to confirm it."""
    return {
        "gate": judged.gate.text,
        **named(judged, "measure", "before", "after", "ratio", "low", "high", "level", "enough"),
        **named(judged, "control_ratio", "sentence"),
        "verdict": str(judged.verdict),
        "first_verdict": None if first is None else str(first.verdict),
        "calls": {"before": judged.calls[0], "after": judged.calls[1]},
    }


def _spend(spend: CaseSpend) -> dict[str, Any]:
    return {**named(spend, "invocations", "cost_usd"), "seconds": round(spend.seconds, 3)}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
