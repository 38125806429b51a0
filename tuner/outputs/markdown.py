"""A bench run as people read it: Markdown for a comment, a step summary, a wiki; blocks of Slack.

What needs attention is in the open; gates that are the same are folded away. Names and reasons
come from users and their functions, so nothing in them is taken for markup, a link or a mention.
Slack's limits (api.slack.com, "Block Kit"): a section has 3,000 characters.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.outputs.lines import (
    Document,
    Line,
    headline,
    lines,
    origin,
    run_url,
    unjudged,
)
from tuner.report.elements import verdict_word
from tuner.report.markdown import escaped
from tuner.suites.judgement import SENSIBLE, Verdict
from tuner.units import counted, format_seconds, format_usd

#: In Markdown and in Slack's; the last is for what was not judged.
_SIGNS: Mapping[str | None, tuple[str, str]] = {
    Verdict.REGRESSED: ("🔴", ":red_circle:"),
    Verdict.CANNOT_TELL: ("🟡", ":large_yellow_circle:"),
    Verdict.IMPROVED: ("🟢", ":large_green_circle:"),
    Verdict.SAME: ("⚪", ":white_circle:"),
    None: ("⚠️", ":warning:"),
}
#: A comment may have 65,536 characters; rows beyond this many are only counted.
_ROWS = 200
_HEAD = "| | case | gate | before | after | change | verdict |\n|---|---|---|--:|--:|--:|---|"
#: Blocks of one message of Slack, and the characters of one.
_SHOWN, _LONGEST = 12, 3000


def markdown(document: Document) -> str:
    """The whole text, ending in a line end."""
    found = lines(document)
    sign = _SIGNS[document["verdict"]][0]
    parts = [
        f"### {sign} tuner bench: {headline(document)}",
        f"Suite {escaped(origin(document))}.{_warns(document)}",
        _table([line for line in found if line.verdict is not Verdict.SAME]),
        "\n".join(_case(**each) for each in unjudged(document)),
        _folded([line for line in found if line.verdict is Verdict.SAME]),
        "\n".join(f"- ⚠️ {escaped(warning)}" for warning in _warnings(document)),
        _spend(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warns(document: Document) -> str:
    only = document["warn_only"] and document["verdict"] == Verdict.REGRESSED
    return " This suite only warns." if only else ""


def _table(rows: Sequence[Line]) -> str:
    if not rows:
        return ""
    left = f"\n\n{len(rows) - _ROWS} more rows are in the report." if len(rows) > _ROWS else ""
    return "\n".join([_HEAD, *map(_row, rows[:_ROWS])]) + left


def _row(line: Line) -> str:
    cells = [
        _SIGNS[line.verdict][0],
        escaped(line.place),
        escaped(line.gate.text),
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
    if line.verdict is Verdict.CANNOT_TELL and not enough and line.raw["control_ratio"] is not None:
        return f"{word}; `--against` decides it in one run"
    if line.verdict is Verdict.CANNOT_TELL and enough and enough <= SENSIBLE:
        if line.raw["low"] is None and line.gate.limit is None and not line.gate.subject.share:
            return f"{word}; it takes at least {enough:,} calls per side to tell"
        return f"{word}; about {enough:,} calls per side would settle it"
    return f"**{word}**" if line.verdict is Verdict.REGRESSED else word


def _case(case: str, state: str, reason: str) -> str:
    return f"- ⚠️ {escaped(case)}: {state}{': ' if reason else ''}{escaped(reason)}"


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


def slack(document: Document) -> dict[str, Any]:
    """The body of a message to a Slack webhook."""
    found = [line for line in lines(document) if line.verdict is not Verdict.SAME]
    said = [
        f"{_SIGNS[line.verdict][1]} *{_safe(line.place)}* {_safe(line.sentence)}" for line in found
    ]
    said += [
        f"{_SIGNS[None][1]} *{_safe(each['case'])}* {_safe(each['state'])}: {_safe(each['reason'])}"
        for each in unjudged(document)
    ]
    more = [f"and {len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    url = run_url()
    link = f" (<{_safe(url)}|this run>)" if url else ""
    top = f"{_SIGNS[document['verdict']][1]} *{_safe(headline(document))}*"
    sections = [top, *said[:_SHOWN], *more]
    return {
        "text": _safe(f"{origin(document)}: {headline(document)}")[:_LONGEST],
        "blocks": [
            *({"type": "section", "text": _words(text)} for text in sections),
            {"type": "context", "elements": [_words(_safe(origin(document)) + link)]},
        ],
    }


def _words(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text[:_LONGEST]}


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
