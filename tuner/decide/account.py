"""All functions of an account together: in what order they are worth attention, and three sentences
for those who read no tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.decide.worth import Assessed
from tuner.units import counted, format_share, format_usd

#: How many functions a sentence names.
_NAMED = 3


@dataclass(frozen=True)
class Queries:
    """What the survey itself asked of AWS: metrics requested, queries of logs, bytes scanned."""

    metrics: int = 0
    metrics_usd: float = 0.0
    log_queries: int = 0
    scanned_bytes: float = 0.0
    scanned_usd: float = 0.0

    @property
    def usd(self) -> float:
        """What AWS bills for them."""
        return self.metrics_usd + self.scanned_usd


@dataclass(frozen=True)
class Survey:
    """Functions in production, the most worthwhile first; the span in seconds since 1970."""

    region: str
    span_s: tuple[float, float]
    functions: tuple[Assessed, ...]
    queries: Queries
    gaps: tuple[str, ...] = ()  # which sources are missing, and why
    state: str = "done"  # partial: a limit or a source was missing; interrupted
    dated: str = ""  # the prices
    report: str | None = None

    @property
    def called(self) -> tuple[Assessed, ...]:
        """Those that were called in the span, or may have been."""
        return tuple(each for each in self.functions if each.calls != 0.0)

    @property
    def cost_usd(self) -> float:
        """Of a month, as far as it is known."""
        return sum(each.cost_usd or 0.0 for each in self.functions)

    @property
    def endangered(self) -> tuple[Assessed, ...]:
        """Those with a danger, the dearest first."""
        found = [each for each in self.functions if each.dangers]
        return tuple(sorted(found, key=lambda each: -(each.cost_usd or 0.0)))


def ranked(found: Sequence[Assessed]) -> tuple[Assessed, ...]:
    """By what may be saved, then by cost, then by name."""
    return tuple(
        sorted(found, key=lambda each: (-each.saves_usd, -(each.cost_usd or 0.0), each.name))
    )


def sentences(survey: Survey) -> tuple[str, ...]:
    """What they cost, what is worth doing, and what is at risk."""
    return _cost(survey), _worth(survey), _risk(survey)


def _cost(survey: Survey) -> str:
    count, called = len(survey.functions), survey.called
    if all(each.calls is None for each in called) and called:
        return f"{counted(count, 'function')}; their calls and what they cost are not known."
    if not called:
        return f"{counted(count, 'function')}, none of them called."
    total = survey.cost_usd
    dearest = sorted((each.cost_usd or 0.0 for each in called), reverse=True)[:10]
    functions = counted(count, "function")
    text = f"{functions}, {len(called):,} of them called, cost {format_usd(total)} a month"
    if len(called) > len(dearest) and total:
        text += f"; the {len(dearest)} dearest are {format_share(sum(dearest) / total)} of it"
    return f"{text}."


def _worth(survey: Survey) -> str:
    saving = [each for each in survey.functions if each.saves_usd > 0.0]
    if not saving and all(each.cost_usd is None for each in survey.called) and survey.called:
        return "What could be saved is not known without metrics or logs."
    if not saving:
        return "No other configuration is likely to save money."
    total, first = sum(each.saves_usd for each in saving), ranked(saving)[:_NAMED]
    part = sum(each.saves_usd for each in first) / total
    names = ", ".join(each.name for each in first)
    which = f" with {names}"
    if len(saving) > _NAMED:
        which = f", {format_share(part)} of it{which}"
    return (
        f"Sweeps and arm64 would save about {format_usd(total)} a month{which}; a sweep of each "
        "says for certain."
    )


def _risk(survey: Survey) -> str:
    found, called = survey.endangered, survey.called
    blind = bool(called) and all(each.use.counted is None for each in called)
    if not found:
        risk = "What is at risk is not known without metrics."
        return risk if blind else "Nothing seen puts calls at risk."
    kinds = Counter(danger.code for each in found for danger in each.dangers)
    words = ", ".join(f"{_KINDS[code]} ({count:,})" for code, count in kinds.most_common())
    rest = "; the rest is not known without metrics" if blind else ""
    named = f"the dearest is {found[0].name}"
    return f"At risk: {counted(len(found), 'function')}: {words}; {named}{rest}."


_KINDS = {
    "memory": "nearly out of memory",
    "timeout": "short of time",
    "throttles": "throttled",
    "errors": "failing",
    "runtime": "unsupported runtime",
}
