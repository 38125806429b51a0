"""Writes the outputs of a bench run that were asked for, posts messages, and CI's step summary.

An address is a secret and is never shown. Only https is accepted, or http on this machine;
redirects are not followed, for they could take the secret elsewhere. A refusal that may pass (429,
5xx, no answer) is tried again twice.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tuner.errors import Partial, TunerError, UsageError, unwritable
from tuner.outputs.lines import Document, worth_telling
from tuner.outputs.markdown import markdown, slack
from tuner.outputs.programs import (
    action_benchmark,
    badge_endpoint,
    badge_svg,
    bencher,
    junit,
    webhook,
)

#: GitHub shows no step summary beyond 1 MiB.
_LARGEST_SUMMARY = 1_000_000
#: What each output is made of; ``badge`` is text if it is a picture.
_FORMATS: Mapping[str, Callable[[Document], Any]] = {
    "json": lambda document: document,
    "markdown": markdown,
    "junit": junit,
    "badge": badge_endpoint,
    "bencher": bencher,
    "action_benchmark": action_benchmark,
    "webhook": webhook,
    "slack": slack,
}
_MESSAGES = ("webhook", "slack")
_TIMEOUT_S = 10.0
_PAUSES_S = (1.0, 4.0)
#: Bytes of an answer that are read.
_LONGEST_ANSWER = 100_000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


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
        return any(to == "-" for _, to in self._wanted())

    def checked(self) -> "Outputs":
        """Return itself, or raise UsageError for an output that cannot be written."""
        for name, to in self._wanted(sent=True):
            if not self.post:
                fix = "Add --post to send it, or name a file to write it to."
                raise UsageError(f"{_option(name)} (address hidden)", "is not a file", fix)
            address(to, _option(name))
        if sum(to == "-" for _, to in self._wanted()) > 1:
            fix = "Write all but one to files."
            raise UsageError("-", "is the destination of more than one output", fix)
        if self.badge and not self.badge.endswith((".svg", ".json")):
            fix = "Use .svg for a picture, or .json for shields.io."
            raise UsageError(f"--badge {self.badge}", "is neither .svg nor .json", fix)
        return self

    def _wanted(self, *, sent: bool = False) -> Iterator[tuple[str, str]]:
        """Formats with their files, or with their addresses."""
        for name in _FORMATS:
            to = getattr(self, name)
            if to is not None and (name in _MESSAGES and is_address(to)) is sent:
                yield name, to

    def write(self, document: Document) -> None:
        """Write every format, then post. What fails does not keep the rest from being written.

        Raises UsageError or Partial: the first of what failed.
        """
        acts = [
            partial(_written, _option(n), t, self._text(n, document)) for n, t in self._wanted()
        ]
        acts.append(partial(step_summary, document))
        for name, to in self._wanted(sent=True) if worth_telling(document) else ():
            acts.append(partial(post, to, _FORMATS[name](document), _option(name)))
        failed: list[TunerError] = []
        for act in acts:
            try:
                act()
            except TunerError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _text(self, name: str, document: Document) -> str:
        picture = name == "badge" and str(self.badge).endswith(".svg")
        made = badge_svg(document) if picture else _FORMATS[name](document)
        if isinstance(made, str):
            return made
        return json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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


def _written(option: str, to: str, text: str) -> None:
    if to == "-":
        sys.stdout.write(text)
        return
    try:
        path = Path(to)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(f"{option} {to}", error) from None


def is_address(to: str) -> bool:
    """True for an address, or the name of a variable that has one; false for a file."""
    return to.startswith("env:") or "://" in to


def address(to: str, option: str, plain: bool = False) -> str:
    """The address itself, checked; ``plain`` takes http of other machines, too. Raises UsageError
    that does not repeat it."""
    if to.startswith("env:"):
        name = to.removeprefix("env:")
        url = os.environ.get(name, "").strip()
        if not url:
            raise UsageError(f"{option} {to[:60]}", "is empty or not set", f"Export {name[:40]}.")
    else:
        url = to.strip()
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") if plain else is_secure(url)
        good = bool(parts.hostname) and known
    except ValueError:
        good = False
    if not good or any(ord(c) <= 0x20 or ord(c) > 0x7E for c in url):
        kind = "an http" if plain else "an https"
        fix = f"Use {kind}:// address, preferably as env:NAME, the variable that holds it."
        raise UsageError(f"{option} (address hidden)", f"is not {kind} address", fix)
    return url


def is_secure(url: str) -> bool:
    """True of https, and of what stays on this machine. Raises ValueError for no address."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


@dataclass(frozen=True)
class Posting:
    """How JSON is sent; ``refusal`` reads from the answer to what was accepted why it was not."""

    headers: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False
    refusal: Callable[[bytes], str | None] = lambda _answer: None


_AS_IT_IS = Posting()


def post(
    to: str,
    payload: Mapping[str, Any],
    option: str,
    sleep: Callable[[float], None] = time.sleep,
    how: Posting = _AS_IT_IS,
) -> None:
    """Send JSON. Raises Partial, which names the host only, when it was not taken."""
    url, body = address(to, option, how.plain), json.dumps(payload, allow_nan=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "tuner", **how.headers}
    for pause in (*_PAUSES_S, None):
        request = Request(url, data=body, headers=headers, method="POST")
        refused, again = _sent(request, how.refusal)
        if refused is None:
            return
        if pause is None or not again:
            fix = "The run itself is stored. Check the address and its permissions."
            raise Partial(f"{option} to {urlsplit(url).hostname}", f"was refused: {refused}", fix)
        sleep(pause)


def _sent(request: Request, refusal: Callable[[bytes], str | None]) -> tuple[str | None, bool]:
    """The reason for a refusal (None: accepted), and true if trying again may help."""
    try:
        with build_opener(_Stay).open(request, timeout=_TIMEOUT_S) as answer:
            return refusal(answer.read(_LONGEST_ANSWER)), False
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
