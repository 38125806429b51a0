"""A bench run as Markdown: for a comment, a step summary, a wiki.

What needs attention is in the open; gates that are the same are folded away. Names and reasons
come from users and their functions, so nothing in them is taken for Markdown.
"""

import re
from collections.abc import Sequence

from tuner.outputs.lines import Document, Line, headline, lines, origin, printable, unjudged
from tuner.report.elements import counted, verdict_word
from tuner.suites.judgement import SENSIBLE, Verdict
from tuner.units import format_seconds, format_usd

_SIGNS = {
    Verdict.REGRESSED: "🔴",
    Verdict.CANNOT_TELL: "🟡",
    Verdict.IMPROVED: "🟢",
    Verdict.SAME: "⚪",
}
#: What Markdown or GitHub reads as markup, links or mentions.
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
#: A comment may have 65,536 characters; rows beyond this many are only counted.
_ROWS = 200


def markdown(document: Document) -> str:
    """The whole text, ending in a line end."""
    found = lines(document)
    open_ = [line for line in found if line.verdict is not Verdict.SAME]
    folded = [line for line in found if line.verdict is Verdict.SAME]
    parts = [
        f"### {_sign(document)} tuner bench: {headline(document)}",
        f"Suite {_plain(origin(document))}.{_warns(document)}",
        _table(open_),
        _cases(document),
        _folded(folded),
        "\n".join(f"- ⚠️ {_plain(warning)}" for warning in _warnings(document)),
        _spend(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sign(document: Document) -> str:
    return "⚠️" if document["verdict"] is None else _SIGNS[Verdict(document["verdict"])]


def _warns(document: Document) -> str:
    only = document["warn_only"] and document["verdict"] == Verdict.REGRESSED
    return " This suite only warns." if only else ""


def _table(rows: Sequence[Line]) -> str:
    if not rows:
        return ""
    head = "| | case | gate | before | after | change | verdict |\n|---|---|---|--:|--:|--:|---|"
    left = f"\n\n{len(rows) - _ROWS} more rows are in the report." if len(rows) > _ROWS else ""
    return "\n".join([head, *map(_row, rows[:_ROWS])]) + left


def _row(line: Line) -> str:
    cells = [
        _SIGNS[line.verdict],
        _plain(line.place),
        _plain(line.gate),
        line.before,
        line.after,
        line.change,
        _verdict(line),
    ]
    return f"| {' | '.join(cells)} |"


def _verdict(line: Line) -> str:
    first, enough = line.raw["first_verdict"], line.raw["enough"]
    word = verdict_word(line.verdict)
    if line.verdict is Verdict.REGRESSED and first:
        return "**regressed**, confirmed"
    if first and first != line.verdict:
        return f"{word}; {verdict_word(first)} was not confirmed"
    if line.verdict is Verdict.CANNOT_TELL and enough and enough <= SENSIBLE:
        return f"{word}; about {enough:,} calls per side would settle it"
    return f"**{word}**" if line.verdict is Verdict.REGRESSED else word


def _cases(document: Document) -> str:
    return "\n".join(
        f"- ⚠️ {_plain(each.case)}: {each.state}{': ' if each.reason else ''}{_plain(each.reason)}"
        for each in unjudged(document)
    )


def _folded(rows: Sequence[Line]) -> str:
    if not rows:
        return ""
    count = counted(len(rows), "gate")
    return f"<details><summary>{count} unchanged</summary>\n\n{_table(rows)}\n\n</details>"


def _warnings(document: Document) -> list[str]:
    every = [w["text"] for w in document["warnings"]]
    for case in document["cases"]:
        every += [f"{case['case']}: {w['text']}" for w in case["warnings"]]
    return list(dict.fromkeys(every))


def _spend(document: Document) -> str:
    spend = document["spend"]
    cost = "" if spend["cost_usd"] is None else f", {format_usd(spend['cost_usd'])}"
    count = f"{spend['invocations']:,} invocations"
    return f"<sub>{count} in {format_seconds(spend['seconds'])}{cost}; {document['bench']}</sub>"


def _plain(text: str) -> str:
    """Text that stays itself: one line, no markup, no HTML, no mention."""
    flat = " ".join(printable(text).split())
    escaped = _SPECIAL.sub(r"\\\1", flat).replace("&", "&amp;").replace("<", "&lt;")
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//")
