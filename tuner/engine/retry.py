"""Retries of failed calls: how long each policy waits, and what it makes of each answer.

A policy is part of the load that is asked for; the engines themselves never retry. Each attempt
becomes a sample of its own. This decides only: waiting and sending are the workers'. Time is an
argument, and chance a generator seeded with the batch's seed and the call's number, so that waits
do not depend on which worker made the call.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tuner.engine.wire import Result
from tuner.records import Outcome

#: An hour of Retry-After, or of a rate limit, would keep a load from ending.
LONGEST_WAIT_S = 20.0


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with jitter, full or ``decorrelated``.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. The defaults are those
    of the AWS SDKs' standard mode: three attempts in all, at most 20 s (AWS SDKs and Tools
    Reference Guide, "Retry behavior").
    """

    attempts: int = 3
    base_s: float = 1.0
    cap_s: float = LONGEST_WAIT_S
    decorrelated: bool = False

    def delay_s(
        self, attempt: int, waited_s: float, retry_after_s: float | None, random: Random
    ) -> float | None:
        """Return how long to wait after a failed attempt, or ``None`` if it was the last.

        The first attempt is 1, and nothing was ``waited_s`` before it. With full jitter it is
        anything from nothing to base x 2^(attempt-1), decorrelated anything from the base to three
        times the last wait; or what the server asks for if that is longer. The cap holds for
        that, too.
        """
        if attempt >= self.attempts:
            return None
        if self.decorrelated:
            step = random.uniform(self.base_s, 3.0 * max(self.base_s, waited_s))
        else:  # capped before it is raised: 2.0 ** 1024 is an error, not infinity
            step = random.uniform(0.0, min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 60)))
        return min(self.cap_s, max(step, retry_after_s or 0.0))


#: The SDKs' adaptive mode retries as their standard mode does; it also limits the rate.
ADAPTIVE = "adaptive"
#: By the names that a load may give; ``None`` makes every failure final.
POLICIES: Mapping[str, Backoff | None] = {
    "none": None,
    "backoff": Backoff(),
    "decorrelated": Backoff(base_s=0.1, decorrelated=True),
    ADAPTIVE: Backoff(),
}


def retriable(outcome: Outcome, status: int | None) -> bool:
    """Return whether a client of Lambda may send a call again that ended like this.

    It may if the service refused or was not reached. A refusal for what the request says (4xx other
    than 429) would only repeat itself; a function that failed has run, and would run twice.
    """
    if outcome is Outcome.SERVICE_ERROR:
        return status is None or status >= 500
    return outcome in (Outcome.THROTTLED, Outcome.TRANSPORT_ERROR)


class Retries:
    """The policy ``name`` of :data:`POLICIES` for one worker and batch; ``now_s`` is monotonic."""

    def __init__(self, name: str, seed: int, now_s: float) -> None:
        self._policy = POLICIES[name]
        self._limit = AdaptiveLimit(now_s) if name == ADAPTIVE else None
        self._seed = seed

    @property
    def holds(self) -> bool:
        """``True`` if it may hold requests back at all."""
        return self._limit is not None

    def hold_s(self, now_s: float, most_s: float = math.inf) -> float | None:
        """Seconds that a request has to wait before it may be sent.

        ``None`` where that is longer than ``most_s``: then it counts as given up.
        """
        return 0.0 if self._limit is None else self._limit.wait_s(now_s, most_s)

    def wait_s(self, result: Result, waited_s: float) -> float | None:
        """Learn from an attempt: seconds until the next, or ``None`` for none."""
        if self._policy is None:
            return None
        outcome = Outcome(result.outcome)
        if self._limit is not None:
            self._limit.answered(result.done, outcome is Outcome.THROTTLED)
        if not retriable(outcome, result.status):
            return None
        random = Random(f"{self._seed}/{result.number}/{result.attempt}")
        return self._policy.delay_s(result.attempt, waited_s, result.retry_after_s, random)


_C, _BETA = 0.4, 0.7
_LOWEST_RATE = 0.5  # calls/s; below, a client would never notice that it is served again
_MOST_AHEAD = 2.0  # the limit stays within this multiple of what is really being sent
_SLOT_S = 0.5  # the sending rate is measured in slots of half a second,
_NEWEST = 0.8  # of which the newest counts so much


class AdaptiveLimit:
    """The client-side rate limit of the AWS SDKs' adaptive retry mode, for one client.

    Before the first throttle it does nothing. A throttle sets the sending rate to 70 % of what was
    being sent; from then on the rate follows CUBIC back up and beyond, and calls take tokens from a
    bucket that fills at that rate. Times are seconds on any steady clock and never go back.

    Sources: AWS SDKs and Tools Reference Guide, "Retry behavior" (adaptive mode); the cubic
    function and its constants: RFC 9438, section 4.2 (C = 0.4, beta = 0.7).
    """

    def __init__(self, now_s: float) -> None:
        self._enabled = False
        self._bucket = SendBucket(1.0, now_s)
        self._last_max = 0.0
        self._throttled_at = now_s
        self._slot, self._in_slot = float(math.floor(now_s)), 0
        self._sending = 0.0  # calls per second, smoothed over slots that are over

    @property
    def rate(self) -> float | None:
        """Calls per second allowed now; ``None`` while nothing was ever throttled."""
        return self._bucket.rate if self._enabled else None

    def wait_s(self, now_s: float, most_s: float = math.inf) -> float | None:
        """Take a token for one call: seconds that it has to wait before it is sent.

        None is taken, and nothing returned, where that is longer than ``most_s``.
        """
        return self._bucket.take(now_s, most_s) if self._enabled else 0.0

    def answered(self, now_s: float, throttled: bool) -> None:
        """Learn from an answer."""
        sending = self._count(now_s)
        if throttled:
            self._last_max = min(sending, self._bucket.rate) if self._enabled else sending
            self._throttled_at = now_s
            self._enabled = True
            rate = self._last_max * _BETA
        else:
            rate = self._cubic(now_s - self._throttled_at)
        self._bucket.set_rate(min(rate, _MOST_AHEAD * sending), now_s)

    def _count(self, now_s: float) -> float:
        """Count one call; return the rate of sending."""
        slot = math.floor(now_s / _SLOT_S) * _SLOT_S
        self._in_slot += 1
        if slot > self._slot:
            newest = self._in_slot / (slot - self._slot)
            self._sending = newest * _NEWEST + self._sending * (1.0 - _NEWEST)
            self._slot, self._in_slot = slot, 0
        return self._sending

    def _cubic(self, since_s: float) -> float:
        """Return the rate this long after a throttle: back at the last maximum after K seconds."""
        back_s = math.cbrt(self._last_max * (1.0 - _BETA) / _C)
        return _C * (since_s - back_s) ** 3 + self._last_max


class SendBucket:
    """Fills at ``rate`` tokens per second up to one second's worth, at least one token.

    A token may be taken before it is there: its taker then waits, and later ones wait behind.
    """

    def __init__(self, rate: float, now_s: float) -> None:
        self.rate = rate
        self._room = max(1.0, rate)
        self._tokens = 0.0
        self._at = now_s

    def take(self, now_s: float, most_s: float = math.inf) -> float | None:
        """Take one token: seconds until it is there; ``None`` if that is longer than ``most_s``."""
        self._fill(now_s)
        wait_s = max(0.0, (1.0 - self._tokens) / self.rate)
        if wait_s > most_s:
            return None
        self._tokens -= 1.0
        return wait_s

    def set_rate(self, rate: float, now_s: float) -> None:
        """Change the rate from now on; what has gathered beyond the new room is lost."""
        self._fill(now_s)
        self.rate = max(rate, _LOWEST_RATE)
        self._room = max(1.0, rate)
        self._tokens = min(self._tokens, self._room)

    def _fill(self, now_s: float) -> None:
        self._tokens = min(self._room, self._tokens + (now_s - self._at) * self.rate)
        self._at = now_s
