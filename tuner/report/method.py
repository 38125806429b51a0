"""How it was measured, in words: function, platform, curve, prices, run and what it used up."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tuner.recommend.result import ModelCard, Sweep
from tuner.records import Backend
from tuner.report.answer import Fact, known
from tuner.units import UNKNOWN, format_memory, format_seconds, format_share, format_usd

#: Options that say how a run measured and chose; payloads and environments may be secret.
_SHOWN_OPTIONS = (
    "memory",
    "method",
    "samples",
    "invocations",
    "max_cost",
    "max_time",
    "cold",
    "strategy",
    "balance",
    "slo",
    "traffic",
    "cold_share",
    "mode",
)

#: The platform's own figures: what their keys mean, and how a number is written.
_PLATFORM = {
    "cpu_method": "CPU limited by",
    "share_error": "CPU share off by at most",
    "cores": "cores",
    "memory_method": "memory limited by",
}


def method(sweep: Sweep) -> tuple[Fact, ...]:
    """Everything that somebody needs to judge or repeat the measurement."""
    run = sweep.run
    facts = [
        Fact("Function", run.facts.name, _function(sweep)),
        Fact("Platform", _BACKENDS[run.facts.backend], _platform(run.facts.platform)),
        Fact("Invocations", f"{sweep.spend.invocations:,}", _invocations(sweep)),
        Fact("Time and cost of this run", *_spend(sweep)),
        Fact("Curve", *_curve(sweep.model)),
        Fact("Prices", *_prices(sweep.price)),
        Fact("Options", _options(run.options) or "defaults", f"seed {run.seed}"),
        Fact("Run", run.run, _when(sweep)),
        Fact(
            "Intervals",
            "90 %",
            "Ranges beside a value hold the true one in nine of ten repetitions.",
        ),
    ]
    return tuple(facts)


def date_time(seconds: float | None) -> str:
    """Seconds since the epoch as ``2026-01-31 09:05 UTC``."""
    if known(seconds) is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(seconds or 0.0, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return UNKNOWN


_BACKENDS = {
    Backend.AWS: "AWS Lambda",
    Backend.LOCAL: "Local Lambda on this machine",
    Backend.REPLAY: "Recorded invocations",
}


def _function(sweep: Sweep) -> str:
    facts = sweep.run.facts
    parts = [
        sweep.run.target,
        facts.runtime,
        facts.arch,
        facts.region,
        None if facts.memory_mb is None else f"{format_memory(facts.memory_mb)} now",
        None if facts.timeout_s is None else f"timeout {format_seconds(facts.timeout_s)}",
        f"version {facts.version}",
        "SnapStart" if facts.snap_start else None,
    ]
    return ", ".join(part for part in parts if part)


def _platform(platform: Mapping[str, Any]) -> str:
    parts = []
    for key, value in platform.items():
        label = _PLATFORM.get(key, key.replace("_", " "))
        parts.append(f"{label}: {_platform_value(key, value)}")
    return "; ".join(parts)


def _platform_value(key: str, value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        if not math.isfinite(value):
            return UNKNOWN
        return format_share(abs(value)) if "error" in key else f"{value:.4g}"
    if isinstance(value, Mapping):
        inner = (f"{name} {_platform_value(key, each)}" for name, each in value.items())
        return ", ".join(inner) or UNKNOWN
    if isinstance(value, (list, tuple)):
        return ", ".join(_platform_value(key, each) for each in value) or UNKNOWN
    return str(value)


def _invocations(sweep: Sweep) -> str:
    warm = sum(size.warm.n for size in sweep.sizes)
    cold = sum(size.cold.n for size in sweep.sizes)
    return f"{warm:,} warm and {cold:,} cold ones counted, over {len(sweep.sizes)} sizes"


def _spend(sweep: Sweep) -> tuple[str, str]:
    cost = format_usd(known(sweep.spend.cost_usd))
    if sweep.run.facts.backend is Backend.AWS:
        return format_seconds(sweep.spend.seconds), f"{cost} of Lambda charges"
    if cost == UNKNOWN:
        return format_seconds(sweep.spend.seconds), "nothing was charged"
    return format_seconds(
        sweep.spend.seconds
    ), f"nothing was charged; the same on AWS would cost {cost}"


def _curve(model: ModelCard | None) -> tuple[str, str]:
    if model is None:
        return "none", "There was too little to fit one."
    parts = []
    if known(model.fit_error) is not None:
        parts.append(f"off by {format_share(model.fit_error)} at the measured sizes")
    parts += [f"{name} {_figure(value)}" for name, value in model.parameters.items()]
    if model.alternatives:
        weights = (f"{family} {format_share(weight)}" for family, weight in model.alternatives)
        parts.append(f"weights: {', '.join(weights)}")
    return model.family, "; ".join(parts)


def _figure(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else UNKNOWN


def _prices(price: Mapping[str, str | float]) -> tuple[str, str]:
    if not price:
        return UNKNOWN, ""
    head = ", ".join(str(price[key]) for key in ("region", "arch", "date") if key in price)
    rest = [
        f"{key.replace('_', ' ')} {f'${value:.10g}' if isinstance(value, float) else value}"
        for key, value in price.items()
        if key not in ("region", "arch", "date")
    ]
    return head or UNKNOWN, "; ".join(rest)


def _options(options: Mapping[str, Any]) -> str:
    parts = []
    for name in _SHOWN_OPTIONS:
        value = options.get(name)
        if value is None or value in ([], (), ""):
            continue
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        parts.append(f"{name.replace('_', '-')} {text}")
    return "; ".join(parts)


def _when(sweep: Sweep) -> str:
    run = sweep.run
    text = f"{date_time(run.started_at)} to {date_time(run.finished_at)}, {run.state}"
    return f"{text}: {run.note}" if run.note else text
