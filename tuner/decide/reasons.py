"""Reasons for this size and against others, from the same draws as the choice."""

from dataclasses import dataclass

import numpy as np

from tuner.decide.goal import Goal, Strategy
from tuner.decide.outlook import Basis, Outlook, held_to
from tuner.decide.result import RunnerUp
from tuner.model import FloatArray
from tuner.model.cfs import LONGEST_MS, TICK_MS, VCPU_MB, quota_ms
from tuner.units import (
    format_cost_change,
    format_memory,
    format_ms,
    format_probability,
    format_share,
    format_speed_change,
    format_times,
    format_usd_per_million,
)

_RUNNERS_UP = 4
#: Below this confidence a choice may well change: more calls come before anything else.
SURE_ENOUGH = 0.8
#: How the sentence begins that says so.
NOT_CERTAIN = "Not certain yet"
#: Changes smaller than this are called the same (units.py words them like that).
_SAME = 0.005
#: Less than this part of the pick's cost, or duration, is worth a question.
_CLEARLY = 0.99


@dataclass(frozen=True)
class ChoiceCase:
    """Everything that a reason may draw on; ``index`` is the pick in ``outlook``."""

    basis: Basis
    outlook: Outlook
    index: int
    meets: bool | None
    confidence: float
    alone: FloatArray | None = None  # chance (objectives, sizes) to meet each, if all are missed

    @property
    def goal(self) -> Goal:
        """The goal of the choice."""
        return self.basis.goal

    @property
    def memory_mb(self) -> int:
        """The picked size."""
        return int(self.outlook.memory_mb[self.index])

    def means(self, index: int) -> tuple[float, float]:
        """Mean cost (USD per million) and mean duration (ms) of a size: as measured where it was
        called, otherwise as the curve has it."""
        seen = self.basis.seen(int(self.outlook.memory_mb[index]))
        return self.outlook.means(index) if seen is None else seen

    @property
    def stays(self) -> bool:
        """True for the current size where another one is expected to be a bit better."""
        expected = self.outlook.expected()
        better = bool(expected.min() < expected[self.index])
        return better and self.memory_mb == self.goal.current_mb and not self.goal.slos


def reasons(case: ChoiceCase) -> tuple[str, ...]:
    """Return what decided, the weightiest reason first."""
    missed = case.meets is False
    met = [_strategy(case), *_objectives(case), *_left_out(case)]
    lines = [_nearest_miss(case)] if missed else met
    if len(case.outlook.memory_mb) == 1:
        lines.append(f"{format_memory(case.memory_mb)} was the only size to choose from.")
    lines += [*_doubt(case), *_mechanism(case)]
    too_small = case.basis.observations.infeasible_mb()
    for size in case.basis.observations.broken_mb():
        if size >= too_small:
            why = case.basis.observations.failures[size]
            lines.append(f"At {format_memory(size)} the function {why}.")
    if case.basis.observations.first_calls:
        lines.append("The recording holds first calls of sandboxes; warm calls may be faster.")
    return tuple(lines)


_BEST = {
    Strategy.COST: "the lowest cost",
    Strategy.SPEED: "the shortest expected duration",
    Strategy.BALANCED: "the best expected balance of cost and duration",
}


def _strategy(case: ChoiceCase) -> str:
    size = format_memory(case.memory_mb)
    if case.stays:
        return f"{size} is the current size, and none is expected {_kept(case)}: {_means(case)}."
    better = _better(case)
    if better is not None:
        return f"{size} {_beside(case, better)}: {_means(case)}."
    only = " of the sizes that likely meet the objectives" if case.meets else ""
    return f"{size} has {_BEST[case.goal.strategy]}{only}: {_means(case)}."


def _kept(case: ChoiceCase) -> str:
    """What another size would have to be, so that it is worth a change."""
    if case.goal.strategy is Strategy.SPEED:
        return "to be more than 3 % faster"
    if case.goal.strategy is Strategy.BALANCED:
        return "to have a balance that is better by more than 3 %"
    worth = case.goal.worth
    faster = f", or faster for at most {format_share(worth)} more" if worth else ""
    return f"to be more than 3 % cheaper{faster}"


#: A size counts as fastest, or cheapest, up to this much more: the better one in the other wins.
EVEN = 1.01


def _decided_by(case: ChoiceCase) -> int:
    """The mean that decided: 0 for the cost, 1 for the duration."""
    return 1 if case.goal.strategy is Strategy.SPEED else 0


def _better(case: ChoiceCase) -> int | None:
    """Index of the cheapest, or the fastest, size that was called as often, if that is not the
    pick; ``None`` where something else than cost, or speed, decided."""
    if case.goal.strategy is Strategy.BALANCED or case.goal.slos:
        return None
    calls, least = case.basis.calls, case.basis.calls.get(case.memory_mb, 0)
    as_sure = [i for i, s in enumerate(case.outlook.memory_mb.tolist()) if calls.get(s, 0) >= least]
    what = _decided_by(case)
    best = min(as_sure, key=lambda i: (case.means(i)[what], i != case.index), default=case.index)
    return None if best == case.index else best


def _beside(case: ChoiceCase, better: int) -> str:
    """What the pick is beside the size that was measured to be the cheapest, or the fastest: as
    good, where the two are even."""
    what, here, there = _decided_by(case), case.means(case.index), case.means(better)
    named = format_memory(int(case.outlook.memory_mb[better]))
    if here[what] > there[what] * EVEN:
        return f"is {changes(here, there)} than {named}, the {('cheapest', 'fastest')[what]}"
    other = (format_speed_change, format_cost_change)[what](here[1 - what] / there[1 - what] - 1.0)
    as_good = ("costs as little", "is as fast")[what]
    same = abs(here[1 - what] / there[1 - what] - 1.0) < _SAME
    return f"{as_good} as {named}" + ("" if same else f" and is {other}")


def _means(case: ChoiceCase) -> str:
    cost, time = case.means(case.index)
    return f"{format_usd_per_million(cost)}, {format_ms(time)} on average"


def _objectives(case: ChoiceCase) -> list[str]:
    if case.meets is None:
        return []
    return [f"It meets every objective with {format_probability(case.outlook.meets[case.index])}."]


def _left_out(case: ChoiceCase) -> list[str]:
    """Say why a size that was measured to be better is not the pick: the likeliest of those to
    meet the objectives, which is still less likely to than the pick."""
    strategy, sizes, meets = case.goal.strategy, case.outlook.memory_mb, case.outlook.meets
    if not case.meets or strategy is Strategy.BALANCED:
        return []
    what = 1 if strategy is Strategy.SPEED else 0
    here = case.means(case.index)
    better = [
        i
        for i, size in enumerate(sizes.tolist())
        if size in case.basis.calls
        and meets[i] < meets[case.index]
        and case.means(i)[what] < here[what] * _CLEARLY
    ]
    if not better:
        return []
    best = max(better, key=lambda i: meets[i])
    return [
        f"{format_memory(int(sizes[best]))} was measured {changes(case.means(best), here)}, but "
        f"would meet the objectives with {format_probability(meets[best])}."
    ]


def _nearest_miss(case: ChoiceCase) -> str:
    """Say what no size can meet, and how far the size that comes closest is from it."""
    margin = max(1.0, float(np.median(case.outlook.margin[:, case.index])))
    off = f"{format_share(margin - 1.0)} over" if margin < 2.0 else f"at {format_times(margin)}"
    texts = _never_met(case)
    together = " and ".join(slo.text for slo in case.goal.slos) + " together"
    one = len(texts or case.goal.slos) == 1
    return (
        f"No size meets {' or '.join(texts) or together}; {format_memory(case.memory_mb)} "
        f"comes closest, {off} the limit{'' if one else ' it misses most'}: {_means(case)}."
    )


def _never_met(case: ChoiceCase) -> list[str]:
    """Objectives that no size is likely to meet even by itself."""
    if case.alone is None:
        return []
    pairs = zip(case.goal.slos, case.alone.max(axis=1), strict=True)
    return [slo.text for slo, chance in pairs if chance < 0.5]


def _doubt(case: ChoiceCase) -> list[str]:
    """Say how unsure the pick is, and what would settle it; nothing when it is sure enough, or a
    nearest miss, which has no chance to be the best."""
    if case.meets is False or case.confidence >= max(case.goal.confidence, SURE_ENOUGH):
        return []
    rival = _rival(case)
    sizes = {case.memory_mb, case.memory_mb if rival is None else rival}
    where = " and ".join(f"{m:,}" for m in sorted(sizes))
    return [
        f"{NOT_CERTAIN}: {format_share(case.confidence)} sure to be within 5 % of the best. "
        f"About {invocations_to_tell(case)} more invocations at {where} MB would settle it."
    ]


def _rival(case: ChoiceCase) -> int | None:
    """Return the size (MB) that is most often the best where the pick is not within 5 % of it."""
    outlook = case.outlook
    score, most = held_to(outlook, case.goal)
    beaten = (score[:, case.index] > most) & np.isfinite(most)
    if not beaten.any():
        return None
    return int(outlook.memory_mb[np.bincount(score.argmin(axis=1)[beaten]).argmax()])


#: Two means differ by 5 % with 90 % confidence (1.64 standard errors of their difference).
_TELL_APART, _SURELY = 0.05, 1.64


def invocations_to_tell(case: ChoiceCase) -> int:
    """Number over both sizes, by the scatter of single invocations; rounded up to tens. Where the
    objectives are the doubt, each size needs enough calls beyond the percentile in question."""
    sd = float(case.basis.curve.noise.sd.mean())
    each = 2.0 * (_SURELY * sd / _TELL_APART) ** 2
    if case.goal.slos and case.outlook.meets[case.index] < SURE_TO_MEET:
        tails = [1.0 - slo.quantile for slo in case.goal.slos if slo.quantile not in (None, 1.0)]
        had = case.basis.calls.get(case.memory_mb, 0)
        each = max(each, *(_BEYOND / tail - had for tail in tails), 0.0)
    return int(np.clip(np.ceil(2.0 * each / 10.0 - 1e-9) * 10.0, 10, 1000))


#: Below this probability the doubt is about the objectives; so many calls beyond a percentile tell.
SURE_TO_MEET, _BEYOND = 0.95, 3.0


#: A duration that changes by less over all sizes is not said to fall.
_FALLS = 1.05
#: Shorter calls are billed a whole millisecond whatever they are made of.
_SMALLEST_MS = 1.0
#: What a call is said to consist of may miss what it takes by this ratio.
_UNEXPLAINED = 1.15


def _mechanism(case: ChoiceCase) -> list[str]:
    found = case.basis.curve.parameters
    cpu, wait = found.get("cpu_ms"), found.get("wait_ms")
    one_size = len(case.basis.observations.sizes_mb) < 2  # it cannot tell CPU from waiting
    if cpu is None or wait is None or one_size or case.means(case.index)[1] < _SMALLEST_MS:
        return []
    if not _adds_up(case, cpu, wait):
        return []
    line = f"Each call takes about {format_ms(cpu)} of CPU and {format_ms(wait)} of waiting"
    # A burst of one tick is never stopped, however small the quota.
    in_one_go = max(TICK_MS, float(quota_ms(float(case.outlook.memory_mb[0]))))
    time = case.outlook.duration_ms.mean(axis=0)
    falls = in_one_go < cpu <= LONGEST_MS and time[0] > _FALLS * time[-1]
    if case.basis.curve.family == "staircase" and falls:
        line += "; CPU comes in periods of 20 ms, so the duration falls in steps over memory"
    return [line + "."]


def _adds_up(case: ChoiceCase, cpu_ms: float, wait_ms: float) -> bool:
    """True if both parts explain what calls took at the largest size that was called; there, work
    takes from its threads side by side to one after another at the size's share of a CPU."""
    size = max(case.basis.calls)
    seen, vcpus = case.basis.seen(size), size / VCPU_MB
    if seen is None:
        return False
    least, most = (wait_ms + cpu_ms / limit(1.0, vcpus) for limit in (max, min))
    return least / _UNEXPLAINED <= seen[1] <= most * _UNEXPLAINED


def runners_up(case: ChoiceCase) -> tuple[RunnerUp, ...]:
    """Return sizes that a reader will ask about, as measured: the current one and the best."""
    sizes, current = case.outlook.memory_mb, case.goal.current_mb
    called = case.basis.calls
    known = [i for i, s in enumerate(sizes) if int(s) in called and i != case.index]
    score = case.outlook.expected()
    known.sort(key=lambda i: (sizes[i] != current, case.outlook.meets[i] < 0.5, score[i]))
    return tuple(
        RunnerUp(int(sizes[i]), *case.means(i), _why_not(case, i)) for i in known[:_RUNNERS_UP]
    )


def _why_not(case: ChoiceCase, i: int) -> str:
    if case.goal.slos and case.meets and case.outlook.meets[i] < 0.95:
        return f"meets the objectives with {format_probability(case.outlook.meets[i])}"
    return changes(case.means(i), case.means(case.index))


def changes(there: tuple[float, float], here: tuple[float, float]) -> str:
    """Compare two (cost, duration): ``12 % more expensive, 3 % faster``."""
    cost, time = (a / b - 1.0 for a, b in zip(there, here, strict=True))
    parts = [format_cost_change(cost)] if abs(cost) >= _SAME else []
    parts += [format_speed_change(time)] if abs(time) >= _SAME else []
    return ", ".join(parts) or "indistinguishable"
