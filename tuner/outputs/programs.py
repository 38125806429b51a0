"""A bench run as programs read it: JUnit, a webhook, Bencher, github-action-benchmark, badges.

In JUnit, regressed is a failure, inconclusive is skipped, a case that could not be measured an
error; where the suite only warns, a regression passes and says so in its output. The dialect is the
one that Jenkins, GitLab and CodeBuild share. Bencher Metric Format is
``{benchmark: {measure: {value, lower_value, upper_value}}}``; the action's
``customSmallerIsBetter`` is a list of ``{name, unit, value, range, extra}``. Both want numbers, so
a value that is not known is left out. A badge is an SVG, or the JSON that shields.io reads
(https://shields.io/badges/endpoint-badge).
"""

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from jinja2 import Environment, PackageLoader, StrictUndefined

from tuner.outputs.lines import (
    Document,
    Line,
    headline,
    lines,
    origin,
    printable,
    run_url,
    unjudged,
)
from tuner.suites.gate import Subject
from tuner.suites.judgement import Verdict

NOTICE = "tuner.notice/1"
#: What a notice has of the run, and of each gate.
_OF_RUN = (
    *("bench", "suite", "environment", "branch", "commit", "verdict", "exit_code"),
    *("warn_only", "started_at", "finished_at"),
)
_OF_GATE = ("gate", "measure", "verdict", "before", "after", "ratio", "low", "high", "sentence")
#: A case in one of these states was not measured as it should have been.
_ERRORS = ("failed", "refused", "interrupted")


def junit(document: Document) -> str:
    """The XML text."""
    root = Xml.Element("testsuites", name=printable(f"tuner bench {document['suite']}"))
    found = lines(document)
    for case in document["cases"]:
        suite = _suite(root, document, case)
        for line in found:
            if line.case == case["case"]:
                _test(suite, document, line)
        if case["verdict"] is None:
            _unjudged(suite, document, case)
        _count(suite)
    _count(root)
    root.set("time", f"{document['spend']['seconds']:.3f}")
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: Xml.Element, document: Document, case: Mapping[str, Any]) -> Xml.Element:
    suite = Xml.SubElement(root, "testsuite", name=printable(case["case"]))
    suite.set("timestamp", document["started_at"].removesuffix("Z"))
    suite.set("time", f"{case['spend']['seconds']:.3f}")
    properties = Xml.SubElement(suite, "properties")
    facts = {"target": case["target"]} | {k: document[k] for k in ("branch", "commit", "bench")}
    for name, value in facts.items():
        if value is not None:
            Xml.SubElement(properties, "property", name=name, value=printable(value))
    return suite


def _test(suite: Xml.Element, document: Document, line: Line) -> None:
    name = f"{line.gate.text} at {line.memory_mb} MB{line.on}"
    test, said = _testcase(suite, document, line.case, name), printable(line.sentence)
    warned = document["warn_only"] and line.verdict is Verdict.REGRESSED
    if line.verdict is Verdict.REGRESSED and not warned:
        Xml.SubElement(test, "failure", message=said, type="regressed")
    elif line.verdict is Verdict.CANNOT_TELL:
        Xml.SubElement(test, "skipped", message=said)
    Xml.SubElement(test, "system-out").text = f"warning only: {said}" if warned else said


def _unjudged(suite: Xml.Element, document: Document, case: Mapping[str, Any]) -> None:
    test = _testcase(suite, document, case["case"], "is measured and compared")
    said = printable(f"{case['state']}: {case['reason'] or 'no reason is known'}")
    kind = {"type": case["state"]} if case["state"] in _ERRORS else {}
    Xml.SubElement(test, "error" if kind else "skipped", message=said, **kind)


def _testcase(suite: Xml.Element, document: Document, case: str, name: str) -> Xml.Element:
    where = printable(f"{document['suite']}.{case}")
    return Xml.SubElement(suite, "testcase", classname=where, name=printable(name))


def _count(element: Xml.Element) -> None:
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counts.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))


def webhook(document: Document) -> dict[str, Any]:
    """A summary for programs; the whole document is in the store."""
    changed = (Verdict.REGRESSED, Verdict.IMPROVED)
    return {
        "schema": NOTICE,
        "text": f"{origin(document)}: {headline(document)}",
        "url": run_url(),
        **{key: document[key] for key in _OF_RUN},
        "changed_gates": [
            {
                "case": line.case,
                "memory_mb": line.memory_mb,
                "arch": line.arch,
                **{key: line.raw[key] for key in _OF_GATE},
            }
            for line in lines(document)
            if line.verdict in changed
        ],
        "unjudged_cases": unjudged(document),
    }


def bencher(document: Document) -> dict[str, Any]:
    """Bencher Metric Format. The limits are those of the change, over the value before."""
    found: dict[str, dict[str, Any]] = {}
    for line, value, limits in _values(document):
        metric = {"value": value}
        if limits is not None:
            metric |= {"lower_value": limits[0], "upper_value": limits[1]}
        found.setdefault(line.place, {})[f"{line.gate.measure} ({_unit(line)})"] = metric
    return found


def action_benchmark(document: Document) -> list[dict[str, Any]]:
    """The list of github-action-benchmark's ``customSmallerIsBetter``."""
    found = {}
    for line, value, limits in _values(document):
        name = f"{line.place}: {line.gate.measure}"
        entry = {"name": name, "unit": _unit(line), "value": value}
        if limits is not None:
            entry["range"] = f"{limits[0]:.6g} to {limits[1]:.6g}"
        found[name] = {**entry, "extra": line.sentence}
    return list(found.values())


def _values(document: Document) -> Iterator[tuple[Line, float, tuple[float, float] | None]]:
    """What has a value, with the limits of it where they are known."""
    for line in lines(document):
        before, after, limits = line.raw["before"], line.raw["after"], line.limits
        if after is not None:
            known = None if before is None or limits is None else limits
            yield line, after, known and (before * known[0], before * known[1])


def _unit(line: Line) -> str:
    subject = line.gate.subject
    if subject is Subject.COST:
        return "USD/million"
    return "share" if subject.share else "ms"


#: By verdict: a picture's colour, that of shields.io, and the words beside it.
_BADGES: Mapping[str | None, tuple[str, str, str]] = {
    None: ("#6e7781", "lightgrey", "not judged"),
    Verdict.REGRESSED: ("#b42318", "red", "{} regressed"),
    Verdict.CANNOT_TELL: ("#9a6700", "yellow", "inconclusive"),
    Verdict.IMPROVED: ("#1a7f4b", "brightgreen", "improved"),
    Verdict.SAME: ("#1a7f4b", "brightgreen", "no regression"),
}
#: Width of a character of 11 px Verdana, on average; ``textLength`` makes the text fit.
_PX_PER_CHARACTER = 6.6
_MARGIN_PX = 6
_LONGEST = 40


def badge_svg(document: Document) -> str:
    """The badge as SVG."""
    label, message = _badge(document)
    left, right = (round(len(t) * _PX_PER_CHARACTER) + 2 * _MARGIN_PX for t in (label, message))
    environment = Environment(
        loader=PackageLoader("tuner.outputs"),
        undefined=StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("badge.svg").render(
        label=label,
        message=message,
        color=_BADGES[document["verdict"]][0],
        left=left,
        right=right,
        margin=_MARGIN_PX,
    )


def badge_endpoint(document: Document) -> dict[str, Any]:
    """The JSON of shields.io's endpoint badge."""
    label, message = _badge(document)
    return {
        "schemaVersion": 1,
        "label": label,
        "message": message,
        "color": _BADGES[document["verdict"]][1],
        "isError": document["verdict"] == Verdict.REGRESSED,
    }


def _badge(document: Document) -> tuple[str, str]:
    """Label and message."""
    count = sum(line.verdict is Verdict.REGRESSED for line in lines(document))
    message = _BADGES[document["verdict"]][2].format(count)
    return printable(document["suite"])[:_LONGEST], message
