"""The client-side rate limit of the AWS SDKs' adaptive retry mode, driven by times handed in.

Before the first throttle it does nothing. A throttle sets the sending rate to 70 % of what was
being sent; from then on the rate follows CUBIC back up and beyond, and calls take tokens from a
bucket that fills at that rate. It decides when a call may be sent, not whether it is sent again.

Sources: AWS SDKs and Tools Reference Guide, "Retry behavior" (adaptive mode); the cubic function
and its constants: RFC 9438, section 4.2 (C = 0.4, beta = 0.7).
"""

import math

_C, _BETA = 0.4, 0.7
_LOWEST_RATE = 0.5  # calls/s; below, a client would never notice that it is served again
_MOST_AHEAD = 2.0  # the limit stays within this multiple of what is really being sent
_SLOT_S = 0.5  # the sending rate is measured in slots of half a second,
_NEWEST = 0.8  # of which the newest counts so much


class AdaptiveLimit:
    """One client's limit. Times are seconds on any steady clock and never go back."""

    def __init__(self, now_s: float) -> None:
        self._enabled = False
        self._bucket = TokenBucket(1.0, now_s)
        self._measured = MeasuredRate(now_s)
        self._last_max = 0.0
        self._throttled_at = now_s

    @property
    def rate(self) -> float | None:
        """Calls per second allowed now; ``None`` while nothing was ever throttled."""
        return self._bucket.rate if self._enabled else None

    def wait_s(self, now_s: float) -> float:
        """Take a token for one call: how long it has to wait before it is sent."""
        return self._bucket.take(now_s) if self._enabled else 0.0

    def answered(self, now_s: float, throttled: bool) -> None:
        """Learn from an answer."""
        sending = self._measured.count(now_s)
        if throttled:
            self._last_max = min(sending, self._bucket.rate) if self._enabled else sending
            self._throttled_at = now_s
            self._enabled = True
            rate = self._last_max * _BETA
        else:
            rate = self._cubic(now_s - self._throttled_at)
        self._bucket.set_rate(min(rate, _MOST_AHEAD * sending), now_s)

    def _cubic(self, since_s: float) -> float:
        """The rate this long after a throttle: back at the last maximum after K seconds."""
        back_s = math.cbrt(self._last_max * (1.0 - _BETA) / _C)
        return _C * (since_s - back_s) ** 3 + self._last_max


class TokenBucket:
    """Fills at ``rate`` tokens per second up to one second's worth, at least one token.

    A token may be taken before it is there: its taker then waits, and later ones wait behind.
    """

    def __init__(self, rate: float, now_s: float) -> None:
        self.rate = rate
        self._room = max(1.0, rate)
        self._tokens = 0.0
        self._at = now_s

    def take(self, now_s: float) -> float:
        """Take one token: seconds until it is there."""
        self._fill(now_s)
        self._tokens -= 1.0
        return max(0.0, -self._tokens / self.rate)

    def set_rate(self, rate: float, now_s: float) -> None:
        """Change the rate from now on; what has gathered beyond the new room is lost."""
        self._fill(now_s)
        self.rate = max(rate, _LOWEST_RATE)
        self._room = max(1.0, rate)
        self._tokens = min(self._tokens, self._room)

    def _fill(self, now_s: float) -> None:
        self._tokens = min(self._room, self._tokens + (now_s - self._at) * self.rate)
        self._at = now_s


class MeasuredRate:
    """What is being sent, in calls per second, smoothed over slots."""

    def __init__(self, now_s: float) -> None:
        self._slot = float(math.floor(now_s))
        self._count = 0
        self._rate = 0.0

    def count(self, now_s: float) -> float:
        """Count one call; the rate including the last slot that is over."""
        slot = math.floor(now_s / _SLOT_S) * _SLOT_S
        self._count += 1
        if slot > self._slot:
            newest = self._count / (slot - self._slot)
            self._rate = newest * _NEWEST + self._rate * (1.0 - _NEWEST)
            self._count = 0
            self._slot = slot
        return self._rate
