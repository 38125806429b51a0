"""Service level objectives as users write them: ``p95<300ms``, ``cost<5usd/million``.

Reading only; what a curve says about an objective is decided in :mod:`tuner.decide.outlook`.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from tuner.errors import UsageError


class Scope(StrEnum):
    """What an objective is about."""

    DURATION = "duration"  # warm duration as billed
    CLIENT = "client"  # what a caller waits, from the due time
    COLD = "cold"  # INIT plus the first duration
    COST = "cost"  # USD per million invocations
    THROTTLES = "throttles"  # share of requests
    ERRORS = "errors"  # share of calls


@dataclass(frozen=True)
class Slo:
    """An upper limit: in ms, USD per million, or a share, by scope.

    ``quantile`` is in (0, 1], 1 for ``max``; ``None`` for a mean and where there is none.
    """

    text: str
    scope: Scope
    quantile: float | None
    limit: float


_NUMBER = r"(?P<number>\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})"
_TIMED = re.compile(
    rf"(?P<prefix>client_|cold_)?(?:p(?P<percent>\d{{1,2}}(?:\.\d{{1,4}})?)|(?P<word>mean|avg|max))"
    rf"\s*<=?\s*{_NUMBER}\s*(?P<unit>us|ms|s|sec|m|min)?",
    re.ASCII,
)
_COST = re.compile(
    rf"cost\s*<=?\s*\$?\s*{_NUMBER}\s*(?:usd|\$)?\s*(?:(?:/|per)\s*(?:million|m|1m))?", re.ASCII
)
_SHARE = re.compile(rf"(?P<what>throttles|errors)\s*<=?\s*{_NUMBER}\s*(?P<percent>%)?", re.ASCII)
_UNIT_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "sec": 1e3, "m": 6e4, "min": 6e4, None: 1.0}
_FIX = (
    "Write it like 'p95<300ms', 'client_p99<1s', 'cold_p99<2s', 'cost<5usd/million', "
    "'throttles<1%' or 'errors<0.1%'."
)


def parse_slo(text: str, option: str = "--slo") -> Slo:
    """Read one objective; a time without a unit is in ms. Raises only ``UsageError``."""
    plain = text.strip().lower()
    if match := _TIMED.fullmatch(plain):
        return _timed(match, text, option)
    if match := _COST.fullmatch(plain):
        return Slo(text.strip(), Scope.COST, None, _limit(match["number"], 1.0, text, option))
    if match := _SHARE.fullmatch(plain):
        factor = 0.01 if match["percent"] else 1.0
        limit = _limit(match["number"], factor, text, option)
        if limit > 1:
            raise _bad(text, option, "is above 100 %")
        return Slo(text.strip(), Scope(match["what"]), None, limit)
    if ">" in plain:
        raise _bad(text, option, "is a lower limit; only upper limits make sense")
    raise _bad(text, option, "is not an objective")


def _timed(match: re.Match[str], text: str, option: str) -> Slo:
    scope = {"client_": Scope.CLIENT, "cold_": Scope.COLD, None: Scope.DURATION}[match["prefix"]]
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
        raise _bad(text, option, "has a limit that is not above zero")
    return limit


def _bad(text: str, option: str, reason: str) -> UsageError:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return UsageError(f"{option} {shown!r}", reason, _FIX)
