"""A bench run as a badge: an SVG of one's own, or the JSON that shields.io reads.

https://shields.io/badges/endpoint-badge describes the JSON.
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tuner.outputs.lines import Document, lines, printable
from tuner.suites.judgement import Verdict

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
    """What shields.io's endpoint badge reads."""
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
    return words.get(verdict, "cannot tell")


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
