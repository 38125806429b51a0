"""A bench run as JUnit XML: a suite per case, a test per gate.

Regressed is a failure, cannot tell is skipped, a case that could not be measured an error; where
the suite only warns, a regression passes and says so in its output. The dialect is the one that
Jenkins, GitLab and CodeBuild share.
"""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from tuner.outputs.lines import Document, Line, lines, printable, unjudged
from tuner.suites.judgement import Verdict

#: A case in one of these states was not measured as it should have been.
_ERRORS = ("failed", "refused", "interrupted")


def junit(document: Document) -> str:
    """The XML text."""
    root = Xml.Element("testsuites", name=printable(f"tuner bench {document['suite']}"))
    found, left = lines(document), {each.case: each for each in unjudged(document)}
    for case in document["cases"]:
        suite = _suite(root, document, case)
        for line in found:
            if line.case == case["case"]:
                _test(suite, document, line)
        if case["case"] in left:
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
    facts = {
        "target": case["target"],
        "branch": document["branch"],
        "commit": document["commit"],
        "bench": document["bench"],
    }
    properties = Xml.SubElement(suite, "properties")
    for name, value in facts.items():
        if value is not None:
            Xml.SubElement(properties, "property", name=name, value=printable(value))
    return suite


def _test(suite: Xml.Element, document: Document, line: Line) -> None:
    name = f"{line.gate} at {line.memory_mb} MB{line.on}"
    test = _testcase(suite, document, line.case, name)
    if line.verdict is Verdict.REGRESSED and not document["warn_only"]:
        Xml.SubElement(test, "failure", message=printable(line.sentence), type="regressed")
    elif line.verdict is Verdict.CANNOT_TELL:
        Xml.SubElement(test, "skipped", message=printable(line.sentence))
    only = "warning only: " if line.verdict is Verdict.REGRESSED and document["warn_only"] else ""
    Xml.SubElement(test, "system-out").text = printable(f"{only}{line.sentence}")


def _unjudged(suite: Xml.Element, document: Document, case: Mapping[str, Any]) -> None:
    test = _testcase(suite, document, case["case"], "is measured and compared")
    said = printable(f"{case['state']}: {case['reason'] or 'no reason is known'}")
    if case["state"] in _ERRORS:
        Xml.SubElement(test, "error", message=said, type=case["state"])
    else:
        Xml.SubElement(test, "skipped", message=said)


def _testcase(suite: Xml.Element, document: Document, case: str, name: str) -> Xml.Element:
    where = printable(f"{document['suite']}.{case}")
    return Xml.SubElement(suite, "testcase", classname=where, name=printable(name))


def _count(element: Xml.Element) -> None:
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counts.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))
