"""What the user wants: a strategy, objectives, and what production looks like."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tuner.errors import UsageError
from tuner.recommend.slo import Slo


class Strategy(StrEnum):
    """As aws-lambda-power-tuning names them."""

    COST = "cost"
    SPEED = "speed"
    BALANCED = "balanced"


class Rates(Protocol):
    """Prices of one region and architecture, as :mod:`tuner.billing` has them."""

    @property
    def gb_second_usd(self) -> float:
        """USD per GB-second of billed duration."""
        ...

    @property
    def request_usd(self) -> float:
        """USD per request."""
        ...

    @property
    def ephemeral_gb_second_usd(self) -> float | None:
        """USD per GB-second of /tmp above 512 MB; ``None`` where not known."""
        ...


@dataclass(frozen=True)
class Goal:
    """What a size is chosen for.

    ``balance`` counts for ``balanced`` only: 0 is speed, 1 is cost. ``cold_share`` is the share
    of production's invocations that start cold. ``current_mb`` is the size configured now.
    """

    strategy: Strategy = Strategy.COST
    balance: float = 0.5
    slos: tuple[Slo, ...] = ()
    cold_share: float = 0.0
    arch: str = "x86_64"
    current_mb: int | None = None
    ephemeral_mb: int = 512
    confidence: float = 0.9

    def __post_init__(self) -> None:
        for name in ("balance", "cold_share", "confidence"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(name.replace("_", " "), "is not between 0 and 1", "")


def parse_strategy(text: str, option: str = "--strategy") -> Strategy:
    """Read ``cost``, ``speed`` or ``balanced``."""
    try:
        return Strategy(text.strip().lower())
    except ValueError:
        fix = "Choose cost, speed or balanced."
        raise UsageError(f"{option} {text[:40]!r}", "is not a strategy", fix) from None
