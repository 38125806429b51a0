"""A sweep as the JSON document ``tuner.sweep/1``: the names that scripts rely on.

What is not known is ``null``; a number that is not finite is not known. Numbers have twelve
digits: what a binary fraction adds beyond them is noise, and would put a mean beside its interval.
"""

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tuner.decide.result import (
    ColdRow,
    Interval,
    Recommendation,
    SizeRow,
    StartupRow,
    Sweep,
    WarmRow,
)
from tuner.model.quantiles import Stats
from tuner.report.load_document import cross_check_document

SCHEMA = "tuner.sweep/1"

_QUANTILES = ("mean", "p50", "p90", "p95", "p99", "max")


def document(sweep: Sweep) -> dict[str, Any]:
    """The document, as plain values that ``json.dumps(..., allow_nan=False)`` takes."""
    run, facts = sweep.run, sweep.run.facts
    ordered = sorted(sweep.each, key=lambda each: each.arch != facts.arch)  # stable: its own first
    content = {
        "schema": SCHEMA,
        "run": run.run,
        "target": run.target,
        "backend": str(facts.backend),
        "region": facts.region,
        "arch": facts.arch,
        "seed": run.seed,
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "state": str(run.state),
        "sizes": [_size(size, each.arch or facts.arch) for each in ordered for size in each.sizes],
        "model": _model(sweep),
        "recommendation": _recommendation(sweep.recommendation),
        "architectures": [_architecture(each, sweep) for each in ordered] if sweep.beside else None,
        "spend": asdict(sweep.spend),
        "warnings": [{"code": advice.code, "text": advice.text} for advice in sweep.warnings],
        "price": dict(sweep.price),
        "variants": _variants(sweep),
        "pareto_mb": list(sweep.pareto_mb),
        "load": None if sweep.load is None else asdict(sweep.load),
        "cross_check": cross_check_document(sweep.cross_check),
        "monthly": None if sweep.monthly is None else asdict(sweep.monthly),
        "report": sweep.report,
        "power_tuning_url": sweep.power_tuning_url,
    }
    return {name: _finite(value) for name, value in content.items()}


def _architecture(each: Sweep, compared: Sweep) -> dict[str, Any]:
    """The answer on one architecture alone, and the chance that it is the best of all."""
    return {
        "arch": each.arch,
        "chance": compared.chances.get(each.arch),
        "price": dict(each.price),
        "model": _model(each),
        "recommendation": _recommendation(each.recommendation),
        "monthly": None if each.monthly is None else asdict(each.monthly),
    }


def _size(size: SizeRow, arch: str) -> dict[str, Any]:
    return {
        "memory_mb": size.memory_mb,
        "arch": arch,
        "status": size.status,
        "reason": size.reason,
        "warm": _warm(size.warm),
        "cold": _cold(size.cold),
        "throttles": size.throttles,
        "retries": size.retries,
        "errors": size.errors,
        "timeouts": size.timeouts,
        "out_of_memory": size.out_of_memory,
        "cost_usd_per_million": _interval(size.cost_usd_per_million),
        "load": _size_load(size),
    }


def _size_load(size: SizeRow) -> dict[str, Any] | None:
    if size.load is None:
        return None
    from tuner.report.load_document import size_load

    return size_load(size.load)


def _variants(sweep: Sweep) -> list[dict[str, Any]]:
    if not sweep.variants:
        return []

    return [startup(row) for row in sweep.variants]


def _warm(warm: WarmRow) -> dict[str, Any]:
    return {
        "n": warm.n,
        "duration_ms": order_statistics(warm.duration_ms),
        "client_ms": order_statistics(warm.client_ms),
        "billed_ms": {"mean": None if warm.billed_ms is None else warm.billed_ms.mean},
        "max_memory_mb": warm.max_memory_mb,
    }


def _cold(cold: ColdRow) -> dict[str, Any]:
    return {
        "n": cold.n,
        "init_ms": order_statistics(cold.init_ms),
        "duration_ms": order_statistics(cold.duration_ms),
        "total_ms": order_statistics(cold.total_ms),
        "client_ms": order_statistics(cold.client_ms),
    }


def order_statistics(stats: Stats | None) -> dict[str, Any]:
    """Mean and quantiles by name, each ``None`` where nothing is known."""
    return {name: None if stats is None else getattr(stats, name) for name in _QUANTILES}


def _interval(interval: Interval | None) -> dict[str, Any]:
    names = ("mean", "low", "high")
    return {name: None if interval is None else getattr(interval, name) for name in names}


def _model(sweep: Sweep) -> dict[str, Any] | None:
    model = sweep.model
    if model is None:
        return None
    alternatives = [{"family": family, "weight": weight} for family, weight in model.alternatives]
    return {
        "family": model.family,
        "parameters": dict(model.parameters),
        "fit_error": model.fit_error,
        "alternatives": alternatives,
    }


def _recommendation(pick: Recommendation | None) -> dict[str, Any] | None:
    if pick is None:
        return None
    return {
        "memory_mb": pick.memory_mb,
        "arch": pick.arch,
        "strategy": pick.strategy,
        "slo": list(pick.slo),
        "meets_slo": pick.meets_slo,
        "cost_usd_per_million": _interval(pick.cost_usd_per_million),
        "duration_ms": {"p50": pick.p50_ms, "p95": pick.p95_ms, "p99": pick.p99_ms},
        "confidence": pick.confidence,
        "safe_range_mb": None if pick.safe_range_mb is None else list(pick.safe_range_mb),
        "reasons": list(pick.reasons),
        "runners_up": [_on(pick, asdict(other)) for other in pick.runners_up],
        "versus_current": (
            None if pick.versus_current is None else _on(pick, asdict(pick.versus_current))
        ),
    }


def _on(pick: Recommendation, other: dict[str, Any]) -> dict[str, Any]:
    """A size beside the pick, with the architecture that it is on."""
    return {**other, "arch": other["arch"] or pick.arch}


def _time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finite(value: Any) -> Any:
    """Plain Python values all the way down; NumPy's numbers become Python's."""
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, float):
        return number
    return float(f"{number:.12g}") if math.isfinite(number) else None


def startup(row: StartupRow) -> dict[str, Any]:
    """Money in US dollars; a break-even that does not exist, or is not known, is ``None``."""
    pays = None
    if row.pays is not None:
        pays = {
            "requests_per_second": row.pays.per_second,
            "cold_share_at_one_per_second": row.pays.cold_share,
        }
    return {
        "variant": row.variant,
        "memory_mb": row.memory_mb,
        "status": row.status,
        "reason": row.reason,
        "n": row.n,
        "spilled": row.spilled,
        "ready_seconds": row.ready_s,
        "first_ms": order_statistics(row.first_ms),
        "init_ms": order_statistics(row.init_ms),
        "restore_ms": order_statistics(row.restore_ms),
        "duration_ms": order_statistics(row.duration_ms),
        "warm_duration_ms": order_statistics(row.warm_ms),
        "call_usd_per_million": None if row.call_usd is None else row.call_usd * 1e6,
        "start_usd_per_million": None if row.start_usd is None else row.start_usd * 1e6,
        "kept_usd_per_hour": row.kept_usd_per_hour,
        "break_even": pays,
    }
