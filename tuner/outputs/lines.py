"""A bench document as rows of words, which every format arranges in its own way."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.report.elements import gate_values, verdict_word
from tuner.suites.gate import Gate, parse_gate
from tuner.suites.judgement import Verdict
from tuner.units import counted, format_change, format_memory

Document = Mapping[str, Any]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Line:
    """One gate of one size of one case, in words; ``raw`` is it as the document has it."""

    case: str
    memory_mb: int
    arch: str | None  # where there are several
    gate: Gate
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

    @property
    def limits(self) -> tuple[float, float] | None:
        """The bounds of the change, where it has any and is no matter of a limit or a share."""
        low, high = self.raw["low"], self.raw["high"]
        return None if not _relative(self.gate) or None in (low, high) else (low, high)


def lines(document: Document) -> list[Line]:
    """Every gate that was judged, the most serious first, otherwise in the suite's order."""
    found = (
        _line(case["case"], size, gate)
        for case in document["cases"]
        for size in case["sizes"]
        for gate in size["gates"]
    )
    order = list(Verdict)
    return sorted(found, key=lambda line: order.index(line.verdict))


def unjudged(document: Document) -> list[dict[str, str]]:
    """``case``, ``state`` and ``reason`` of every case that was not judged."""
    return [
        {"case": case["case"], "state": case["state"], "reason": case["reason"] or ""}
        for case in document["cases"]
        if case["verdict"] is None
    ]


def headline(document: Document) -> str:
    """The result of the run in a few words."""
    counts, left = Counter(line.verdict for line in lines(document)), unjudged(document)
    said = [f"{counts[each]} {verdict_word(each)}" for each in Verdict if counts[each]]
    said += [f"{counted(len(left), 'case')} not judged"] if left else []
    return ", ".join(said) or "nothing was judged"


def origin(document: Document) -> str:
    """``nightly in staging, main at 1a2b3c4``."""
    suite, environment, commit = (document[key] for key in ("suite", "environment", "commit"))
    at = " at ".join(part for part in (document["branch"], commit and commit[:7]) if part)
    place = f"{suite} in {environment}" if environment else suite
    changed = " with changes" if document["changed"] else ""
    return (f"{place}, {at}" if at else place) + changed


def run_url() -> str | None:
    """The address of this run on GitHub, GitLab or CodeBuild, if it is one of theirs."""
    get = os.environ.get
    if get("GITHUB_RUN_ID") and get("GITHUB_SERVER_URL") and get("GITHUB_REPOSITORY"):
        base = f"{get('GITHUB_SERVER_URL')}/{get('GITHUB_REPOSITORY')}"
        return f"{base}/actions/runs/{get('GITHUB_RUN_ID')}"
    return get("CI_JOB_URL") or get("CODEBUILD_PUBLIC_BUILD_URL") or None


def printable(text: str) -> str:
    """The text without what XML 1.0 has no place for, such as control characters."""
    return _NOT_XML.sub("\ufffd", text)


def worth_telling(document: Document) -> bool:
    """True for news: a regression, an improvement, or a failure."""
    told = (str(Verdict.REGRESSED), str(Verdict.IMPROVED))
    return document["exit_code"] != 0 or document["verdict"] in told


def _relative(gate: Gate) -> bool:
    return gate.limit is None and not gate.subject.share


def _line(case: str, size: Mapping[str, Any], raw: Mapping[str, Any]) -> Line:
    gate = parse_gate(raw["gate"])
    before, after = gate_values(raw["measure"], raw["before"], raw["after"], gate.limit)
    return Line(
        case=case,
        memory_mb=size["memory_mb"],
        arch=size.get("arch"),  # not in documents of earlier versions
        gate=gate,
        verdict=Verdict(raw["verdict"]),
        before=before,
        after=after,
        change=_moved(raw) if _relative(gate) and raw["ratio"] is not None else "",
        sentence=raw["sentence"],
        raw=raw,
    )


def _moved(raw: Mapping[str, Any]) -> str:
    said = format_change(raw["ratio"])
    if raw["low"] is not None and raw["high"] is not None:
        said += f" ({format_change(raw['low'])} to {format_change(raw['high'])})"
    if raw["control_ratio"] is not None:  # else before and after would seem to differ
        said += f", the control {format_change(raw['control_ratio'])}"
    return said
