"""The user's goal: a strategy, objectives, and what production looks like.

Objectives are read as users write them: ``p95<300ms``, ``cost<5usd/million``. What a curve says
about one is decided in :mod:`tuner.decide.outlook`, what a load says in ``load_result``.
"""

import math
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from tuner.billing.traffic import IDLE_TIMEOUT_S, Demand
from tuner.errors import UsageError
from tuner.units import format_ms


class SloScope(StrEnum):
    """Quantities that an objective can be about."""

    DURATION = "duration"  # warm duration as billed
    CLIENT = "client"  # what a caller waits, from the due time
    COLD = "cold"  # INIT plus the first duration
    COST = "cost"  # USD per million invocations
    THROTTLES = "throttles"  # share of requests
    ERRORS = "errors"  # share of calls
    CHECKS = "checks"  # share of calls whose answer was not as expected


@dataclass(frozen=True)
class Slo:
    """An upper limit: in ms, USD per million, or a share, by scope.

    ``quantile`` is in (0, 1], 1 for ``max``; ``None`` for a mean and where there is none.
    """

    text: str
    scope: SloScope
    quantile: float | None
    limit: float


#: Met while no check fails, since a share of one call is larger.
ALL_AS_EXPECTED = Slo("all answers as expected", SloScope.CHECKS, None, 1e-12)
_NUMBER = r"(?P<number>\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})"
_TIMED = re.compile(
    rf"(?P<prefix>client_|cold_)?(?:p(?P<percent>\d{{1,2}}(?:\.\d{{1,4}})?)|(?P<word>mean|avg|max))"
    rf"\s*<=?\s*{_NUMBER}\s*(?P<unit>us|ms|s|sec|m|min)?",
    re.ASCII,
)
_COST = re.compile(
    rf"cost\s*<=?\s*\$?\s*{_NUMBER}\s*(?:usd|\$)?\s*(?:(?:/|per)\s*(?:million|m|1m))?", re.ASCII
)
_SHARE = re.compile(
    rf"(?P<what>throttles|errors|checks)\s*<=?\s*{_NUMBER}\s*(?P<percent>%)?", re.ASCII
)
_UNIT_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "sec": 1e3, "m": 6e4, "min": 6e4, None: 1.0}
_FIX = (
    "Write it like 'p95<300ms', 'client_p99<1s', 'cold_p99<2s', 'cost<5usd/million', "
    "'throttles<1%', 'errors<0.1%' or 'checks<1%'."
)


def parse_slo(text: str, option: str = "--slo") -> Slo:
    """Read one objective; a time without a unit is in ms. Raises only ``UsageError``."""
    plain = text.strip().lower()
    if match := _TIMED.fullmatch(plain):
        return _timed(match, text, option)
    if match := _COST.fullmatch(plain):
        return Slo(text.strip(), SloScope.COST, None, _limit(match["number"], 1.0, text, option))
    if match := _SHARE.fullmatch(plain):
        factor = 0.01 if match["percent"] else 1.0
        limit = _limit(match["number"], factor, text, option)
        if limit > 1:
            raise _bad(text, option, "is above 100 %")
        return Slo(text.strip(), SloScope(match["what"]), None, limit)
    if ">" in plain:
        raise _bad(text, option, "is a lower limit; only upper limits make sense")
    raise _bad(text, option, "is not an objective")


def _timed(match: re.Match[str], text: str, option: str) -> Slo:
    scope = {"client_": SloScope.CLIENT, "cold_": SloScope.COLD, None: SloScope.DURATION}[
        match["prefix"]
    ]
    quantile: float | None = None
    if match["percent"] is not None:
        quantile = float(match["percent"]) / 100.0
        if quantile <= 0:
            raise _bad(text, option, "has no such percentile")
    elif match["word"] == "max":
        quantile = 1.0
    limit = _limit(match["number"], _UNIT_MS[match["unit"]], text, option)
    return Slo(text.strip(), scope, quantile, limit)


def _limit(number: str, factor: float, text: str, option: str) -> float:
    limit = float(number) * factor
    if not (math.isfinite(limit) and limit > 0):
        raise _bad(text, option, "needs a limit above zero")
    return limit


def _bad(text: str, option: str, reason: str) -> UsageError:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return UsageError(f"{option} {shown!r}", reason, _FIX)


class Strategy(StrEnum):
    """Strategies, named as in aws-lambda-power-tuning."""

    COST = "cost"
    SPEED = "speed"
    BALANCED = "balanced"


#: What speed may cost where cost decides, over the cheapest size. On curves recorded on AWS the
#: plainly cheapest size leaves a fifth of the duration or more on the table for at most 3 % of the
#: cost in a fourth of all sweeps; 0 always picks the cheapest.
WORTH = 0.03


@dataclass(frozen=True)
class Goal:
    """Goal that a size is chosen for.

    ``balance`` counts for ``balanced`` only: 0 is speed, 1 is cost. ``worth`` counts for ``cost``
    only: speed may cost so much more than the cheapest size. ``cold_share`` is the share
    of production's invocations that start cold, ``cold_share_from`` where it is from ("" while it
    is not known, or only roughly), ``demand`` production's traffic, ``current_mb`` the size now.
    """

    strategy: Strategy = Strategy.COST
    balance: float = 0.5
    slos: tuple[Slo, ...] = ()
    worth: float = WORTH
    cold_share: float = 0.0
    arch: str = "x86_64"
    current_mb: int | None = None
    ephemeral_mb: int = 512
    confidence: float = 0.9
    demand: Demand | None = None
    cold_share_from: str = ""

    @property
    def cold_counts(self) -> bool:
        """True if cold starts count in the answer, so that they deserve a part of the budget."""
        counted = self.cold_share > 0.0 or self.demand is not None
        return counted or any(slo.scope is SloScope.COLD for slo in self.slos)

    def served(self, service_s: float) -> "Goal":
        """This goal, with the cold share of its traffic when a call takes this long (s), which is
        the mean of all that were measured.

        A share that is known otherwise stays.
        """
        if self.demand is None or self.cold_share_from:
            return self
        words = (
            f"derived from the traffic, an idle timeout of {IDLE_TIMEOUT_S:.0f} s and the mean "
            f"duration of all measured calls ({format_ms(service_s * 1000)})"
        )
        share = self.demand.cold_share(service_s)
        return replace(self, cold_share=share, cold_share_from=words)

    def __post_init__(self) -> None:
        for name in ("balance", "worth", "cold_share", "confidence"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(name.replace("_", " "), "is not between 0 and 1", "")


def parse_strategy(text: str, option: str = "--strategy") -> Strategy:
    """Read ``cost``, ``speed`` or ``balanced``."""
    try:
        return Strategy(text.strip().lower())
    except ValueError:
        fix = "Choose cost, speed or balanced."
        raise UsageError(f"{option} {text[:40]!r}", "is not a strategy", fix) from None
