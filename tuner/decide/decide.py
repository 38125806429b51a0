"""The driver of a sweep's decisions: samples in, the next invocations or the answer out.

Pure and repeatable: it is asked again with all samples so far, keeps no measurements of its own,
and draws chance from its seed alone. The flow and the benchmark use the same one.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tuner.billing.prices import Prices
from tuner.decide.choice import best, choose, loss, pick, possible, stakes
from tuner.decide.goal import Goal
from tuner.decide.outlook import (
    MILLION,
    VERIFIED,
    Basis,
    Outlook,
    band,
    billed_ms,
    look,
    model_card,
    usd_per_million,
)
from tuner.decide.reasons import NEXT_SIZE
from tuner.decide.result import CurveBand, ModelCard, Recommendation
from tuner.decide.steady import APART, unsteady_mb
from tuner.model import FloatArray, IntArray
from tuner.model.fit import fit
from tuner.model.observations import ERRORS_IN_A_ROW, Observations, from_samples
from tuner.planning import adaptive, grid
from tuner.planning.adaptive import Adaptive
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent, spent_on
from tuner.planning.sizes import candidates, grid_sizes
from tuner.planning.value import Beliefs
from tuner.records import Outcome, Purpose, Sample, Setting
from tuner.units import MemoryRange

#: What a size's mean differs by from one run to the next (log-sd): of recordings, whose rows are of
#: one run, next to nothing; 90 % intervals hold the truth of 22 recorded curves in 88 to 93 %.
RUN_SD = 0.003
#: A size that was called already stands in for one that is expected to be better by less.
_AS_GOOD = 0.01
#: So many rivals at once; one beyond the best is called where it is expected to win so much (as a
#: share of the best size's cost) by being known.
RIVALS, _WORTH_ASKING = 3, 0.003
_ASKABLE = 48  # sizes whose worth is computed at each step
#: How often a size is tried for whether it runs at all.
_PROBES = 2


@dataclass(frozen=True)
class Question:
    """Everything that a decision depends on except the samples."""

    goal: Goal
    rates: Prices
    wish: MemoryRange
    recorded_mb: tuple[int, ...] = ()
    grid_samples: int | None = None  # None: adaptive
    plan: Adaptive = field(default_factory=Adaptive)
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    run_sd: float = RUN_SD
    enough: int = VERIFIED
    #: Rounds that may be repeated until sizes are told apart, where calls cost nothing but time.
    repeats: int = 0
    #: No confidence is higher: what else may have moved the sizes' means, as on a busy machine.
    surest: float = 1.0

    def without(self, refused: Collection[int]) -> "Question":
        """Return the question over what is left when some sizes (MB) cannot be made callable.

        In a range, the least refused size is taken for the account's cap on memory (new accounts
        have 3,008 MB): nothing from it on is asked again.
        """
        if not refused:
            return self
        wish, recorded = self.wish, self.recorded_mb
        if wish.range_mb:
            low, high = wish.range_mb[0], min(refused) - 1
            wish = MemoryRange(range_mb=(low, high)) if high > low else MemoryRange(sizes_mb=(low,))
        elif wish.sizes_mb:
            left = tuple(size for size in wish.sizes_mb if size not in refused)
            wish = MemoryRange(sizes_mb=left or wish.sizes_mb[:1])
        return replace(self, wish=wish, recorded_mb=tuple(s for s in recorded if s not in refused))


@dataclass(frozen=True)
class Conclusion:
    """Conclusion from samples: all ``None`` when no invocation succeeded."""

    model: ModelCard | None
    band: CurveBand | None
    recommendation: Recommendation | None
    basis: Basis | None = None

    @property
    def observations(self) -> Observations | None:
        """The calls seen; ``None`` when no invocation succeeded."""
        return None if self.basis is None else self.basis.observations


@dataclass(frozen=True)
class Standing:
    """All sizes that may be chosen, as they stand, and the index of the one to choose."""

    outlook: Outlook
    index: int
    #: Mean cost and mean duration of each size (MB) that was called, as measured.
    seen: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def memory_mb(self) -> int:
        """The size to choose."""
        return int(self.outlook.memory_mb[self.index])

    @property
    def means(self) -> tuple[float, float]:
        """Its mean cost (USD per million) and mean duration (ms): as measured where it was
        called, otherwise as the curve has it."""
        return self.seen.get(self.memory_mb) or self.outlook.means(self.index)

    @property
    def meets(self) -> float:
        """Probability that it meets every objective."""
        return float(self.outlook.meets[self.index])


class Decider:
    """Answers ``step`` until it is done, then ``answer``. Both may be asked at any time."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._sizes = choosable(question)

    def step(self, samples: Sequence[Sample], *, seconds: float = 0.0) -> Ask | Done:
        """Return the next ask, given all samples of the run and the seconds it has taken."""
        q = self._question
        spent = self.spent(samples, seconds)
        if q.grid_samples is not None:
            made = Counter(self._at(s.memory_mb) for s in samples)
            settings = map(self._at, grid_sizes(q.wish, q.recorded_mb))
            return grid.next_ask(settings, q.grid_samples, made, q.budget, spent)
        if not samples:
            return adaptive.first_ask(self._sizes, q.goal.arch, q.plan, q.budget)
        observations = from_samples(samples)
        open_mb = self._sizes[self._sizes > observations.infeasible_mb()]
        if not len(observations):
            return self._without_data(open_mb, spent, samples)
        again = self._again(samples, spent)
        if again:
            return again
        basis = self._fit(observations)
        rng = np.random.default_rng((q.seed, len(samples)))
        probe = self._probe(basis, open_mb)
        if probe is not None and q.budget.affordable(spent, 0.0, 0.0) >= _PROBES:
            return Ask({self._at(probe): _PROBES}, "checking that it runs there")
        beliefs = self._beliefs(basis)
        return adaptive.next_ask(beliefs, q.plan, q.budget, spent, rng)

    def answer(self, samples: Sequence[Sample]) -> Conclusion:
        """Fit everything that was measured and choose."""
        observations = from_samples(samples)
        if not len(observations):
            return Conclusion(None, None, None)
        basis = self._fit(observations, sizes_differ=True)
        drawn = band(basis, self._drawn_sizes(observations))
        return Conclusion(model_card(basis.curve), drawn, choose(basis, self._sizes), basis)

    def stand(self, samples: Sequence[Sample]) -> Standing | None:
        """Compare the sizes; ``None`` when no invocation succeeded."""
        observations = from_samples(samples)
        if not len(observations):
            return None
        sizes = possible(self._sizes, observations)
        basis = self._fit(observations, sizes_differ=True)
        outlook = look(basis, sizes)
        seen = {size: means for size in basis.calls if (means := basis.seen(size)) is not None}
        return Standing(outlook, pick(outlook, basis.goal, basis).index, seen)

    def lacking(self, samples: Sequence[Sample], *, new: bool = True) -> dict[Setting, int]:
        """Warm calls that the pick, its rivals and the current size lack before an answer, those
        that matter most first; unless ``new``, only sizes that were called already are picks and
        rivals.

        The rival is the best size that is another alternative than the pick; a size that looks
        both cheaper and faster than the pick, by however few calls, is one too.
        """
        observations = from_samples(samples)
        if self._question.grid_samples is not None or not len(observations):
            return {}
        basis = self._fit(observations, sizes_differ=True)
        made = Counter(s.memory_mb for s in samples if s.purpose is Purpose.WARM)
        return {
            self._at(size): VERIFIED - basis.calls.get(size, 0)
            for size in self._contenders(basis, new=new)
            if basis.calls.get(size, 0) < VERIFIED and made[size] < 2 * VERIFIED
        }

    def unsteady(self, samples: Sequence[Sample]) -> list[Setting]:
        """The pick and those that may be better, while their means are not known well enough to
        tell; none where they are."""
        observations = from_samples(samples)
        if self._question.grid_samples is not None or not len(observations):
            return []
        basis = self._fit(observations, sizes_differ=True)
        sizes = possible(np.array(sorted(basis.calls), dtype=np.int64), observations)
        outlook = look(basis, np.intersect1d(sizes, self._sizes))
        return [self._at(size) for size in unsteady_mb(outlook, basis)]

    def _contenders(self, basis: Basis, *, new: bool) -> list[int]:
        """Sizes (MB) that have to be sure: the pick, its rivals and the current one, and what is
        seen to be better than the pick, which comes first."""
        sizes, current = possible(self._sizes, basis.observations), basis.goal.current_mb
        if not new:
            called = np.isin(sizes, [*basis.calls, *([] if current is None else [current])])
            sizes = sizes[called] if called.any() else sizes
        outlook = look(basis, sizes)
        expected = loss(outlook).mean(axis=0)
        chosen = self._called_near(best(outlook, basis.goal), expected, sizes, basis)
        found = [int(sizes[chosen])]
        for rival in self._rivals(outlook, basis, chosen):
            found.append(int(sizes[self._called_near(rival, expected, sizes, basis)]))
        if current is not None and current in sizes:
            found.append(current)
        if (own := basis.seen(int(sizes[chosen]))) is not None:
            seen = {size: basis.seen(size) for size in sizes.tolist() if size in basis.calls}
            found += [s for s, it in seen.items() if it and it[0] < own[0] and it[1] < own[1]]
        return list(dict.fromkeys(found))

    @staticmethod
    def _rivals(outlook: Outlook, basis: Basis, chosen: int) -> Iterator[int]:
        """Indices of other alternatives than the one ``chosen``: the best of them, and those that
        are expected to win enough by being known."""
        sizes, losses = outlook.memory_mb, stakes(outlook, basis.goal)
        gain = np.maximum(losses[:, [chosen]] - losses, 0.0).mean(axis=0)
        expected, at = loss(outlook).mean(axis=0), chosen
        apart = np.ones(sizes.size, dtype=bool)
        for rank in range(RIVALS):
            apart &= np.abs(np.log(sizes / sizes[at])) > APART
            if not apart.any():
                return
            order = gain if rank else -expected
            at = int(np.where(apart, order, -np.inf).argmax())
            if rank and gain[at] < _WORTH_ASKING:
                return
            yield at

    @staticmethod
    def _called_near(index: int, expected: FloatArray, sizes: IntArray, basis: Basis) -> int:
        """The size that was called most of those that are as good and make no difference."""
        near = np.abs(np.log(sizes / sizes[index])) <= APART
        near &= expected <= expected[index] * (1.0 + _AS_GOOD)
        calls = np.array([basis.calls.get(size, 0) for size in sizes.tolist()])
        best_known = int(np.where(near, calls, -1).argmax())
        return best_known if calls[best_known] else index

    def spent(self, samples: Sequence[Sample], seconds: float) -> Spent:
        """Requests made, what they cost as far as Lambda reported it, and the run's time."""
        question = self._question
        return spent_on(samples, question.rates, seconds, question.goal.ephemeral_mb)

    def _at(self, memory_mb: int) -> Setting:
        return Setting(memory_mb, self._question.goal.arch)

    def _fit(self, observations: Observations, *, sizes_differ: bool = False) -> Basis:
        """Fit the curve; ``sizes_differ`` from it each by something of its own, as measured."""
        ends, q = (int(self._sizes[0]), int(self._sizes[-1])), self._question
        listed = bool(q.recorded_mb)
        curve = fit(
            observations,
            seed=q.seed,
            range_mb=ends,
            recorded=listed or sizes_differ,
            listed=listed,
        )
        rounds_count, run_sd = q.run_sd > RUN_SD, q.run_sd  # rows of a recording have no rounds
        if rounds_count and sizes_differ:
            run_sd = float(np.hypot(run_sd, observations.drift.sd))
        return Basis(curve, observations, q.goal, q.rates, run_sd, q.enough, rounds_count, q.surest)

    def _probe(self, basis: Basis, open_mb: IntArray) -> int | None:
        """A size (MB) between the largest that failed and the smallest that worked, if the pick
        would move there: the middle, so that a few probes find where the function begins to run.
        """
        sizes = possible(self._sizes, basis.observations)
        gap = open_mb[open_mb < sizes[0]]
        if not basis.observations.infeasible_mb() or not gap.size:
            return None
        middle = int(gap[np.abs(np.log(gap**2 / (gap[0] * sizes[0]))).argmin()])
        if sizes[0] / middle < NEXT_SIZE:
            return None
        at = np.concatenate([[middle], sizes])
        expected = loss(look(basis, at)).mean(axis=0)
        return middle if expected[0] < expected[1:].min() else None

    def _again(self, samples: Sequence[Sample], spent: Spent) -> Ask | None:
        """More calls of the sizes at which each call so far raised an error, if they fit into the
        budget at what a call took so far: errors may come by chance."""
        ends: dict[int, list[Outcome]] = {int(size): [] for size in self._sizes}
        for sample in samples:
            if sample.purpose is Purpose.WARM and sample.memory_mb in ends:
                ends[sample.memory_mb].append(sample.outcome)
        counts = {
            self._at(size): ERRORS_IN_A_ROW - len(outcomes)
            for size, outcomes in ends.items()
            if set(outcomes) == {Outcome.FUNCTION_ERROR} and len(outcomes) < ERRORS_IN_A_ROW
        }
        fit_in = self._question.budget.affordable_alike(spent)
        ask = Ask(counts, "again, since every call there failed")
        return ask if 0 < ask.invocations <= fit_in else None

    def _without_data(
        self, open_mb: IntArray, spent: Spent, samples: Sequence[Sample]
    ) -> Ask | Done:
        """Ask for a larger size while there is one, as nothing has worked yet."""
        q = self._question
        tried = {s.memory_mb for s in samples}
        untried = np.array([m for m in open_mb if int(m) not in tried], dtype=np.int64)
        reason = q.budget.ran_out(spent)
        if reason or not untried.size or len(samples) >= q.plan.least * 2:
            return Done(reason or "no invocation succeeded", settled=False)
        return Ask(
            {self._at(int(untried[-1])): 2}, "the largest size, since nothing has worked yet"
        )

    def _beliefs(self, basis: Basis) -> Beliefs:
        q, observations = self._question, basis.observations
        sizes = possible(self._sizes, observations)
        outlook = look(basis, sizes)
        losses = stakes(outlook, q.goal)
        askable = self._askable(sizes, losses)
        at = basis.curve.evaluate(askable)
        cost = usd_per_million(billed_ms(at.mean_ms), askable, Goal(), q.rates) / MILLION
        return Beliefs(
            choice_mb=sizes,
            loss=losses,
            ask_mb=askable,
            log_ms=at.log_ms,
            sd=at.sd.mean(axis=0),
            price_usd=cost.mean(axis=0),
            seconds=at.mean_ms.mean(axis=0) / 1000.0,
            pick=best(outlook, q.goal),
            arch=q.goal.arch,
            beside_mb=self._beside(outlook, basis),
        )

    def _beside(self, outlook: Outlook, basis: Basis) -> int | None:
        """The best of the sizes (MB) that were called, while it lacks calls of its own; ``None``
        where minutes make no difference, as in a recording."""
        called = np.flatnonzero(np.isin(outlook.memory_mb, list(basis.calls)))
        if not called.size or not basis.rounds_count:
            return None
        size = int(outlook.memory_mb[called[best(outlook.only(called), basis.goal)]])
        return size if basis.calls[size] < basis.enough else None

    def _askable(self, sizes: IntArray, losses: FloatArray) -> IntArray:
        """A spread over the range, and more closely around the sizes that may be best."""
        spread = sizes[np.unique(np.linspace(0, sizes.size - 1, _ASKABLE // 2).astype(int))]
        likely = sizes[np.argsort(losses.mean(axis=0))[: _ASKABLE // 2]]
        return np.unique(np.concatenate([spread, likely]))

    def _drawn_sizes(self, observations: Observations) -> IntArray:
        """Sizes to draw the curve at: the range, fine enough for steps to look like steps."""
        low = min(int(self._sizes[0]), int(observations.sizes_mb[0]))
        high = max(int(self._sizes[-1]), int(observations.sizes_mb[-1]))
        fine = np.round(np.geomspace(low, high, 200)).astype(np.int64)
        return np.unique(np.concatenate([fine, observations.sizes_mb]))


def choosable(question: Question) -> IntArray:
    """The sizes that may be chosen: of a range, the function's current size is one too."""
    sizes, current = candidates(question.wish, question.recorded_mb), question.goal.current_mb
    if question.grid_samples is not None and question.wish.range_mb and not question.recorded_mb:
        sizes = np.union1d(sizes, grid_sizes(question.wish))
    if current is None or question.recorded_mb or question.wish.sizes_mb:
        return sizes
    if not sizes[0] <= current <= sizes[-1]:
        return sizes
    return np.unique(np.append(sizes, np.int64(current)))
