"""A bench run as a message, JSON for a webhook and blocks for Slack, and posting it.

Slack's limits (api.slack.com, "Block Kit"): a header has 150 characters, a section 3,000; ``&``,
``<`` and ``>`` are escaped, so that names of users cannot become links or mentions.

An address is a secret and is never shown. Only https is accepted, or http on this machine;
redirects are not followed, for they could take the secret elsewhere. A refusal that may pass (429,
5xx, no answer) is tried again twice.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tuner.errors import Partial, UsageError
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
    """The address of this run on GitHub, GitLab or CodeBuild, if it is one of theirs."""
    get = os.environ.get
    if get("GITHUB_RUN_ID") and get("GITHUB_SERVER_URL") and get("GITHUB_REPOSITORY"):
        base = f"{get('GITHUB_SERVER_URL')}/{get('GITHUB_REPOSITORY')}"
        return f"{base}/actions/runs/{get('GITHUB_RUN_ID')}"
    return get("CI_JOB_URL") or get("CODEBUILD_PUBLIC_BUILD_URL") or None


def webhook(document: Document) -> dict[str, Any]:
    """A summary for programs; the whole document is in the store."""
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
        "arch": line.arch,
        **{key: line.raw[key] for key in kept},
    }


def _words(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text[:3000]}


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_TIMEOUT_S = 10.0
_PAUSES_S = (1.0, 4.0)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_address(to: str) -> bool:
    """True for an address, or the name of a variable that has one; false for a file."""
    return to.startswith("env:") or "://" in to


def address(to: str, option: str) -> str:
    """The address itself, checked. Raises UsageError that does not repeat it."""
    if to.startswith("env:"):
        name = to.removeprefix("env:")
        url = os.environ.get(name, "").strip()
        if not url:
            raise UsageError(f"{option} {to[:60]}", "is empty or not set", f"Export {name[:40]}.")
    else:
        url = to.strip()
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        good = False
    if not good or any(ord(c) <= 0x20 or ord(c) > 0x7E for c in url):
        fix = "Use an https:// address, preferably as env:NAME, the variable that holds it."
        raise UsageError(f"{option} (address hidden)", "is not an https address", fix)
    return url


def post(
    url: str, payload: Mapping[str, Any], option: str, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Send JSON. Raises Partial, which names the host only, when it was not taken."""
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "tuner"}
    reason = ""
    for pause in (*_PAUSES_S, None):
        refused, again = _sent(Request(url, data=body, headers=headers, method="POST"))
        if refused is None:
            return
        reason = refused
        if pause is None or not again:
            break
        sleep(pause)
    host = urlsplit(url).hostname
    fix = "The run itself is stored. Check the address and its permissions."
    raise Partial(f"{option} to {host}", f"was refused: {reason}", fix)


def _sent(request: Request) -> tuple[str | None, bool]:
    """The reason for a refusal (None: accepted), and true if trying again may help."""
    try:
        with build_opener(_Stay).open(request, timeout=_TIMEOUT_S):
            return None, False
    except HTTPError as error:
        with error:
            again = error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= 500
            return f"HTTP {error.code}", again
    except (URLError, OSError) as error:  # its text may hold the address
        cause = getattr(error, "reason", error)
        return f"no answer ({type(cause).__name__})", True


class _Stay(HTTPRedirectHandler):
    """A redirect is an answer like any other refusal."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""
        return
