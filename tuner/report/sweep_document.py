"""A sweep as the JSON document ``tuner.sweep/1``: the names that scripts rely on.

What is not known is ``null``; a number that is not finite is not known. Numbers have twelve
digits: what a binary fraction adds beyond them is noise, and would put a mean beside its interval.
"""

from dataclasses import asdict
from typing import Any

from tuner.decide.result import (
    Choice,
    ColdRow,
    Interval,
    Recommendation,
    SizeRow,
    StartupRow,
    Sweep,
    WarmRow,
)
from tuner.model.quantiles import Stats
from tuner.report.causes import causes_by_count
from tuner.report.load_document import (
    causes_document,
    cross_check_document,
    iso_time,
    named,
    plain,
    size_load,
)

SCHEMA = "tuner.sweep/1"

_DIGITS = 12
_QUANTILES = ("mean", "p50", "p90", "p95", "p99", "max")
_FAILURES = ("throttles", "retries", "errors", "timeouts", "out_of_memory")


def document(sweep: Sweep) -> dict[str, Any]:
    """The document, as plain values that ``json.dumps(..., allow_nan=False)`` takes."""
    run, facts = sweep.run, sweep.run.facts
    ordered = sorted(sweep.each, key=lambda each: each.arch != facts.arch)  # stable: its own first
    content = {
        "schema": SCHEMA,
        **named(run, "run", "target", "seed"),
        "backend": str(facts.backend),
        **named(facts, "region", "arch"),
        "started_at": iso_time(run.started_at),
        "finished_at": iso_time(run.finished_at),
        "state": str(run.state),
        "sizes": [_size(size, each.arch or facts.arch) for each in ordered for size in each.sizes],
        "model": _model(sweep),
        "recommendation": _recommendation(sweep.recommendation),
        "architectures": [_architecture(each, sweep) for each in ordered] if sweep.beside else None,
        "spend": asdict(sweep.spend),
        "errors": causes_document(causes_by_count(sweep)),
        "warnings": [named(advice, "code", "text") for advice in sweep.warnings],
        "price": dict(sweep.price),
        "variants": [_startup(row) for row in sweep.variants],
        "payloads": _payloads(sweep),
        "pareto_mb": list(sweep.pareto_mb),
        "load": None if sweep.load is None else asdict(sweep.load),
        "cross_check": cross_check_document(sweep.cross_check),
        "monthly": None if sweep.monthly is None else asdict(sweep.monthly),
        **named(sweep, "report", "power_tuning_url"),
    }
    return {name: plain(value, _DIGITS) for name, value in content.items()}


def _architecture(each: Sweep, compared: Sweep) -> dict[str, Any]:
    """The answer on one architecture alone, and the chance that it is the best of all."""
    return {
        "arch": each.arch,
        "chance": compared.chances.get(each.arch),
        "price": dict(each.price),
        "model": _model(each),
        "recommendation": _recommendation(each.recommendation),
        "monthly": None if each.monthly is None else asdict(each.monthly),
        "payloads": _payloads(each),
    }


def _payloads(sweep: Sweep) -> list[dict[str, Any]]:
    return [
        {
            "name": each.payload,
            "weight": each.weight,
            "sizes": [_size(size, each.arch) for size in each.sizes],
            "model": _model(each),
            "best_memory_mb": each.recommendation and each.recommendation.memory_mb,
        }
        for each in sweep.payloads
    ]


def _size(size: SizeRow, arch: str) -> dict[str, Any]:
    return {
        "memory_mb": size.memory_mb,
        "arch": arch,
        **named(size, "status", "reason", *_FAILURES),
        "warm": _warm(size.warm),
        "cold": _cold(size.cold),
        "cost_usd_per_million": _interval(size.cost_usd_per_million),
        "errors_seen": causes_document(size.causes),
        "load": None if size.load is None else size_load(size.load),
    }


def _warm(warm: WarmRow) -> dict[str, Any]:
    return {
        "n": warm.n,
        **_spreads(warm, "duration_ms", "client_ms"),
        "billed_ms": {"mean": None if warm.billed_ms is None else warm.billed_ms.mean},
        "max_memory_mb": warm.max_memory_mb,
    }


def _cold(cold: ColdRow) -> dict[str, Any]:
    return {"n": cold.n, **_spreads(cold, "init_ms", "duration_ms", "total_ms", "client_ms")}


def _startup(row: StartupRow) -> dict[str, Any]:
    """Money in US dollars; a break-even that does not exist, or is not known, is ``None``."""
    pays = row.pays and {
        "requests_per_second": row.pays.per_second,
        "cold_share_at_one_per_second": row.pays.cold_share,
    }
    return {
        **named(row, "variant", "memory_mb", "arch", "status", "reason", "n", "spilled"),
        "ready_seconds": row.ready_s,
        **_spreads(row, "first_ms", "init_ms", "restore_ms", "duration_ms"),
        "warm_duration_ms": _statistics(row.warm_ms),
        "call_usd_per_million": None if row.call_usd is None else row.call_usd * 1e6,
        "start_usd_per_million": None if row.start_usd is None else row.start_usd * 1e6,
        "kept_usd_per_hour": row.kept_usd_per_hour,
        "break_even": pays,
    }


def _spreads(row: WarmRow | ColdRow | StartupRow, *names: str) -> dict[str, Any]:
    return {name: _statistics(getattr(row, name)) for name in names}


def _statistics(stats: Stats | None) -> dict[str, Any]:
    """Mean and quantiles by name, each ``None`` where nothing is known."""
    return dict.fromkeys(_QUANTILES) if stats is None else named(stats, *_QUANTILES)


def _interval(interval: Interval | None) -> dict[str, Any]:
    names = ("mean", "low", "high")
    return dict.fromkeys(names) if interval is None else named(interval, *names)


def _model(sweep: Sweep) -> dict[str, Any] | None:
    model = sweep.model
    if model is None:
        return None
    alternatives = [{"family": family, "weight": weight} for family, weight in model.alternatives]
    return {
        **named(model, "family", "fit_error"),
        "parameters": dict(model.parameters),
        "alternatives": alternatives,
    }


def _recommendation(pick: Recommendation | None) -> dict[str, Any] | None:
    if pick is None:
        return None
    now = pick.versus_current
    return {
        **named(pick, "memory_mb", "arch", "strategy", "slo", "meets_slo", "confidence"),
        **named(pick, "safe_range_mb", "reasons"),
        "cost_usd_per_million": _interval(pick.cost_usd_per_million),
        "duration_ms": {"p50": pick.p50_ms, "p95": pick.p95_ms, "p99": pick.p99_ms},
        "runners_up": [_on(pick, asdict(other)) for other in pick.runners_up],
        "versus_current": None if now is None else _on(pick, asdict(now)),
        "verified_calls": pick.verified_calls,
        "choices": {choice.name: _choice(choice) for choice in pick.choices},
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {name: value for name, value in asdict(choice).items() if name != "name"}


def _on(pick: Recommendation, other: dict[str, Any]) -> dict[str, Any]:
    """A size beside the pick, with the architecture that it is on."""
    return {**other, "arch": other["arch"] or pick.arch}
