"""Reasons for this size and against others, from the same draws as the choice."""

from collections import defaultdict

import numpy as np

from tuner.decide.as_good import to_be_as_good
from tuner.decide.case import ChoiceCase, changes
from tuner.decide.goal import Strategy
from tuner.decide.outlook import MORE_LIKELY, NO_CHANCE, VERIFIED, held_to, tolerance
from tuner.decide.result import RunnerUp
from tuner.decide.steady import scatter_of
from tuner.decide.what_decided import ahead_in_table, what_decided, worth_more
from tuner.model.cfs import LONGEST_MS, TICK_MS, VCPU_MB, quota_ms
from tuner.units import (
    format_memory,
    format_ms,
    format_probability,
    format_share,
    format_share_beside,
    format_times,
    listed,
)

_RUNNERS_UP = 4
#: Below this confidence a choice may well change: more calls come before anything else.
SURE_ENOUGH = 0.8
#: Sizes this much apart (ratio) make no difference: how far it is tried where a function fails.
NEXT_SIZE = 1.04
#: How the sentence begins that says so.
NOT_CERTAIN = "Not certain yet"
#: Less than this part of the pick's cost, or duration, is worth a question.
_CLEARLY = 0.99


def reasons(case: ChoiceCase) -> tuple[str, ...]:
    """Return what decided, the weightiest reason first."""
    missed = case.meets is False
    met = [what_decided(case), *ahead_in_table(case), *_objectives(case), *_left_out(case)]
    lines = [_nearest_miss(case)] if missed else met
    lines += _only(case)
    lines += [*_doubt(case), *_mechanism(case)]
    found, at = case.basis.observations, defaultdict[str, list[str]](list)
    for size in found.broken_mb():
        at[found.failures[size]].append(f"{size:,}")
    lines += [f"At {listed(sizes)} MB the function {why}." for why, sizes in at.items()]
    if case.basis.observations.first_calls:
        lines.append("The recording holds first calls of sandboxes; warm calls may be faster.")
    return tuple(lines)


def _only(case: ChoiceCase) -> list[str]:
    """Say what there was no choice of: one size, or smaller ones of which none was tried."""
    least = int(case.outlook.memory_mb[0])
    gap = case.untried_mb
    if gap and least / gap[0] > NEXT_SIZE:
        span = f"{gap[0]:,} to {gap[-1]:,} MB" if len(gap) > 1 else format_memory(gap[0])
        where = f"below {format_memory(least)}, which works"
        return [f"{span} were not tried, {where}: one of them may be better."]
    if len(case.outlook.memory_mb) == 1:
        return [f"{format_memory(case.memory_mb)} was the only size to choose from."]
    return []


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
    value = worth_more(case)
    better = [
        i
        for i, size in enumerate(sizes.tolist())
        if size in case.basis.calls
        and meets[i] < meets[case.index]
        and (case.means(i)[what] < here[what] * _CLEARLY or i == value)
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
    if case.basis.observations.only_5xx:
        return (
            "Every answer was a 5xx, which callers of an HTTP front see as an error, so no "
            "objective is met whatever the times are."
        )
    margins, calls = np.median(case.outlook.margin, axis=0), case.basis.calls
    margin = max(1.0, float(margins[case.index]))
    few = [0 < calls.get(int(size), 0) < case.basis.enough for size in case.outlook.memory_mb]
    nearer = bool((margins[few] < margins[case.index]).any())
    of = f" of the sizes called {case.basis.enough} times" if nearer else ""
    off = f"{format_share(margin - 1.0)} over" if margin < 2.0 else f"at {format_times(margin)}"
    texts = _never_met(case)
    together = f"{listed(slo.text for slo in case.goal.slos)} together"
    missed = listed(texts, "or") if texts else together
    one = len(texts or case.goal.slos) == 1
    # What a few calls kept may be missed by most: that is estimated, and not certain.
    some = float(case.outlook.meets.max()) >= NO_CHANCE
    meets, off = ("is likely to meet", f"an estimated {off}") if some else ("meets", off)
    return (
        f"No size {meets} {missed}; {format_memory(case.memory_mb)} "
        f"comes closest{of}, {off} the limit{'' if one else ' it misses most'}: {case.told}."
    )


def _never_met(case: ChoiceCase) -> list[str]:
    """Objectives that no size is likely to meet even by itself."""
    if case.alone is None:
        return []
    pairs = zip(case.goal.slos, case.alone.max(axis=1), strict=True)
    return [slo.text for slo, chance in pairs if chance < MORE_LIKELY]


def _doubt(case: ChoiceCase) -> list[str]:
    """Say how unsure the pick is, and what would settle it; nothing when it is sure enough, or a
    nearest miss, which has no chance to be the best."""
    if case.meets is False or case.confidence >= SURE_ENOUGH:
        return []
    goal, chance = case.goal, case.confidence
    hardly = format_probability(chance).removesuffix(" probability")
    sure = hardly if chance < 0.01 else format_share_beside(chance, SURE_ENOUGH)
    as_good = to_be_as_good(goal.strategy, tolerance(goal), objectives=bool(goal.slos))
    if chance == case.basis.surest:  # more calls in the same conditions tell no more
        return [
            f"{NOT_CERTAIN}: at most {sure} sure to {as_good}, as other programs used the machine. "
            "A run on a calm one would settle it."
        ]
    rival = _rival(case)
    sizes = {case.memory_mb, case.memory_mb if rival is None else rival}
    where = listed(f"{m:,}" for m in sorted(sizes))
    more = invocations_to_tell(case)
    about = "At least" if more == _MOST else "About"
    return [
        f"{NOT_CERTAIN}: {sure} sure to {as_good}. "
        f"{about} {more:,} more invocations at {where} MB would settle it."
    ]


def _rival(case: ChoiceCase) -> int | None:
    """Return the size (MB) that is most often the best where the pick is not within 5 % of it; the
    middle one of those that were not tried, where there are any."""
    outlook = case.outlook
    if case.untried_mb:
        return case.untried_mb[len(case.untried_mb) // 2]
    score, most = held_to(outlook, case.goal)
    beaten = (score[:, case.index] > most) & np.isfinite(most)
    if not beaten.any():
        return None
    return int(outlook.memory_mb[np.bincount(score.argmin(axis=1)[beaten]).argmax()])


#: Two means differ by 5 % with 90 % confidence (1.64 standard errors of their difference).
_TELL_APART, _SURELY = 0.05, 1.64
#: No larger number is named.
_MOST = 1000


def invocations_to_tell(case: ChoiceCase) -> int:
    """Number over both sizes, by the scatter of single invocations; rounded up to tens, and no less
    than what they lack to be relied on. Where the objectives are the doubt, each size needs enough
    calls beyond the percentile in question.

    Slow calls, which the curve takes for a tail, are in means as well, so they count as scatter.
    """
    sd = max(
        float(case.basis.curve.noise.sd.mean()),
        float(np.sqrt(scatter_of(case.basis.observations).pooled)),
    )
    each = 2.0 * (_SURELY * sd / _TELL_APART) ** 2
    pair = {case.memory_mb, _rival(case) or case.memory_mb}
    lacking = sum(max(0, VERIFIED - case.basis.calls.get(size, 0)) for size in pair)
    if case.goal.slos and case.outlook.meets[case.index] < SURE_TO_MEET:
        tails = [1.0 - slo.quantile for slo in case.goal.slos if slo.quantile not in (None, 1.0)]
        had = case.basis.calls.get(case.memory_mb, 0)
        each = max(each, *(_BEYOND / tail - had for tail in tails), 0.0)
    both = max(2.0 * each, float(lacking))
    return int(np.clip(np.ceil(both / 10.0 - 1e-9) * 10.0, 10, _MOST))


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
    known.sort(key=lambda i: (sizes[i] != current, case.outlook.meets[i] < MORE_LIKELY, score[i]))
    return tuple(
        RunnerUp(int(sizes[i]), *case.means(i), _why_not(case, i)) for i in known[:_RUNNERS_UP]
    )


def _why_not(case: ChoiceCase, i: int) -> str:
    meets = case.outlook.meets
    if case.goal.slos and case.meets and meets[i] < min(0.95, meets[case.index]):
        return f"meets the objectives with {format_probability(case.outlook.meets[i])}"
    return changes(case.means(i), case.means(case.index))
