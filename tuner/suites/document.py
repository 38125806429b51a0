"""The JSON documents ``tuner.bench/1`` and ``tuner.compare/1``: for scripts, outputs and the store.

Plain values only; a number that is not known is ``null``. Every further output (Markdown, JUnit,
badges, history) reads these, so that it can be made again from the store.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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
        "bench": result.bench,
        "suite": result.suite,
        "environment": result.environment,
        "branch": result.origin.branch,
        "commit": result.origin.commit,
        "changed": result.origin.changed,
        "seed": result.seed,
        "started_at": moment(result.started_at),
        "finished_at": moment(result.finished_at),
        "verdict": _text(result.verdict),
        "exit_code": result.exit_code,
        "warn_only": result.warn_only,
        "cases": [_case(case) for case in result.cases],
        "spend": _spend(spend),
        "warnings": [{"code": w.code, "text": w.text} for w in result.warnings],
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
        "interleaved": result.interleaved,
        "control": control,
        "verdict": str(result.verdict),
        "exit_code": result.exit_code,
        "sizes": [_size(size) for size in result.sizes],
        "warnings": [{"code": w.code, "text": w.text} for w in result.warnings],
    }


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "case": case.name,
        "target": case.target,
        "tags": list(case.tags),
        "state": str(case.state),
        "reason": case.reason,
        "verdict": _text(case.verdict),
        "design": str(case.design),
        "before": _side(case.before),
        "after": _side(case.after),
        "control": _side(case.control),
        "confirming": list(case.confirming),
        "sizes": [_size(size) for size in case.sizes],
        "spend": _spend(case.spend),
        "warnings": [{"code": w.code, "text": w.text} for w in case.warnings],
    }


def _side(side: SideOf | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "run": side.id,
        "label": side.label,
        "target": side.run.target,
        "commit": side.commit,
        "started_at": moment(side.run.started_at),
        "configuration": dict(fingerprint(side.run)),
    }


def _size(size: SizeResult) -> dict[str, Any]:
    first: Mapping[str, Judgement] = {j.gate.text: j for j in size.first or ()}
    return {
        "memory_mb": size.memory_mb,
        "arch": size.arch,
        "verdict": str(size.verdict),
        "gates": [_gate(j, first.get(j.gate.text)) for j in size.judgements],
    }


def _gate(judged: Judgement, first: Judgement | None) -> dict[str, Any]:
    """One verdict; ``first_verdict`` is set where a fresh run was made to confirm it."""
    return {
        "gate": judged.gate.text,
        "measure": judged.measure,
        "verdict": str(judged.verdict),
        "first_verdict": None if first is None else str(first.verdict),
        "before": judged.before,
        "after": judged.after,
        "ratio": judged.ratio,
        "low": judged.low,
        "high": judged.high,
        "level": judged.level,
        "calls": {"before": judged.calls[0], "after": judged.calls[1]},
        "enough": judged.enough,
        "control_ratio": judged.control_ratio,
        "sentence": judged.sentence,
    }


def _spend(spend: CaseSpend) -> dict[str, Any]:
    return {
        "invocations": spend.invocations,
        "cost_usd": spend.cost_usd,
        "seconds": round(spend.seconds, 3),
    }


def moment(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
