"""A bench run as a message: JSON for a webhook, and blocks for Slack. Made here, sent by ``post``.

Slack's limits (api.slack.com, "Block Kit"): a header has 150 characters, a section 3,000; ``&``,
``<`` and ``>`` are escaped, so that names of users cannot become links or mentions.
"""

import os
from typing import Any

from tuner.outputs.lines import Document, Line, headline, lines, origin, unjudged
from tuner.suites.judgement import Verdict

NOTICE = "tuner.notice/1"
_SHOWN = 12
_SIGNS = {
    Verdict.REGRESSED: ":red_circle:",
    Verdict.CANNOT_TELL: ":large_yellow_circle:",
    Verdict.IMPROVED: ":large_green_circle:",
    Verdict.SAME: ":white_circle:",
}


def run_url() -> str | None:
    """Where this run can be looked at, if it is one of GitHub, GitLab or CodeBuild."""
    get = os.environ.get
    if get("GITHUB_RUN_ID") and get("GITHUB_SERVER_URL") and get("GITHUB_REPOSITORY"):
        base = f"{get('GITHUB_SERVER_URL')}/{get('GITHUB_REPOSITORY')}"
        return f"{base}/actions/runs/{get('GITHUB_RUN_ID')}"
    return get("CI_JOB_URL") or get("CODEBUILD_PUBLIC_BUILD_URL") or None


def webhook(document: Document) -> dict[str, Any]:
    """What a program wants to know at once; the whole document is in the store."""
    return {
        "schema": NOTICE,
        "text": f"{origin(document)}: {headline(document)}",
        "url": run_url(),
        **{
            key: document[key]
            for key in (
                *("bench", "suite", "environment", "branch", "commit", "verdict", "exit_code"),
                *("warn_only", "started_at", "finished_at"),
            )
        },
        "changed_gates": [_gate(line) for line in lines(document) if _moved(line)],
        "unjudged_cases": [
            {"case": each.case, "state": each.state, "reason": each.reason}
            for each in unjudged(document)
        ],
    }


def slack(document: Document) -> dict[str, Any]:
    """The body of a message to a Slack webhook."""
    verdict = document["verdict"]
    sign = ":warning:" if verdict is None else _SIGNS[Verdict(verdict)]
    found = [line for line in lines(document) if line.verdict is not Verdict.SAME]
    said = [
        f"{_SIGNS[line.verdict]} *{_safe(line.place)}* {_safe(line.sentence)}" for line in found
    ]
    said += [
        f":warning: *{_safe(each.case)}* {_safe(each.state)}: {_safe(each.reason)}"
        for each in unjudged(document)
    ]
    more = [f"and {len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    url = run_url()
    link = f" (<{_safe(url)}|this run>)" if url else ""
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": _words(f"{sign} *{_safe(headline(document))}*")},
        *({"type": "section", "text": _words(text)} for text in [*said[:_SHOWN], *more]),
        {"type": "context", "elements": [_words(_safe(origin(document)) + link)]},
    ]
    return {"text": _safe(f"{origin(document)}: {headline(document)}")[:3000], "blocks": blocks}


def _moved(line: Line) -> bool:
    return line.verdict in (Verdict.REGRESSED, Verdict.IMPROVED)


def _gate(line: Line) -> dict[str, Any]:
    kept = ("gate", "measure", "verdict", "before", "after", "ratio", "low", "high", "sentence")
    return {
        "case": line.case,
        "memory_mb": line.memory_mb,
        **{key: line.raw[key] for key in kept},
    }


def _words(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text[:3000]}


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
