"""Trying a control-plane call again: what is worth it, how long to wait, when to give up.

Only the control plane passes through here; an invocation never does. Waiting uses the clock and
the generator that it is given.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore import exceptions as boto

from tuner.aws.translate import error_code, http_status, service_message
from tuner.clock import Clock

Answer = TypeVar("Answer")

_BROKEN = (boto.ConnectionClosedError, boto.ReadTimeoutError, boto.ConnectTimeoutError)
#: The two conflicts that pass by themselves; other conflicts (an alias exists) stay.
_PASSING_CONFLICTS = ("cannot be performed at this time", "concurrent update")


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015); waits in seconds.

    Lambda allows 15 control-plane calls a second for all of an account's deployments together,
    so a throttle there is normal and passes.
    """

    attempts: int = 8
    first_s: float = 0.2
    longest_s: float = 5.0
    unreachable_attempts: int = 3  # nobody listens: more than a hiccup, so the user hears soon

    def wait_s(self, attempt: int, rng: random.Random) -> float:
        """How long to wait after this attempt (1 is the first)."""
        return rng.uniform(0.0, min(self.longest_s, self.first_s * 2.0 ** (attempt - 1)))

    def limit(self, error: Exception) -> int:
        """How many attempts this error is worth; 1 is no second one."""
        if isinstance(error, boto.EndpointConnectionError):
            return self.unreachable_attempts
        if isinstance(error, _BROKEN) or http_status(error) >= 500:
            return self.attempts
        code = error_code(error)
        if code in ("TooManyRequestsException", "ServiceException"):
            return self.attempts
        if code == "ResourceConflictException":
            said = service_message(error)
            return self.attempts if any(text in said for text in _PASSING_CONFLICTS) else 1
        return 1


def call_patiently(
    send: Callable[[], Answer], policy: RetryPolicy, clock: Clock, rng: random.Random
) -> Answer:
    """Send until it succeeds or is not worth another attempt; then the last error is raised.

    A request may have been acted on although its answer was lost, so what is sent here must be
    harmless when repeated (reads, and changes guarded by RevisionId).
    """
    attempt = 1
    while True:
        try:
            return send()
        except Exception as error:
            if attempt >= policy.limit(error):
                raise
        clock.sleep(policy.wait_s(attempt, rng))
        attempt += 1
