"""A bench document as rows of words, which every format arranges in its own way."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.report.elements import change, counted, measured, verdict_word
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import Verdict
from tuner.suites.result import ORDER
from tuner.units import format_memory

Document = Mapping[str, Any]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Line:
    """One gate of one size of one case, in words; ``raw`` is it as the document has it."""

    case: str
    memory_mb: int
    arch: str | None  # where there are several
    gate: str
    verdict: Verdict
    before: str
    after: str
    change: str
    sentence: str
    raw: Mapping[str, Any]

    @property
    def place(self) -> str:
        """``checkout at 512 MB``."""
        return f"{self.case} at {format_memory(self.memory_mb)}{self.on}"

    @property
    def on(self) -> str:
        """`` on arm64`` where there are several architectures, else nothing."""
        return "" if self.arch is None else f" on {self.arch}"


@dataclass(frozen=True)
class Unjudged:
    """A case without a verdict, and why."""

    case: str
    state: str
    reason: str


def lines(document: Document) -> list[Line]:
    """Every gate that was judged, the most serious first, otherwise in the suite's order."""
    return sorted(_lines(document), key=lambda line: ORDER.index(line.verdict))


def unjudged(document: Document) -> list[Unjudged]:
    """Every case that was not judged."""
    return [
        Unjudged(case["case"], case["state"], case["reason"] or "")
        for case in document["cases"]
        if case["verdict"] is None
    ]


def headline(document: Document) -> str:
    """The result of the run in a few words."""
    found, left = lines(document), unjudged(document)
    counts = ((verdict, sum(line.verdict is verdict for line in found)) for verdict in ORDER)
    said = [f"{count} {verdict_word(verdict)}" for verdict, count in counts if count]
    said += [f"{counted(len(left), 'case')} not judged"] if left else []
    return ", ".join(said) or "nothing was judged"


def origin(document: Document) -> str:
    """``nightly in staging, main at 1a2b3c4``."""
    commit = document["commit"]
    where = [
        f"{document['suite']} in {document['environment']}"
        if document["environment"]
        else document["suite"],
        " at ".join(part for part in (document["branch"], commit and commit[:7]) if part),
    ]
    changed = " with changes" if document["changed"] else ""
    return ", ".join(part for part in where if part) + changed


def printable(text: str) -> str:
    """The text without what XML 1.0 has no place for, such as control characters."""
    return _NOT_XML.sub("\ufffd", text)


def worth_telling(document: Document) -> bool:
    """True for news: a regression, an improvement, or a failure."""
    told = (str(Verdict.REGRESSED), str(Verdict.IMPROVED))
    return document["exit_code"] != 0 or document["verdict"] in told


def _lines(document: Document) -> Iterator[Line]:
    for case in document["cases"]:
        for size in case["sizes"]:
            for gate in size["gates"]:
                yield _line(case["case"], size, gate)


def _line(case: str, size: Mapping[str, Any], gate: Mapping[str, Any]) -> Line:
    parsed = parse_gate(gate["gate"])
    relative = parsed.slo is None and not parsed.subject.share
    moved = change(gate["ratio"]) if relative and gate["ratio"] is not None else ""
    if moved and gate["low"] is not None and gate["high"] is not None:
        moved += f" ({change(gate['low'])} to {change(gate['high'])})"
    if moved and gate["control_ratio"] is not None:  # else before and after would seem to differ
        moved += f", the control {change(gate['control_ratio'])}"
    return Line(
        case=case,
        memory_mb=size["memory_mb"],
        arch=size.get("arch"),  # not in documents of earlier versions
        gate=gate["gate"],
        verdict=Verdict(gate["verdict"]),
        before="" if parsed.slo else measured(gate["measure"], gate["before"]),
        after=measured(gate["measure"], gate["after"]),
        change=moved,
        sentence=gate["sentence"],
        raw=gate,
    )
