"""One measurement of a case: call, judge, and go on until every gate is settled.

Each size stops as soon as it is clear; what is not clear goes on to the next planned look. The
statistics are those of :mod:`tuner.suites.verdict`; here is only when to call and what with what.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tuner.billing.cost import cost_usd
from tuner.billing.prices import Prices
from tuner.measure.loading import SizeLoad
from tuner.model.comparison import Measured
from tuner.model.looks import Looks, planned
from tuner.records import FunctionFacts, Purpose, Sample
from tuner.suites.gate import Gate
from tuner.suites.judgement import Judgement, Pair, Rules
from tuner.suites.lab import Lab
from tuner.suites.members import Role
from tuner.suites.result import Design
from tuner.suites.sampling import next_look
from tuner.suites.side import Side, side_of
from tuner.suites.verdict import judge_all

#: Calls of the control beside a load, half before and half after it.
BESIDE_A_LOAD = 40
Cost = Callable[[Sample], float | None]
Verdicts = dict[int, tuple[Judgement, ...]]


@dataclass(frozen=True, eq=False)
class Stored:
    """The samples of a baseline and of its control, by size (MB)."""

    samples: Mapping[int, Sequence[Sample]] = field(default_factory=dict)
    control: Mapping[int, Sequence[Sample]] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Sequence[Sample], control: Sequence[Sample]) -> "Stored":
        """Sort samples by size."""
        return cls(_by_size(samples), _by_size(control))


@dataclass(frozen=True, eq=False)
class Course:
    """What a trial does. ``gates`` are those of each size (MB); ``full`` never stops early."""

    gates: Mapping[int, tuple[Gate, ...]]
    rules: Rules
    design: Design
    most: int
    cold: int = 0
    full: bool = False
    load: SizeLoad | None = None
    stored: Stored = field(default_factory=Stored)

    def looks(self) -> Looks:
        """When to look, in calls a side; a load, or whoever asks for everything, looks once."""
        total = self.most + self.cold
        return planned(total, looks=1) if self.full or self.load else planned(total)


def run_trial(lab: Lab, course: Course, cost: Cost) -> Verdicts:
    """Measure and judge every size that can be made callable; see ``lab.failed`` for the rest."""
    left = lab.prepare(list(course.gates))
    if course.load is not None:
        return _under_load(lab, course, course.load, left, cost)
    found: Verdicts = {}
    looks, calls, cold = course.looks(), 0, 0
    rules = replace(course.rules, looks=looks)
    while left and not lab.stopped:
        following = looks.next(calls)
        assert following is not None, "sizes are left only while there is a look to come"
        cold_due = round(following * course.cold / looks.most)
        lab.warm(left, following - calls - (cold_due - cold))
        lab.cold(left, cold_due - cold)
        calls, cold = following, cold_due
        for size in left:
            found[size] = judged(lab, course, size, rules, cost)
        left = tuple(s for s in left if next_look(found[s], calls, looks) is not None)
    return found


def _under_load(
    lab: Lab, course: Course, load: SizeLoad, sizes: Sequence[int], cost: Cost
) -> Verdicts:
    found: Verdicts = {}
    rules = replace(course.rules, looks=None)
    for size in sizes:
        if lab.stopped:
            break
        lab.control([size], BESIDE_A_LOAD // 2)
        lab.load(size, load)
        lab.control([size], BESIDE_A_LOAD // 2)
        lab.cold([size], course.cold)
        found[size] = judged(lab, course, size, rules, cost)
    return found


def judged(lab: Lab, course: Course, size: int, rules: Rules, cost: Cost) -> tuple[Judgement, ...]:
    """The verdicts on a size by the samples so far; only objectives where there is no other."""
    gates = course.gates[size]
    if course.design is Design.ALONE:
        gates = tuple(gate for gate in gates if gate.slo is not None)
    return judge_all(gates, pair(lab, course, size, cost), rules)


def pair(lab: Lab, course: Course, size: int, cost: Cost) -> Pair:
    """What is compared at a size."""
    after = side_of(lab.samples.get((Role.AFTER, size), ()), cost)
    if course.design is Design.INTERLEAVED:
        before = side_of(lab.samples.get((Role.BEFORE, size), ()), cost)
        apart = course.load is not None or not lab.together
        return Pair(without_rounds(before), after, True) if apart else Pair(before, after, True)
    before = without_rounds(side_of(course.stored.samples.get(size, ()), cost))
    then, now = course.stored.control.get(size, ()), lab.samples.get((Role.CONTROL, size), ())
    control = None
    if then and now:
        control = without_rounds(side_of(then, cost)), without_rounds(side_of(now, cost))
    return Pair(before, after, False, control)


def without_rounds(side: Side) -> Side:
    """A side whose rounds mean nothing to the other's."""
    return replace(
        side,
        duration_ms=Measured(side.duration_ms.values),
        client_ms=Measured(side.client_ms.values),
        cold_ms=Measured(side.cold_ms.values),
        init_ms=Measured(side.init_ms.values),
        cost_usd=Measured(side.cost_usd.values),
    )


def cost_of(facts: FunctionFacts, prices: Prices) -> Cost:
    """Prices a sample by what was billed (USD); what was not billed has no cost."""

    def cost(sample: Sample) -> float | None:
        if sample.billed_ms is None:
            return None
        return cost_usd(sample.billed_ms, sample.memory_mb, prices, facts.ephemeral_mb)

    return cost


def _by_size(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = {}
    for sample in samples:
        if sample.purpose is not Purpose.WARM_UP:
            found.setdefault(sample.memory_mb, []).append(sample)
    return found
