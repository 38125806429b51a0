"""Causes of failures: which errors, how often, at which sizes, in the function's own words.

Throttles are no errors of a function, and are counted elsewhere. Messages that differ in numbers
and ids alone are one cause, under the first of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from tuner.records import Outcome, Sample
from tuner.units import printable

#: So many causes are told apart; what fails in more ways is counted by its type, or together.
_MOST = 200
_LONGEST = 120
#: How the reason begins of a failure of which a recording has nothing but the outcome.
_RECORDED = "recorded as "
_OTHERS = ("other errors", None)
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F-]{8,}\b|\d+")
_NO_CAUSES = frozenset({Outcome.OK, Outcome.THROTTLED})


@dataclass(frozen=True)
class Cause:
    """One way to fail. ``type`` is the errorType, or the outcome of what has none."""

    type: str
    message: str | None
    count: int
    memory_mb: tuple[int, ...]
    log_tail: str | None = None

    @property
    def words(self) -> str:
        """``KeyError: 'id'``."""
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(slots=True)
class _Counted:
    message: str | None
    count: int = 0
    sizes: set[int] = field(default_factory=set)
    log_tail: str | None = None


class Causes:
    """Counts failures as they come."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str | None], _Counted] = {}

    def add(self, sample: Sample) -> None:
        """Count a request if it failed."""
        if sample.outcome in _NO_CAUSES:
            return
        kind, message = _named(sample)
        key = kind, None if message is None else _general(message)
        if key not in self._of and len(self._of) >= _MOST:
            key, message = (kind, None), None
            key = key if key in self._of else _OTHERS
        counted = self._of.setdefault(key, _Counted(message))
        counted.count += 1
        counted.sizes.add(sample.memory_mb)
        if counted.log_tail is None and sample.log_tail:
            counted.log_tail = printable(sample.log_tail, keep="\n\t")

    def most(self, limit: int = 10) -> tuple[Cause, ...]:
        """Return the most frequent causes, the first of those that are equally frequent first."""
        ordered = sorted(self._of.items(), key=lambda item: -item[1].count)[:limit]
        return tuple(
            Cause(kind, of.message, of.count, tuple(sorted(of.sizes)), of.log_tail)
            for (kind, _), of in ordered
        )


def causes_of(samples: Iterable[Sample], limit: int = 10) -> tuple[Cause, ...]:
    """Return the most frequent causes of the failures among samples."""
    causes = Causes()
    for sample in samples:
        causes.add(sample)
    return causes.most(limit)


def shortened(words: str) -> str:
    """Return words that fit in a sentence."""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _named(sample: Sample) -> tuple[str, str | None]:
    """Type and message; words about a connection are a message."""
    reason = None if sample.reason is None else printable(sample.reason)
    message = None if sample.message is None else printable(sample.message)
    if sample.outcome is Outcome.TRANSPORT_ERROR:
        return str(sample.outcome), message or reason
    if not reason or reason.startswith(_RECORDED):
        return str(sample.outcome), message
    return reason, message


@lru_cache(2000)
def _general(message: str) -> str:
    return _VARYING.sub("#", message)
