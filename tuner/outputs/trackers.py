"""A bench run as other trackers read it: Bencher, and github-action-benchmark.

Bencher Metric Format is ``{benchmark: {measure: {value, lower_value, upper_value}}}``; the
action's ``customSmallerIsBetter`` is a list of ``{name, unit, value, range, extra}``. Both want
numbers, so a value that is not known is left out.
"""

from typing import Any

from tuner.outputs.lines import Document, Line, lines
from tuner.suites.gate import Subject, parse_gate


def bencher(document: Document) -> dict[str, Any]:
    """Bencher Metric Format. The limits are those of the change, over the value before."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines(document):
        if line.raw["after"] is None:
            continue
        metric = {"value": line.raw["after"]}
        limits = _limits(line)
        if limits:
            metric |= {"lower_value": limits[0], "upper_value": limits[1]}
        found.setdefault(line.place, {})[f"{line.raw['measure']} ({_unit(line)})"] = metric
    return found


def action_benchmark(document: Document) -> list[dict[str, Any]]:
    """The list of github-action-benchmark's ``customSmallerIsBetter``."""
    found = {}
    for line in lines(document):
        if line.raw["after"] is None:
            continue
        name = f"{line.place}: {line.raw['measure']}"
        entry = {"name": name, "unit": _unit(line), "value": line.raw["after"]}
        limits = _limits(line)
        if limits:
            entry["range"] = f"{limits[0]:.6g} to {limits[1]:.6g}"
        found[name] = {**entry, "extra": line.sentence}
    return list(found.values())


def _limits(line: Line) -> tuple[float, float] | None:
    before, low, high = line.raw["before"], line.raw["low"], line.raw["high"]
    if parse_gate(line.gate).slo is not None or None in (before, low, high):
        return None
    if parse_gate(line.gate).subject.share:
        return None
    return before * low, before * high


def _unit(line: Line) -> str:
    subject = parse_gate(line.gate).subject
    if subject is Subject.COST:
        return "USD/million"
    return "share" if subject.share else "ms"
