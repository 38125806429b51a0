"""When a failed call is sent again: policies as pure functions of what has happened so far.

A policy is part of the load that is asked for; the engines themselves never retry. Each attempt
becomes a sample of its own. Chance is a seeded generator, handed in.
"""

from dataclasses import dataclass
from random import Random
from typing import Protocol

from tuner.records import Outcome, Sample

#: What a client of Lambda may send again: it was refused, or it may never have run.
RETRIABLE = frozenset({Outcome.THROTTLED, Outcome.SERVICE_ERROR, Outcome.TRANSPORT_ERROR})


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt, counted from 1: what was waited before it, and what the server asks.

    ``waited_s`` is 0 before the first attempt.
    """

    attempt: int
    waited_s: float = 0.0
    retry_after_s: float | None = None


class RetryPolicy(Protocol):
    """How long to wait before the next attempt."""

    def delay_s(self, failure: Failure, random: Random) -> float | None:
        """Seconds from the failure to the next attempt; ``None`` gives the call up."""
        ...


@dataclass(frozen=True)
class NoRetry:
    """Every failure is final."""

    def delay_s(self, failure: Failure, random: Random) -> float | None:
        """Give up."""
        return None


@dataclass(frozen=True)
class FullJitter:
    """Exponential backoff with full jitter: anything from nothing to base x 2^(attempt-1).

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. The defaults are those
    of the AWS SDKs' standard mode: three attempts in all, at most 20 s (AWS SDKs and Tools
    Reference Guide, "Retry behavior").
    """

    attempts: int = 3
    base_s: float = 1.0
    cap_s: float = 20.0

    def delay_s(self, failure: Failure, random: Random) -> float | None:
        """A random part of the step, or what the server asked for if that is longer."""
        if failure.attempt >= self.attempts:
            return None
        # Capped before it is raised: 2.0 ** 1024 is an error, not infinity.
        step = min(self.cap_s, self.base_s * 2.0 ** min(failure.attempt - 1, 60))
        return _at_least(failure, random.uniform(0.0, step))


@dataclass(frozen=True)
class Decorrelated:
    """Backoff whose next step is drawn between the base and three times the last one.

    Source: as :class:`FullJitter`, "decorrelated jitter".
    """

    attempts: int = 3
    base_s: float = 0.1
    cap_s: float = 20.0

    def delay_s(self, failure: Failure, random: Random) -> float | None:
        """A random step that grows from the last one, or the server's wish if that is longer."""
        if failure.attempt >= self.attempts:
            return None
        last = max(self.base_s, failure.waited_s)
        return _at_least(failure, min(self.cap_s, random.uniform(self.base_s, 3.0 * last)))


def may_retry(sample: Sample) -> bool:
    """Whether a policy is to be asked at all: the service refused, or was not reached.

    A refusal for what the request says (4xx other than 429) would only repeat itself. A function
    that failed has run, and would run twice.
    """
    return retriable(sample.outcome, sample.status)


def retriable(outcome: Outcome, status: int | None) -> bool:
    """:func:`may_retry` of a request that ended like this, with this HTTP status."""
    if outcome is Outcome.SERVICE_ERROR:
        return status is None or status >= 500
    return outcome in RETRIABLE


def _at_least(failure: Failure, delay_s: float) -> float:
    return max(delay_s, failure.retry_after_s or 0.0)
