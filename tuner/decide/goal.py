"""What the user wants: a strategy, objectives, and what production looks like."""

from dataclasses import dataclass, replace
from enum import StrEnum

from tuner.billing.cold_share import IDLE_TIMEOUT_S
from tuner.billing.prices import Prices
from tuner.billing.traffic import Demand
from tuner.decide.slo import Slo
from tuner.errors import UsageError
from tuner.units import format_ms


class Strategy(StrEnum):
    """As aws-lambda-power-tuning names them."""

    COST = "cost"
    SPEED = "speed"
    BALANCED = "balanced"


#: Prices of one region and architecture.
Rates = Prices


@dataclass(frozen=True)
class Goal:
    """What a size is chosen for.

    ``balance`` counts for ``balanced`` only: 0 is speed, 1 is cost. ``cold_share`` is the share
    of production's invocations that start cold, ``cold_share_from`` where it is from ("" while it
    is not known, or only roughly), ``demand`` production's traffic, ``current_mb`` the size now.
    """

    strategy: Strategy = Strategy.COST
    balance: float = 0.5
    slos: tuple[Slo, ...] = ()
    cold_share: float = 0.0
    arch: str = "x86_64"
    current_mb: int | None = None
    ephemeral_mb: int = 512
    confidence: float = 0.9
    demand: Demand | None = None
    cold_share_from: str = ""

    def served(self, service_s: float) -> "Goal":
        """This goal, with the cold share of its traffic when a call takes this long (s).

        A share that is known otherwise stays.
        """
        if self.demand is None or self.cold_share_from:
            return self
        words = (
            f"derived from the traffic, calls of {format_ms(service_s * 1000)} (the mean of all "
            f"measured) and sandboxes that are kept for {IDLE_TIMEOUT_S:.0f} s"
        )
        share = self.demand.cold_share(service_s)
        return replace(self, cold_share=share, cold_share_from=words)

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
