"""Why this size and not another: sentences and runners-up, from the same draws as the choice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.decide.goal import Goal, Strategy
from tuner.decide.outlook import Outlook
from tuner.decide.result import RunnerUp
from tuner.model.cfs import LONGEST_MS, quota_ms
from tuner.model.curve import Curve
from tuner.model.observations import Observations
from tuner.planning.sizes import USUAL_MB
from tuner.units import (
    format_memory,
    format_ms,
    format_share,
    format_times,
    format_usd_per_million,
)

FloatArray = NDArray[np.float64]
_RUNNERS_UP = 4


@dataclass(frozen=True)
class Case:
    """Everything that a reason may draw on; ``index`` is the pick in ``outlook``."""

    curve: Curve
    observations: Observations
    goal: Goal
    outlook: Outlook
    index: int
    meets: bool | None
    confidence: float

    @property
    def memory_mb(self) -> int:
        """The picked size."""
        return int(self.outlook.memory_mb[self.index])

    @property
    def stays(self) -> bool:
        """Whether the pick is the current size although another one is expected a bit better."""
        expected = self.outlook.expected()
        better = bool(expected.min() < expected[self.index])
        return better and self.memory_mb == self.goal.current_mb and not self.goal.slos


def reasons(case: Case) -> tuple[str, ...]:
    """What decided, in the order of weight."""
    missed = case.meets is False
    lines = [_nearest_miss(case)] if missed else [_strategy(case), *_objectives(case)]
    if len(case.outlook.memory_mb) == 1:
        lines.append(f"{format_memory(case.memory_mb)} was the only size to choose from.")
    lines += [*_doubt(case), *_mechanism(case)]
    too_small = case.observations.infeasible_mb()
    for size in case.observations.broken_mb():
        if size >= too_small:
            why = case.observations.failures[size]
            lines.append(f"At {format_memory(size)} the function {why}.")
    if case.observations.first_calls:
        lines.append("The recording holds first calls of sandboxes, so warm calls may be faster.")
    return tuple(lines)


_BEST = {
    Strategy.COST: "the least expected cost",
    Strategy.SPEED: "the least expected duration",
    Strategy.BALANCED: "the best balance of cost and duration",
}


def _strategy(case: Case) -> str:
    if case.stays:
        size = format_memory(case.memory_mb)
        return f"{size} is the current size, and no other gains more than 1 %: {_expected(case)}."
    best = _BEST[case.goal.strategy]
    only = " among the sizes that meet the objectives" if case.meets else ""
    return f"{format_memory(case.memory_mb)} has {best}{only}: {_expected(case)}."


def _expected(case: Case) -> str:
    cost = float(case.outlook.cost[:, case.index].mean())
    time = float(case.outlook.duration_ms[:, case.index].mean())
    return f"{format_usd_per_million(cost)}, {format_ms(time)} on average"


def _objectives(case: Case) -> list[str]:
    if case.meets is None:
        return []
    chance = probability(float(case.outlook.meets[case.index]))
    return [f"It meets every objective with a probability {chance}."]


def _nearest_miss(case: Case) -> str:
    """What no size can meet, and how far the one that comes nearest is from it."""
    margin = max(1.0, float(np.median(case.outlook.margin[:, case.index])))
    off = f"{format_share(margin - 1.0)} over" if margin < 2.0 else f"{format_times(margin)}"
    one = len(case.goal.slos) == 1
    texts = case.goal.slos[0].text if one else " and ".join(slo.text for slo in case.goal.slos)
    which = "the limit" if one else "the limit that it misses most"
    return (
        f"No size meets {texts}{'' if one else ' together'}; "
        f"{format_memory(case.memory_mb)} comes nearest, at {off} {which}: {_expected(case)}."
    )


def probability(chance: float) -> str:
    # Draws are never enough for a certainty.
    if 0.01 <= chance <= 0.99:
        return f"of {format_share(chance)}"
    return "above 99 %" if chance > 0.5 else "below 1 %"


def _doubt(case: Case) -> list[str]:
    """How unsure the pick is, and what would settle it; nothing when it is sure enough."""
    rival = _rival(case)
    if case.confidence >= case.goal.confidence or rival is None:
        return []
    where = " and ".join(f"{m:,}" for m in sorted({case.memory_mb, rival}))
    return [
        f"Cannot tell for sure yet: {format_share(case.confidence)} sure to be within 5 % of the "
        f"best; about {_invocations_to_tell(case)} more invocations at {where} MB would settle it."
    ]


def _rival(case: Case) -> int | None:
    """The size (MB) that is most often the best one where the pick is not within 5 % of it."""
    outlook = case.outlook
    score = np.where(outlook.margin <= 1.0, outlook.score, np.inf)
    best = score.argmin(axis=1)
    beaten = score[:, case.index] > 1.05 * score.min(axis=1)
    if not beaten.any() or not np.isfinite(score.min(axis=1)).any():
        return None
    return int(outlook.memory_mb[np.bincount(best[beaten]).argmax()])


#: Two means differ by 5 % with 90 % confidence (1.64 standard errors of their difference).
_TELL_APART, _SURELY = 0.05, 1.64


def _invocations_to_tell(case: Case) -> int:
    """Over both sizes, by the scatter of single invocations; rounded up to tens."""
    sd = float(case.curve.noise.sd.mean())
    each = 2.0 * (_SURELY * sd / _TELL_APART) ** 2
    return int(np.clip(np.ceil(2.0 * each / 10.0) * 10.0, 10, 1000))


#: Shorter calls are billed a whole millisecond whatever they are made of.
_SMALLEST_MS = 1.0


def _mechanism(case: Case) -> list[str]:
    found = case.curve.parameters
    cpu, wait = found.get("cpu_ms"), found.get("wait_ms")
    one_size = len(case.observations.sizes_mb) < 2  # it cannot tell CPU from waiting
    time = float(case.outlook.duration_ms[:, case.index].mean())
    if cpu is None or wait is None or one_size or time < _SMALLEST_MS:
        return []
    line = f"About {format_ms(cpu)} of CPU and {format_ms(wait)} of waiting per call"
    quota = float(quota_ms(float(case.outlook.memory_mb[0])))
    if case.curve.family == "staircase" and quota < cpu <= LONGEST_MS:
        line += "; CPU comes in periods of 20 ms, so the duration falls in steps over memory"
    return [line + "."]


def runners_up(case: Case) -> tuple[RunnerUp, ...]:
    """Sizes that a reader will ask about: the current one, measured and usual ones, the fastest."""
    sizes = case.outlook.memory_mb
    wanted = {int(s) for s in case.observations.sizes_mb} | set(USUAL_MB)
    if case.goal.current_mb is not None:
        wanted.add(case.goal.current_mb)
    known = [i for i, s in enumerate(sizes) if int(s) in wanted and i != case.index]
    score = case.outlook.expected()
    known.sort(key=lambda i: (case.outlook.meets[i] < 0.5, score[i]))
    first = [i for i in known if int(sizes[i]) == case.goal.current_mb]
    ranked = first + [i for i in known if i not in first]
    return tuple(_runner_up(case, i) for i in ranked[:_RUNNERS_UP])


def _runner_up(case: Case, i: int) -> RunnerUp:
    outlook = case.outlook
    cost = float(outlook.cost[:, i].mean())
    time = float(outlook.duration_ms[:, i].mean())
    return RunnerUp(int(outlook.memory_mb[i]), cost, time, _why_not(case, i, cost, time))


def _why_not(case: Case, i: int, cost: float, time: float) -> str:
    if case.goal.slos and case.meets and case.outlook.meets[i] < 0.95:
        chance = probability(float(case.outlook.meets[i]))
        return f"meets the objectives with a probability {chance}"
    dearer = cost / float(case.outlook.cost[:, case.index].mean()) - 1.0
    slower = time / float(case.outlook.duration_ms[:, case.index].mean()) - 1.0
    return changes(dearer, slower)


def changes(dearer: float, slower: float) -> str:
    """``12 % dearer, 3 % faster``; 0.12 means 12 % more."""
    parts = [
        f"{format_times(1.0 + change)} {times}"
        if change >= 1.0
        else f"{format_share(abs(change))} {more if change > 0 else less}"
        for change, more, less, times in (
            (dearer, "dearer", "cheaper", "the cost"),
            (slower, "slower", "faster", "the duration"),
        )
        if abs(change) >= 0.005
    ]
    return ", ".join(parts) or "no different within the measurement"
