"""Writes the outputs of a bench run that were asked for, and the CI's step summary."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tuner.errors import Partial, TunerError, UsageError
from tuner.outputs.junit import junit
from tuner.outputs.lines import Document, worth_telling
from tuner.outputs.markdown import markdown
from tuner.outputs.message import address, is_address, post, slack, webhook
from tuner.outputs.trackers import action_benchmark, badge_endpoint, badge_svg, bencher

#: GitHub shows no step summary beyond 1 MiB.
_LARGEST_SUMMARY = 1_000_000
_MESSAGES: Mapping[str, Callable[[Document], Mapping[str, Any]]] = {
    "--webhook": webhook,
    "--slack": slack,
}


@dataclass(frozen=True)
class Outputs:
    """The destination of each format: a file, ``-`` for stdout, or None if it is not wanted.

    ``webhook`` and ``slack`` may be addresses (or ``env:NAME``), which are posted to if ``post``.
    """

    markdown: str | None = None
    junit: str | None = None
    badge: str | None = None
    webhook: str | None = None
    slack: str | None = None
    bencher: str | None = None
    action_benchmark: str | None = None
    post: bool = False
    json: str | None = None

    @property
    def on_stdout(self) -> bool:
        """True if a document goes to stdout, which then has nothing else."""
        return "-" in self._files()

    def checked(self) -> "Outputs":
        """Return itself, or raise UsageError for an output that cannot be written."""
        for option, to in self._messages():
            if is_address(to):
                if not self.post:
                    fix = "Add --post to send it, or name a file to write it to."
                    raise UsageError(f"{option} (address hidden)", "is not a file", fix)
                address(to, option)
        if self._files().count("-") > 1:
            fix = "Write all but one to files."
            raise UsageError("-", "is the destination of more than one output", fix)
        if self.badge and not self.badge.endswith((".svg", ".json")):
            fix = "Use .svg for a picture, or .json for shields.io."
            raise UsageError(f"--badge {self.badge}", "is neither .svg nor .json", fix)
        return self

    def _files(self) -> list[str]:
        formats = (self.json, self.markdown, self.junit, self.bencher, self.action_benchmark)
        return [to for to in (*formats, self.webhook, self.slack) if to is not None]

    def _messages(self) -> list[tuple[str, str]]:
        wanted = (("--webhook", self.webhook), ("--slack", self.slack))
        return [(option, to) for option, to in wanted if to is not None]

    def write(self, document: Document) -> None:
        """Write every format, then post. What fails does not keep the rest from being written.

        Raises UsageError or Partial: the first of what failed.
        """
        failed: list[TunerError] = []
        for option, to, text in self._texts(document):
            _attempt(partial(_written, option, to, text), failed)
        _attempt(partial(step_summary, document), failed)
        for option, to in self._messages():
            if is_address(to) and worth_telling(document):
                payload = _MESSAGES[option](document)
                _attempt(partial(_posted, option, to, payload), failed)
        if failed:
            raise failed[0]

    def _texts(self, document: Document) -> list[tuple[str, str, str]]:
        """Option, file and text of everything that is a file."""
        found: list[tuple[str, str, str]] = []
        texts: list[tuple[str, str | None, Callable[[Document], str]]] = [
            ("--json", self.json, _json),
            ("--markdown", self.markdown, markdown),
            ("--junit", self.junit, junit),
            ("--badge", self.badge, self._badge),
            ("--bencher", self.bencher, lambda d: _json(bencher(d))),
            ("--action-benchmark", self.action_benchmark, lambda d: _json(action_benchmark(d))),
        ]
        for option, to, make in texts:
            if to is not None:
                found.append((option, to, make(document)))
        for option, to in self._messages():
            if not is_address(to):
                found.append((option, to, _json(_MESSAGES[option](document))))
        return found

    def _badge(self, document: Document) -> str:
        picture = (self.badge or "").endswith(".svg")
        return badge_svg(document) if picture else _json(badge_endpoint(document))


def step_summary(document: Document) -> None:
    """Add the Markdown to GitHub's step summary where there is one."""
    to = os.environ.get("GITHUB_STEP_SUMMARY")
    if not to:
        return
    try:
        with Path(to).open("a", encoding="utf-8") as file:
            file.write(markdown(document)[:_LARGEST_SUMMARY])
    except OSError as error:
        fix = "Everything else was written."
        reason = f"cannot be written: {error.strerror}"
        raise Partial("The step summary", reason, fix) from None


def _attempt(act: Callable[[], None], failed: list[TunerError]) -> None:
    try:
        act()
    except TunerError as error:
        failed.append(error)


def _posted(option: str, to: str, payload: Mapping[str, Any]) -> None:
    post(address(to, option), payload, option)


def _written(option: str, to: str, text: str) -> None:
    if to == "-":
        sys.stdout.write(text)
        return
    try:
        path = Path(to)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise UsageError(f"{option} {to}", reason, "Choose another file.") from None


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
