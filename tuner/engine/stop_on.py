"""Conditions that cut a load short, such as ``errors>5%`` over the last seconds.

They are read and judged here; stopping is the caller's.
"""

import re
from collections import Counter, deque
from dataclasses import dataclass

from tuner.errors import UsageError
from tuner.records import Outcome, Sample
from tuner.units import format_share_beside, parse_share

_RULE = re.compile(r"(errors|throttles)\s*>=?\s*(.+)")
#: A condition looks at the requests that ended in so many seconds, if they are enough to judge by.
WINDOW_S = 10.0
FEWEST = 20


@dataclass(frozen=True)
class StopRule:
    """Stop when the share of ``what`` among requests is above ``share`` (0 to 1)."""

    text: str
    what: str
    share: float


def parse_stop_on(text: str, option: str = "--stop-on") -> StopRule:
    """Read ``errors>5%`` or ``throttles>20%``. Raises UsageError."""
    match = _RULE.fullmatch(text.strip().lower())
    if not match:
        fix = "Write it like 'errors>5%' or 'throttles>20%'."
        raise UsageError(f"{option} {text[:40]!r}", "is not a condition", fix)
    return StopRule(text.strip(), match[1], parse_share(match[2], option))


class StopCondition:
    """Watches samples; ``met`` says which rule came true, and by how much."""

    def __init__(self, rules: tuple[StopRule, ...]) -> None:
        self.met: str | None = None
        self._rules = rules
        self._recent: deque[tuple[float, str]] = deque()  # when a request ended, and as what
        self._counts: Counter[str] = Counter()

    def watch(self, sample: Sample) -> None:
        """Count one more request."""
        if not self._rules or self.met:
            return
        what = {Outcome.OK: "", Outcome.THROTTLED: "throttles"}.get(sample.outcome, "errors")
        if sample.answered_5xx:
            what = "errors"
        self._recent.append((sample.done_s, what))
        self._counts[what] += 1
        while self._recent[0][0] < sample.done_s - WINDOW_S:
            self._counts[self._recent.popleft()[1]] -= 1
        ended = len(self._recent)
        if ended < FEWEST:
            return
        for rule in self._rules:
            share = self._counts[rule.what] / ended
            if share > rule.share:
                told = format_share_beside(share, rule.share)
                self.met = f"{rule.text}: {told} of the last {ended} requests"
                return
