"""The platform's facts in words: how CPU and memory were limited, and how well that worked.

A platform tells what it likes as a mapping; what is not worded here is shown as it came.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tuner.records import Backend, FunctionFacts
from tuner.units import UNKNOWN, format_memory, format_share

#: Figures that the words below use, or that say nothing about the measurement.
_WORDED = {
    "cpu_method",
    "cpu_period_ms",
    "cpu_share",
    "cores",
    "largest_exact_mb",
    "memory_method",
    "machine",
    "python",
    "stands_in_for",
    "time_scale",
    "account_concurrency",
    "own_tmp",
}


def platform_text(facts: FunctionFacts) -> str:
    """What is known of the platform that ran the function, as clauses."""
    known = facts.platform
    rest = (f"{_name(key)}: {_value(each)}" for key, each in known.items() if key not in _WORDED)
    recorded = ", ".join(f"{size:,}" for size in facts.recorded_mb)
    if facts.backend is Backend.REPLAY and recorded:
        return "; ".join([f"recorded at {recorded} MB", *rest])
    return "; ".join([*_cpu(known), *_machine(known), *rest])


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
        yield f"the share that a function got was off by at most {format_share(worst)}" + (
            f" (measured at {sizes} MB)" if sizes else ""
        )
    elif known.get("cpu_method"):
        yield "how exact the share was is not known"


def _machine(known: Mapping[str, Any]) -> Iterator[str]:
    cores, exact = known.get("cores"), known.get("largest_exact_mb")
    if _number(cores):
        enough = f", enough for sizes up to {format_memory(exact)}" if _number(exact) else ""
        yield f"{cores:g} {'core' if cores == 1 else 'cores'}{enough}"
    if known.get("memory_method"):
        yield f"memory limited by {known['memory_method']}"
    python = f"Python {known['python']}" if known.get("python") else ""
    machine = ", ".join(str(part) for part in (known.get("machine"), python) if part)
    if machine:
        yield machine
    if known.get("stands_in_for"):
        yield f"this Python stood in for {_value(known['stands_in_for'])}"
    if known.get("time_scale", 1.0) != 1.0:
        yield f"platform time ran {_value(known['time_scale'])}x as fast"


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _name(key: str) -> str:
    return key.replace("_", " ")


def _value(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_name(str(key))} {_value(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_value, value)) or "none"
    return str(value)
