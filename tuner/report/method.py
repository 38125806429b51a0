"""The method in words: function, platform, curve, prices, options, and what the run used up."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tuner.decide.result import ModelCard, Sweep
from tuner.options.sweep import measuring_options
from tuner.records import Backend, FunctionFacts
from tuner.report.elements import Fact, Section, known
from tuner.report.load_document import cross_check_document
from tuner.units import (
    UNKNOWN,
    counted,
    format_memory,
    format_ms,
    format_seconds,
    format_share,
    format_usd,
)

#: The label of what CloudWatch and X-Ray had to say.
CROSS_CHECK = "Cross-check"
_SPENT = "Time and cost of this run"
_INTERVALS = "A range beside a value contains the true value in nine of ten repetitions."


def method_section(sweep: Sweep) -> Section:
    """Everything that somebody needs to judge or repeat the measurement; the terminal shows what
    the run took."""
    run = sweep.run
    facts = (
        Fact("Function", run.facts.name, _function(sweep)),
        Fact("Platform", _backend(run.facts), _platform(run.facts)),
        Fact("Invocations", f"{sweep.spend.invocations:,}", _invocations(sweep)),
        Fact(_SPENT, *_spend(sweep)),
        *cross_check_facts(cross_check_document(sweep.cross_check)),
        *(Fact(_of("Curve", each, sweep), *_curve(each.model)) for each in sweep.each),
        *(Fact(_of("Prices", each, sweep), *_prices(each.price)) for each in sweep.each),
        *_between_runs(sweep),
        Fact("Options", _options(run.options) or "defaults", f"seed {run.seed}"),
        Fact("Run", run.run, _when(sweep)),
        Fact("Intervals", "90 %", _INTERVALS),
    )
    brief = ("Invocations", _SPENT, CROSS_CHECK)
    folded = "Platform, prices, options and curve"
    return Section("How it was measured", facts=facts, brief=brief, folded=folded)


def _between_runs(sweep: Sweep) -> Iterator[Fact]:
    """Say what runs of the function differ by, which is part of each interval, and how that is
    known."""
    for each in sweep.each:
        if (spread := each.between_runs) is None:
            continue
        value, usual = format_share(spread.sd), f"{format_share(spread.usual_sd)} is usual"
        text = f"{usual}; earlier sweeps of the same code, events and options would tell its own"
        if spread.runs:
            runs, sizes = counted(spread.runs, "earlier sweep"), counted(spread.sizes, "size")
            text = f"as {runs} of the same code, events and options at {sizes} have it; {usual}"
        yield Fact(_of("Between runs", each, sweep), value, f"One standard deviation: {text}")


def _of(label: str, each: Sweep, compared: Sweep) -> str:
    return f"{label}, {each.arch}" if compared.beside else label


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


def _backend(facts: FunctionFacts) -> str:
    if facts.invoke_only:
        return "An endpoint that knows Invoke only"
    return _BACKENDS[facts.backend]


def _function(sweep: Sweep) -> str:
    facts = sweep.run.facts
    parts = [
        *(sweep.run.target, facts.runtime, facts.arch, facts.region),
        None if facts.memory_mb is None else f"currently {format_memory(facts.memory_mb)}",
        None if facts.timeout_s is None else f"timeout {format_seconds(facts.timeout_s)}",
        f"version {facts.version}",
        "SnapStart" if facts.snap_start else None,
    ]
    return ", ".join(part for part in parts if part)


def _invocations(sweep: Sweep) -> str:
    sizes = [size for each in sweep.each for size in each.sizes]
    warm, cold = sum(size.warm.n for size in sizes), sum(size.cold.n for size in sizes)
    where = f" on {len(sweep.each)} architectures" if sweep.beside else ""
    if sweep.variants:
        calls = counted(sum(row.n for row in sweep.variants), "first call")
        ways = counted(len({row.variant for row in sweep.variants}), "way")
        return f"{calls} measured in {ways} to start{where}, and warm calls beside them"
    many = counted(len({size.memory_mb for size in sizes}), "size")
    return f"{warm:,} warm and {cold:,} cold calls measured, at {many}{where}"


def _spend(sweep: Sweep) -> tuple[str, str]:
    time, cost = format_seconds(sweep.spend.seconds), format_usd(known(sweep.spend.cost_usd))
    if sweep.run.facts.backend is Backend.AWS:
        return time, f"{cost} of Lambda charges"
    free = "nothing was charged"
    if cost == UNKNOWN or sweep.run.facts.invoke_only:
        return time, free
    return time, f"{free}; the same on AWS would cost {cost}"


def _curve(model: ModelCard | None) -> tuple[str, str]:
    if model is None:
        return "none", "There was too little data to fit one."
    parts = []
    if known(model.fit_error) is not None:
        parts.append(f"typical error {format_share(model.fit_error)} at the measured sizes")
    parts += [f"{name} {_value(value)}" for name, value in model.parameters.items()]
    if model.alternatives:
        weights = (f"{family} {format_share(weight)}" for family, weight in model.alternatives)
        parts.append(f"weights: {', '.join(weights)}")
    return model.family, "; ".join(parts)


def _prices(price: Mapping[str, str | float | None]) -> tuple[str, str]:
    """Region, architecture and date; then the rates, where they are from, and remarks."""
    head = ", ".join(str(price[key]) for key in ("region", "arch", "dated") if key in price)
    parts = []
    for key, value in price.items():
        if isinstance(value, str):
            parts += [value] if key in ("source", "note") else []
        elif value is None:
            parts.append(f"{_unit(key)} unknown")
        elif key == "request_usd":
            parts.append(f"{format_usd(value * 1e6)} per million requests")
        else:
            parts.append(f"{_rate(value)} per {_unit(key)}")
    return head or UNKNOWN, "; ".join(parts)


def _unit(key: str) -> str:
    return key.removesuffix("_usd").replace("_", "-").replace("gb", "GB")


def _rate(usd: float) -> str:
    """A price as the price list writes it: ``$0.0000166667``."""
    return f"${usd:.12f}".rstrip("0").rstrip(".") if math.isfinite(usd) else UNKNOWN


def _options(options: Mapping[str, Any]) -> str:
    parts = []
    for name in measuring_options():
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


#: Figures that the words below use, or that say nothing about the measurement.
_WORDED = {
    *("cpu_method", "cpu_period_ms", "cpu_share", "cores", "largest_exact_mb", "memory_method"),
    *("machine", "python", "stands_in_for", "time_scale", "account_concurrency"),
    *("own_tmp", "tmp_method", "not_enforced", "node", "absent_packages", "foreign_modules"),
    *("template_notes", "extensions", "memory_default", "invoke_only"),
}


def _platform(facts: FunctionFacts) -> str:
    """The platform that ran the function, as clauses."""
    told = facts.platform
    rest = (
        f"{key.replace('_', ' ')}: {_value(each)}"
        for key, each in told.items()
        if key not in _WORDED
    )
    recorded = ", ".join(f"{size:,}" for size in facts.recorded_mb)
    if facts.backend is Backend.REPLAY and recorded:
        return "; ".join([f"recorded at {recorded} MB", *rest])
    return "; ".join([*_cpu(told), *_machine(told), *rest])


def _cpu(known: Mapping[str, Any]) -> Iterator[str]:
    if known.get("cpu_method"):
        period = known.get("cpu_period_ms")
        every = f" in periods of {period:g} ms" if _number(period) else ""
        yield f"CPU limited by {known['cpu_method']}{every}"
    rows = known.get("cpu_share")
    errors = [
        (row["error"], row.get("memory_mb"))
        for row in (rows if isinstance(rows, (list, tuple)) else ())
        if isinstance(row, Mapping) and _number(row.get("error"))
    ]
    if errors:
        worst = max(abs(error) for error, _ in errors)
        sizes = ", ".join(f"{size:,}" for _, size in errors if _number(size))
        yield f"the CPU share was off by at most {format_share(worst)}" + (
            f" (measured at {sizes} MB)" if sizes else ""
        )
    elif known.get("cpu_method"):
        yield "accuracy of the CPU share unknown"


def _machine(known: Mapping[str, Any]) -> Iterator[str]:
    cores, exact = known.get("cores"), known.get("largest_exact_mb")
    if _number(cores):
        enough = f", enough for sizes up to {format_memory(exact)}" if _number(exact) else ""
        yield f"{cores:g} {'core' if cores == 1 else 'cores'}{enough}"
    if known.get("memory_method"):
        yield f"memory limited by {known['memory_method']}"
    python = f"Python {known['python']}" if known.get("python") else ""
    node = f"Node.js {known['node']}" if known.get("node") else ""
    machine = ", ".join(str(part) for part in (known.get("machine"), python, node) if part)
    if machine:
        yield machine
    if known.get("stands_in_for"):
        named = _value(known["stands_in_for"])
        yield f"this {'Node.js' if named.startswith('nodejs') else 'Python'} stood in for {named}"
    if known.get("time_scale", 1.0) != 1.0:
        yield f"platform time ran {_value(known['time_scale'])}x as fast"


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _value(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{str(key).replace('_', ' ')} {_value(each)}" for key, each in value.items()
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value)) or "none"
    return str(value)


def cross_check_facts(document: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """The same in words, from its JSON; nothing if nothing was compared."""
    if document is None or not document["cloudwatch"]:
        return ()
    sent = sum(int(row["ran"]) for row in document["cloudwatch"])
    seen = sum(int(row["seen"]["invocations"]) for row in document["cloudwatch"])
    late = "" if document["settled"] or seen >= sent else " so far"
    value = f"CloudWatch counted {seen:,} of {sent:,} invocations{late}"
    unread = {"cross-check-denied", "cross-check-failed"} & set(document["disagreements"])
    return (Fact(CROSS_CHECK, value, "" if unread else _traces(document["xray"])),)


def _traces(traces: Mapping[str, Any] | None) -> str:
    if traces is None:
        return "X-Ray is off"
    if not traces["matched"]:
        return "X-Ray traced none of them"
    said = f"X-Ray has {traces['matched']:,} of them, {traces['with_init']:,} with INIT"
    if traces["service_ms"] is not None:
        said += f"; Lambda itself adds {format_ms(traces['service_ms'])} to a warm call"
    if traces["dwell_ms"] is not None:
        said += f"; events waited {format_ms(traces['dwell_ms'])}"
    return said
