"""A bench run as other sites read it: Bencher, github-action-benchmark, and badges.

Bencher Metric Format is ``{benchmark: {measure: {value, lower_value, upper_value}}}``; the
action's ``customSmallerIsBetter`` is a list of ``{name, unit, value, range, extra}``. Both want
numbers, so a value that is not known is left out. A badge is an SVG, or the JSON that shields.io
reads (https://shields.io/badges/endpoint-badge).
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tuner.outputs.lines import Document, Line, lines, printable
from tuner.suites.gate import Subject, parse_gate
from tuner.suites.judgement import Verdict


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


_COLORS = {
    None: ("#6e7781", "lightgrey"),
    Verdict.REGRESSED: ("#b42318", "red"),
    Verdict.CANNOT_TELL: ("#9a6700", "yellow"),
    Verdict.IMPROVED: ("#1a7f4b", "brightgreen"),
    Verdict.SAME: ("#1a7f4b", "brightgreen"),
}
#: Width of a character of 11 px Verdana, on average; ``textLength`` makes the text fit.
_PX_PER_CHARACTER = 6.6
_MARGIN_PX = 6
_LONGEST = 40


def badge_svg(document: Document) -> str:
    """The badge as SVG."""
    label, message = _label(document), _message(document)
    left, right = _width(label), _width(message)
    return (
        _environment()
        .get_template("badge.svg")
        .render(
            label=label,
            message=message,
            color=_COLORS[_verdict(document)][0],
            left=left,
            right=right,
            margin=_MARGIN_PX,
        )
    )


def badge_endpoint(document: Document) -> dict[str, Any]:
    """The JSON of shields.io's endpoint badge."""
    return {
        "schemaVersion": 1,
        "label": _label(document),
        "message": _message(document),
        "color": _COLORS[_verdict(document)][1],
        "isError": _verdict(document) is Verdict.REGRESSED,
    }


def _verdict(document: Document) -> Verdict | None:
    return None if document["verdict"] is None else Verdict(document["verdict"])


def _label(document: Document) -> str:
    return printable(document["suite"])[:_LONGEST]


def _message(document: Document) -> str:
    verdict = _verdict(document)
    if verdict is Verdict.REGRESSED:
        count = sum(line.verdict is verdict for line in lines(document))
        return f"{count} regressed"
    words = {Verdict.SAME: "no regression", Verdict.IMPROVED: "improved", None: "not judged"}
    return words.get(verdict, "inconclusive")


def _width(text: str) -> int:
    return round(len(text) * _PX_PER_CHARACTER) + 2 * _MARGIN_PX


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tuner.outputs"),
        undefined=StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )
