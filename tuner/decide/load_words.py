"""A load on sizes, and objectives held against it, in a few words."""

from typing import TYPE_CHECKING

from tuner.decide.slo import Scope
from tuner.measure.load_frames import Asked
from tuner.units import format_ms, format_rate, format_seconds, format_share

if TYPE_CHECKING:  # what is worded here need not be loaded where there is none
    from tuner.decide.load_result import Verdict

#: What a load shows and a curve of single calls cannot.
SCOPES = frozenset({Scope.CLIENT, Scope.THROTTLES, Scope.ERRORS})


def load_words(asked: Asked) -> str:
    """``steady, up to 20/s for 1 min``: what each size had to bear, in a few words."""
    name = "" if asked.profile in ("rate", "users") else f"{asked.profile}, "
    if asked.users:
        return f"{name}{asked.users:,} users for {format_seconds(asked.seconds)}"
    return f"{name}at most {format_rate(asked.peak_rps)} for {format_seconds(asked.seconds)}"


def verdict_words(verdict: "Verdict") -> str:
    """``client_p99<500ms: 912 ms``."""
    value = verdict.value
    if value is None:
        return f"{verdict.slo.text}: nothing to judge by"
    shares = (Scope.THROTTLES, Scope.ERRORS)
    told = format_share(value) if verdict.slo.scope in shares else format_ms(value)
    return f"{verdict.slo.text}: {told}"
