"""The time to sign with: this machine's wall clock, corrected where it is far from the service's.

AWS accepts signatures that are up to five minutes off (IAM user guide, "Elements of an AWS API
request signature"), and its refusal says what time it is there. No figure depends on this clock.
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

#: An answer's Date has whole seconds, and was under way for some.
_FAR_S = 60.0


class SigningTime:
    """``wall`` gives seconds since 1970 as this machine knows them."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._ahead_s = 0.0

    def now_s(self) -> float:
        """Seconds since 1970; follows the wall clock wherever it jumps."""
        return self._wall() + self._ahead_s

    def correct(self, date: str) -> None:
        """Go by the service from now on; ``date`` is that header of an answer that refused."""
        try:
            ahead_s = parsedate_to_datetime(date).timestamp() - self._wall()
        except (TypeError, ValueError, OverflowError):
            return
        self._ahead_s = ahead_s if abs(ahead_s) > _FAR_S else 0.0
