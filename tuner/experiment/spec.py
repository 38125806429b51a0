"""Runs as they are asked for: of what, how it is measured, with which limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tuner.billing.cost import sample_usd
from tuner.billing.prices import Prices
from tuner.decide.conclude_across import ArchSide
from tuner.decide.load_plan import terms_of
from tuner.decide.outlook import VERIFIED
from tuner.engine.batches import Payload, SizeLoad
from tuner.experiment.recommend import price
from tuner.experiment.session import Conditions
from tuner.options.calls import GLANCE_S
from tuner.options.load import LoadSpec
from tuner.options.question import measured_arches, sides, startup_size
from tuner.options.size_load import size_load
from tuner.options.sweep import SweepOptions
from tuner.planning.ask import Ask, How
from tuner.planning.budget import NO_LIMIT, Budget
from tuner.planning.cold import COLD_STARTS
from tuner.records import Advice, Backend, FunctionFacts, RunRecord, Sample, Setting
from tuner.store.documents import RunSpreads, SizeLoads, stored_loads
from tuner.units import MemoryRange

#: The most warm invocations of an adaptive sweep unless `--invocations` says otherwise. A real
#: function needs one more call per size, which meets the cold start of its fresh version.
INVOCATIONS = 60
REPLAYED_INVOCATIONS = 40


@dataclass(frozen=True)
class RunSpec:
    """A sweep, or cold starts, to be run: ``sides`` are the question on each architecture.

    ``budget`` is for warm calls; ``limit`` is for everything, cold starts and loads included.
    ``before`` are the samples of a run that is resumed, ``loads`` what it has of loads; ``load`` is
    what sizes are put under, once the curve is known; ``starts`` are ways to start to compare.
    ``patience_s`` is how long CloudWatch's figures are waited for after it; ``None``: they are not
    asked for. ``spreads`` are what earlier runs tell of the differences between runs.
    """

    run: RunRecord
    sides: Mapping[str, ArchSide]
    payloads: tuple[Payload, ...]
    limit: Budget = NO_LIMIT
    budget: Budget = NO_LIMIT
    cold: int | None = None
    before: tuple[Sample, ...] = ()
    load: SizeLoad | None = None
    loads: SizeLoads | None = None
    starts: tuple[str, ...] = ()
    patience_s: float | None = GLANCE_S
    spreads: RunSpreads = field(default_factory=RunSpreads)

    @property
    def exploring(self) -> Budget:
        """The budget of warm calls, less what is kept back to confirm the pick with.

        Without a limit of the user's own on invocations, nothing has to be kept back; nor for a
        grid, whose pick is not confirmed.
        """
        most, whole = self.budget.invocations, self.limit.invocations
        grid = any(side.question.grid_samples is not None for side in self.sides.values())
        if most is None or whole is None or grid:
            return self.budget
        return replace(self.budget, invocations=most - min(most // 3, 2 * VERIFIED), whole=whole)

    @property
    def confirming(self) -> Budget:
        """The budget of warm calls that confirm the pick."""
        if self.limit.invocations is None:
            return replace(self.budget, invocations=None)
        return self.budget

    def conditions(self) -> Conditions:
        """Conditions of every ask; numbers go on where a resumed run stopped."""
        return Conditions(
            payloads=self.payloads,
            seed=self.run.seed,
            first_call=max((s.call for s in self.before), default=-1) + 1,
            first_round=max((s.round for s in self.before), default=-1) + 1,
        )

    def price(self, sample: Sample) -> float | None:
        """US dollars of a request, as far as its report tells."""
        return self.sides[sample.arch].price(sample)


def run_spec(
    options: SweepOptions,
    payloads: tuple[Payload, ...],
    run: RunRecord,
    before: tuple[Sample, ...] = (),
    documents: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunSpec:
    """Everything that a sweep of these options is run with."""
    facts = run.facts
    priced = {arch: price(facts.on(arch)) for arch in measured_arches(options, facts)}
    asked, load = sides(options, facts, priced), size_load(options, facts)
    if starts := options.variants:
        wish = MemoryRange(sizes_mb=(startup_size(options, facts),))
        asked = {arch: side.over(wish) for arch, side in asked.items()}
    loads = None
    if load is not None:
        loads = stored_loads(documents or {}) or SizeLoads(terms_of(load))
    limit = options.limit
    return RunSpec(
        run=run,
        sides=asked,
        payloads=payloads,
        limit=limit,
        budget=_budget(options, asked, limit, load, facts.backend),
        cold=options.cold,
        before=before,
        load=load,
        loads=loads,
        starts=starts,
        patience_s=options.patience_s,
    )


def _budget(
    options: SweepOptions,
    asked: Mapping[str, ArchSide],
    limit: Budget,
    load: SizeLoad | None,
    backend: Backend,
) -> Budget:
    """Return what warm calls may use up.

    Without a limit of the user's own on invocations, each architecture may have as many as one
    alone. Where cold starts count, they get their part.
    """
    most = limit.invocations
    if options.method == "adaptive":
        if most is None:
            each = REPLAYED_INVOCATIONS if backend is Backend.REPLAY else INVOCATIONS
            most = each * len(asked)
        elif options.cold or any(side.question.goal.cold_counts for side in asked.values()):
            most = max(1, most - min(most // 3, 3 * (options.cold or COLD_STARTS)))
    nobodys, part = limit.invocations is None, most != limit.invocations
    whole = limit.invocations if part else limit.whole
    budget = replace(limit, invocations=most, whole=whole, usual=nobodys and most is not None)
    return budget if load is None else _beside(load, budget, limit, 3 * len(asked))


def _beside(load: SizeLoad, budget: Budget, limit: Budget, loads: int) -> Budget:
    """Leave room for so many loads: calls alone may use half of the money, and what loads leave of
    time and invocations, a third at least."""
    calls, most = load.profile.calls, limit.invocations
    if limit.cost_usd is not None:
        budget = replace(budget, cost_usd=limit.cost_usd / 2.0)
    if limit.seconds is not None:
        left = max(limit.seconds - loads * load.profile.duration_s, limit.seconds / 3.0)
        budget = replace(budget, seconds=left)
    if most is not None:
        left = max(most - loads * (calls or most), most / 3.0)
        budget = replace(budget, invocations=min(budget.invocations or most, max(1, round(left))))
    return budget


def machine_changed(before: FunctionFacts, now: FunctionFacts) -> Advice | None:
    """A doubt about a run that is resumed on another machine, or with another CPU control."""
    keys = ("machine", "cores", "cpu_method")
    old, new = ([facts.platform.get(key) for key in keys] for facts in (before, now))
    if before.backend is not Backend.LOCAL or old == new:
        return None
    was, is_now = (
        ", ".join("unknown" if value is None else str(value) for value in values)
        for values in (old, new)
    )
    return Advice(
        "mixed-hardware",
        f"This run began on another kind of machine ({was}) than it goes on with ({is_now}); "
        "sizes cannot be compared. Start a new run.",
    )


@dataclass(frozen=True)
class LoadRun:
    """A load to be run."""

    run: RunRecord
    asked: LoadSpec
    payloads: tuple[Payload, ...]
    prices: Prices

    @property
    def setting(self) -> Setting:
        """The setting that is called."""
        facts = self.run.facts
        return Setting(self.asked.memory_of(facts), facts.arch, load=self.asked.profile.name)

    @property
    def to_make(self) -> bool:
        """True if a version has to be made: of another size, or of a copy."""
        return self.asked.copied or self.setting.memory_mb != self.run.facts.memory_mb

    def price(self, sample: Sample) -> float | None:
        """US dollars of a request, as far as its report tells."""
        return sample_usd(sample, self.prices, self.run.facts.ephemeral_mb)

    def ask(self, asked: LoadSpec, calls: int = 0) -> Ask:
        """One such load, after so many ``calls``."""
        sending = asked.sending(self.run.facts, self.run.seed + calls)
        load = SizeLoad(asked.profile, sending, asked.rules)
        return Ask({self.setting: round(asked.profile.calls or 0)}, "", How.LOAD, load)
