"""A fair choice among calls by a hash of their numbers, which Python and SQL compute alike."""

from dataclasses import dataclass
from random import Random

#: A prime that calls stay below, and whose square fits into 63 bits.
PRIME = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Choice:
    """Calls whose hash lies below ``below``; all of them as long as that is ``PRIME``.

    The hash is (factor x call + shift) mod PRIME, pairwise independent over random factors and
    shifts (Carter and Wegman, "Universal Classes of Hash Functions", JCSS 18, 1979). Products
    stay within 63 bits, so that SQL computes the same.
    """

    factor: int
    shift: int
    below: int

    def takes(self, call: int) -> bool:
        """Whether this call is chosen."""
        return (self.factor * call + self.shift) % PRIME < self.below

    @property
    def share(self) -> float:
        """Which part of all calls is chosen."""
        return self.below / PRIME

    def halved(self) -> "Choice":
        """Half of these calls."""
        return Choice(self.factor, self.shift, max(1, self.below // 2))


def everything(random: Random) -> Choice:
    """All calls, with a hash of this chance."""
    return Choice(random.randrange(1, PRIME), random.randrange(PRIME), PRIME)
