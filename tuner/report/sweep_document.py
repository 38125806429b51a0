"""A sweep as the JSON document ``tuner.sweep/1``: the names that scripts rely on.

What is not known is ``null``; a number that is not finite is not known. Numbers have twelve
digits: what a binary fraction adds beyond them is noise, and would put a mean beside its interval.
"""

import json
from dataclasses import fields, replace
from typing import Any

from tuner.decide.result import Choice, ColdRow, SizeRow, StartupRow, Sweep, WarmRow
from tuner.report.answer import as_good
from tuner.report.load_document import cross_check_document, iso_time, named, size_load
from tuner.store.plain import dumps

SCHEMA = "tuner.sweep/1"

_QUANTILES = ("mean", "p50", "p90", "p95", "p99", "max")
_FAILURES = ("throttles", "retries", "errors", "timeouts", "out_of_memory")
_INTERVAL = ("mean", "low", "high")
_CHOICE = tuple(each.name for each in fields(Choice) if each.name != "name")


def document(sweep: Sweep) -> dict[str, Any]:
    """The document, as plain values that ``json.dumps(..., allow_nan=False)`` takes."""
    run, facts = sweep.run, sweep.run.facts
    ordered = sorted(sweep.each, key=lambda each: each.arch != facts.arch)  # stable: its own first
    causes = [cause for each in sweep.each for cause in each.causes]
    content = {
        "schema": SCHEMA,
        **named(run, "run", "target", "seed"),
        **named(facts, "backend", "region", "arch"),
        "started_at": iso_time(run.started_at),
        "finished_at": iso_time(run.finished_at),
        "state": run.state,
        "sizes": [_size(size, each.arch or facts.arch) for each in ordered for size in each.sizes],
        "model": _model(sweep),
        "recommendation": _recommendation(sweep),
        "architectures": [_architecture(each, sweep) for each in ordered] if sweep.beside else None,
        "opportunities": sweep.opportunities,
        "spend": sweep.spend,
        "errors": sorted(causes, key=lambda cause: -cause.count),
        "warnings": [named(advice, "code", "text") for advice in sweep.warnings],
        "price": sweep.price,
        "variants": [_startup(row) for row in sweep.variants],
        "payloads": _payloads(sweep),
        **named(sweep, "pareto_mb", "load", "between_runs"),
        "cross_check": cross_check_document(sweep.cross_check),
        **named(sweep, "monthly", "report", "power_tuning_url"),
    }
    found: dict[str, Any] = json.loads(
        dumps(content), parse_float=lambda number: float(f"{float(number):.12g}")
    )
    return found


def _architecture(each: Sweep, compared: Sweep) -> dict[str, Any]:
    """The answer on one architecture alone, and the chance that it is the best of all."""
    return {
        "arch": each.arch,
        "chance": compared.chances.get(each.arch),
        "price": each.price,
        "model": _model(each),
        "between_runs": each.between_runs,
        "recommendation": _recommendation(each),
        "monthly": each.monthly,
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
        "warm": {
            "n": size.warm.n,
            **_spreads(size.warm, "duration_ms", "client_ms"),
            "billed_ms": named(size.warm.billed_ms, "mean"),
            "max_memory_mb": size.warm.max_memory_mb,
        },
        "cold": {
            **named(size.cold, "n", "init_timeouts"),
            **_spreads(size.cold, "init_ms", "duration_ms", "total_ms", "client_ms"),
        },
        "cost_usd_per_million": named(size.cost_usd_per_million, *_INTERVAL),
        "errors_seen": size.causes,
        "load": size.load and size_load(size.load),
    }


def _startup(row: StartupRow) -> dict[str, Any]:
    """Money in US dollars; a break-even that does not exist, or is not known, is ``None``."""
    return {
        **named(row, "variant", "memory_mb", "arch", "status", "reason", "n", "spilled"),
        "ready_seconds": row.ready_s,
        **_spreads(row, "first_ms", "init_ms", "restore_ms", "duration_ms"),
        "warm_duration_ms": named(row.warm_ms, *_QUANTILES),
        "call_usd_per_million": None if row.call_usd is None else row.call_usd * 1e6,
        "start_usd_per_million": None if row.start_usd is None else row.start_usd * 1e6,
        "kept_usd_per_hour": row.kept_usd_per_hour,
        "break_even": row.pays
        and {
            "requests_per_second": row.pays.per_second,
            "cold_share_at_one_per_second": row.pays.cold_share,
        },
    }


def _spreads(row: WarmRow | ColdRow | StartupRow, *names: str) -> dict[str, Any]:
    """Mean and quantiles by name, each ``None`` where nothing is known."""
    return {name: named(getattr(row, name), *_QUANTILES) for name in names}


def _model(sweep: Sweep) -> dict[str, Any] | None:
    model = sweep.model
    if model is None:
        return None
    return {
        **named(model, "family", "fit_error", "parameters"),
        "alternatives": [{"family": name, "weight": weight} for name, weight in model.alternatives],
    }


def _recommendation(sweep: Sweep) -> dict[str, Any] | None:
    """The pick; sizes beside it have the architecture that they are on."""
    pick = sweep.recommendation
    if pick is None:
        return None
    now = pick.versus_current
    return {
        **named(pick, "memory_mb", "arch", "strategy", "slo", "meets_slo", "confidence"),
        "safe_range_mb": as_good(sweep),
        "reasons": pick.reasons,
        "cost_usd_per_million": named(pick.cost_usd_per_million, *_INTERVAL),
        "duration_ms": {"p50": pick.p50_ms, "p95": pick.p95_ms, "p99": pick.p99_ms},
        "runners_up": [replace(other, arch=other.arch or pick.arch) for other in pick.runners_up],
        "versus_current": now and replace(now, arch=now.arch or pick.arch),
        **named(pick, "verified_calls", "missed_slo", "meets_probability"),
        "choices": {choice.name: named(choice, *_CHOICE) for choice in pick.choices},
    }
