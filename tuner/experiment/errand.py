"""A sweep to be run: the question, what it is asked with, and what is known already."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tuner.crosscheck.record import GLANCE_S, patience_s
from tuner.decide.cold_plan import COLD_STARTS, matters
from tuner.decide.conclude_across import Side
from tuner.decide.decide import Question
from tuner.decide.month import Priced
from tuner.experiment.session import Conditions
from tuner.measure.documents import SizeLoads
from tuner.measure.loading import SizeLoad
from tuner.measure.payloads import Payload
from tuner.options.meaning import question, read_limit, read_variants, startup_size
from tuner.options.options import SweepOptions
from tuner.planning.budget import Budget
from tuner.records import Backend, RunRecord, Sample
from tuner.units import MemoryWish

#: The most warm invocations of an adaptive sweep unless `--invocations` says otherwise. A real
#: function needs one more call per size, which meets the cold start of its fresh version.
INVOCATIONS = 60
REPLAYED_INVOCATIONS = 40


@dataclass(frozen=True)
class Errand:
    """A sweep to be run: the question, what it is asked with, and what is known already.

    ``question.budget`` is for warm calls; ``limit`` is for everything, cold starts included.
    ``before`` are the samples of a run that is resumed, ``loads_before`` its loads. ``load`` is
    what sizes are put under, once the curve is known; ``startups`` are ways to start to compare.
    ``patience_s`` is how long CloudWatch's figures are waited for after it; ``None``: they are not
    asked for.
    """

    run: RunRecord
    question: Question
    prices: Priced
    payloads: tuple[Payload, ...]
    limit: Budget
    cold: int | None = None
    before: tuple[Sample, ...] = ()
    load: SizeLoad | None = None
    loads_before: SizeLoads | None = None
    patience_s: float | None = GLANCE_S
    sides: Mapping[str, Side] = field(default_factory=dict)  # of more than the function's own
    startups: tuple[str, ...] = ()

    @property
    def limited(self) -> bool:
        """Whether the user set any limit, so that reaching it is worth an exit code."""
        return self.limit != Budget(None)

    @property
    def cold_possible(self) -> bool:
        """Whether cold starts can be forced, or were recorded."""
        return bool(self.run.facts.platform.get("recorded_cold_starts", True))

    def conditions(self) -> Conditions:
        """What stays the same in every batch; numbers go on where a resumed run stopped."""
        return Conditions(
            payloads=self.payloads,
            seed=self.question.seed,
            first_call=max((s.call for s in self.before), default=-1) + 1,
            first_round=max((s.round for s in self.before), default=-1) + 1,
        )


def errand(
    options: SweepOptions,
    payloads: tuple[Payload, ...],
    run: RunRecord,
    priced: Priced,
    before: tuple[Sample, ...] = (),
) -> Errand:
    """Everything that a sweep of these options is run with."""
    asked = question(options, run.facts, priced.own)
    limit = read_limit(options)
    if options.method == "adaptive":
        replayed = run.facts.backend is Backend.REPLAY
        most = limit.invocations or (REPLAYED_INVOCATIONS if replayed else INVOCATIONS)
        if limit.invocations and (options.cold or matters(asked.goal)):
            most = max(1, most - min(most // 3, 3 * (options.cold or COLD_STARTS)))
        asked = replace(asked, budget=replace(limit, invocations=most))
    made = Errand(run, asked, priced, payloads, limit, options.cold, before)
    return _with_startups(replace(made, patience_s=patience_s(options.cross_check)), options)


def _with_startups(errand: Errand, options: SweepOptions) -> Errand:
    """The errand, over one size if ways to start are compared."""
    startups = read_variants(options)
    if not startups:
        return errand
    wish = MemoryWish(sizes_mb=(startup_size(options, errand.run.facts),))
    return replace(errand, question=replace(errand.question, wish=wish), startups=startups)


def with_sides(errand: Errand, sides: Mapping[str, Side]) -> Errand:
    """The errand over several architectures; without a limit of the user's own on invocations,
    each may have as many as one alone."""
    budget = errand.question.budget
    if errand.limit.invocations is None and budget.invocations is not None:
        budget = replace(budget, invocations=budget.invocations * len(sides))
    return replace(errand, question=replace(errand.question, budget=budget), sides=dict(sides))


def with_load(errand: Errand, load: SizeLoad | None, before: SizeLoads | None = None) -> Errand:
    """The errand, with a load on each size after it; calls alone leave room for some loads.

    They may use half of the money, and what three loads leave of time and invocations, a third
    at least.
    """
    if load is None:
        return errand
    budget, limit = errand.question.budget, errand.limit
    seconds, most, calls = limit.seconds, limit.invocations, load.profile.calls
    if limit.cost_usd is not None:
        budget = replace(budget, cost_usd=limit.cost_usd / 2.0)
    if seconds is not None:
        left = max(seconds - 3.0 * load.profile.duration_s, seconds / 3.0)
        budget = replace(budget, seconds=left)
    if most is not None:
        left = max(most - 3.0 * (calls or most), most / 3.0)
        budget = replace(budget, invocations=min(budget.invocations or most, max(1, round(left))))
    question = replace(errand.question, budget=budget)
    return replace(errand, question=question, load=load, loads_before=before)
