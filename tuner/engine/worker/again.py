"""What a batch's retry policy says of each request of one worker: hold it back, send it again.

Decides only; waiting and sending are the lanes'. Waits are drawn from a generator seeded with the
batch's seed and the call's number, so that they do not depend on which worker made the call.
"""

from random import Random

from tuner.engine.adaptive import AdaptiveLimit
from tuner.engine.policies import ADAPTIVE, POLICIES
from tuner.engine.retry import Failure, NoRetry, retriable
from tuner.engine.wire import Result
from tuner.records import Outcome


class Again:
    """The policy ``name`` of :data:`tuner.engine.policies.POLICIES`; ``now_s`` is monotonic."""

    def __init__(self, name: str, seed: int, now_s: float) -> None:
        self._policy = POLICIES[name]()
        self._none = isinstance(self._policy, NoRetry)
        self._limit = AdaptiveLimit(now_s) if name == ADAPTIVE else None
        self._seed = seed

    @property
    def holds(self) -> bool:
        """Whether it may hold requests back at all."""
        return self._limit is not None

    def hold_s(self, now_s: float) -> float:
        """How long a request has to wait before it may be sent, in seconds."""
        return 0.0 if self._limit is None else self._limit.wait_s(now_s)

    def wait_s(self, result: Result, attempt: int, waited_s: float) -> float | None:
        """Learn from an attempt (the first is 1): seconds until the next, or ``None`` for none."""
        if self._none:
            return None
        outcome = Outcome(result.outcome)
        if self._limit is not None:
            self._limit.answered(result.done, outcome is Outcome.THROTTLED)
        if not retriable(outcome, result.status):
            return None
        random = Random(f"{self._seed}/{result.number}/{attempt}")
        return self._policy.delay_s(Failure(attempt, waited_s, result.retry_after_s), random)
