"""What comparing a sweep with CloudWatch will cost, and how long it may be waited for."""

import math

from tuner.billing.cost import FIGURE_USD
from tuner.crosscheck.record import PAUSE_S, WAIT_S, patience_s
from tuner.options.options import SweepOptions
from tuner.planning.work import Range
from tuner.records import Backend, FunctionFacts, Metric
from tuner.units import format_seconds, format_usd


def forecast_check(
    options: SweepOptions, facts: FunctionFacts, versions: Range
) -> tuple[Range, Range] | None:
    """US dollars for figures, and seconds of waiting; ``None`` if CloudWatch is not asked."""
    wait_s = patience_s(options.cross_check)
    if wait_s is None or facts.backend is not Backend.AWS:
        return None
    if not wait_s:  # a short sweep is not asked about at all
        return Range(0.0, len(Metric) * versions.high * FIGURE_USD), Range(0.0, 0.0)
    looks = math.ceil(WAIT_S / PAUSE_S) + 1
    fewest, most = 1 + len(Metric), looks + len(Metric)
    cost = Range(fewest * versions.low * FIGURE_USD, most * versions.high * FIGURE_USD)
    return cost, Range(0.0, wait_s)


def check_lines(check: tuple[Range, Range] | None) -> list[str]:
    """The same for people; no line if CloudWatch is not asked."""
    if check is None:
        return []
    cost, wait = check
    waited = f", waited for up to {format_seconds(wait.high)}" if wait.high else ""
    most = format_usd(cost.high)
    return [f"  cross-check   at most {most} for CloudWatch's figures after it{waited}"]
