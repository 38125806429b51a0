"""The planner of sizes under load: a few, since each takes as long as the whole profile.

The pick, the sizes beside it, and the current one. Where the pick does not bear the load, larger
ones, as long as that helps; what bears it moves the pick, and its neighbours follow.
"""

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from tuner.billing.cost import billed_ms, cost_usd
from tuner.decide.decide import Conclusion, Decider, Question
from tuner.decide.load_result import SizeUnderLoad, load_words
from tuner.decide.planner import by_arch, left_of
from tuner.decide.under_load import chosen_under_load, judged_by_load, sizes_under_load
from tuner.engine.batches import SizeLoad
from tuner.planning.ask import Ask, Done, How, SoFar
from tuner.planning.budget import Budget, Spent
from tuner.planning.sizes import USUAL_MB, candidates, grid_sizes
from tuner.records import Outcome, Sample, Setting
from tuner.store.documents import LoadTerms, SizeLoads, calm
from tuner.units import format_memory

#: An adaptive sweep puts at most so many sizes under load, and without objectives so many.
MOST, MOST_WITHOUT_SLO = 6, 4
#: Sizes that differ by less are not worth a load each.
_APART = 1.25
#: Where nothing bears the load, the next size is so many times as large: from 128 MB, five steps
#: come to 1,342 MB.
_STEP_UP = 1.6
#: A larger size that misses by no less than this share of the last one's miss ends the climb.
_HELPS = 0.95
#: A size is called alone this often before its load, once at least, so that it starts warm.
_ALONE = 3


class LoadsPlanner:
    """Plans a load on one size after another; architectures, if there are several, take turns."""

    def __init__(self, questions: Mapping[str, Question], load: SizeLoad, limit: Budget) -> None:
        self._questions, self._load, self._limit = questions, load, limit

    def next(self, so_far: SoFar) -> Ask | Done:
        """Return the next load, unless enough is known or it does not fit into what is left."""
        loaded = [frame.setting.arch for frame in so_far.loads]
        of = by_arch(so_far.samples, self._questions)
        for arch in sorted(self._questions, key=loaded.count):
            size = self._size(left_of(self._questions[arch], so_far.failed), of[arch], so_far)
            if size is None:
                continue
            calls, after = self._after(self._questions[arch], size, of[arch], so_far.spent)
            if reason := self._limit.ran_out(after):
                reason = f"{reason} before a load on {format_memory(size)} could end"
                return Done(reason, settled=False)
            had = sum(s.memory_mb == size and s.outcome is Outcome.OK for s in of[arch])
            setting = Setting(size, arch, load=self._load.profile.name)
            words = f"under {load_words(terms_of(self._load))}"
            alone = max(1, _ALONE - had)
            return Ask({setting: calls}, words, How.LOAD, self._load, alone)
        return Done("sizes were compared under load", settled=True)

    def _size(self, question: Question, samples: Sequence[Sample], so_far: SoFar) -> int | None:
        """The size (MB) of this architecture to load next, or ``None``."""
        asked, arch = terms_of(self._load), question.goal.arch
        loads = SizeLoads(asked, tuple(f for f in so_far.loads if f.setting.arch == arch))
        rows = sizes_under_load(loads, samples, question.goal, question.rates)
        answer = chosen_under_load(Decider(question).answer(calm(samples)), question, asked, rows)
        failed = {each.memory_mb for each in so_far.failed if each.arch == arch}
        return next_under_load(question, answer, rows, failed)

    def _after(
        self, question: Question, size: int, samples: Sequence[Sample], spent: Spent
    ) -> tuple[int, Spent]:
        """Calls of a load on this size, and what will be spent after it."""
        profile = self._load.profile
        each_usd, each_s = _one_call(question, size, samples)
        calls = profile.calls
        if calls is None:
            calls = profile.users * profile.duration_s / max(each_s, 1e-3)
        return round(profile.calls or 0), Spent(
            spent.invocations + round(calls),
            spent.cost_usd + calls * each_usd,
            spent.seconds + profile.duration_s,
        )


def _one_call(question: Question, size: int, samples: Sequence[Sample]) -> tuple[float, float]:
    """US dollars and seconds of one call, from the nearest size that was called alone."""
    known = [s for s in calm(samples) if s.duration_ms is not None]
    if not known:
        return 0.0, 0.0
    nearest = min((s.memory_mb for s in known), key=lambda each: abs(each - size))
    took = fmean(s.duration_ms or 0.0 for s in known if s.memory_mb == nearest)
    return cost_usd(billed_ms(took), size, question.rates), took / 1000.0


def next_under_load(
    question: Question, answer: Conclusion, loads: Sequence[SizeUnderLoad], failed: Collection[int]
) -> int | None:
    """The size (MB) to load next, or ``None`` when enough is known.

    ``answer`` is the one of :func:`tuner.decide.under_load.chosen_under_load` for ``loads``,
    which are in the order in which they were made.
    """
    tried = {load.memory_mb for load in loads}
    seen, pick = answer.observations, answer.recommendation
    if seen is None or pick is None:
        return None
    if question.grid_samples is not None:
        sizes = grid_sizes(question.wish, question.recorded_mb)
        left = [s for s in sizes if s > seen.infeasible_mb() and s not in {*tried, *failed}]
        return min(left, default=None)
    ladder = sorted({*_ladder(question, answer), *tried} - set(failed))
    wanted = _wanted(question, loads, ladder, pick.memory_mb)
    most = MOST if judged_by_load(question.goal) else MOST_WITHOUT_SLO
    left = [size for size in wanted if size is not None and size not in {*tried, *failed}]
    return left[0] if left and len(tried) < most else None


def _wanted(
    question: Question, loads: Sequence[SizeUnderLoad], ladder: Sequence[int], pick_mb: int
) -> list[int | None]:
    """Sizes in the order in which they are of interest, tried ones among them."""
    if not loads:
        return [pick_mb]
    if judged_by_load(question.goal) and not any(load.met for load in loads):
        return [_step_up(ladder, loads)] if _helps(loads) else []
    current = question.goal.current_mb
    beside = [_below(ladder, pick_mb), _above(ladder, pick_mb)]
    return [pick_mb, *beside, current if current in ladder else None]


def _step_up(ladder: Sequence[int], loads: Sequence[SizeUnderLoad]) -> int | None:
    """A clearly larger size than any so far; the largest there is, at the end or as the last."""
    largest = max(load.memory_mb for load in loads)
    above = [each for each in ladder if each >= largest * _STEP_UP]
    return above[0] if above and len(loads) < MOST - 1 else max(ladder, default=None)


def _helps(loads: Sequence[SizeUnderLoad]) -> bool:
    """True if the last step up came nearer to the objectives."""
    misses = [load.miss for load in sorted(loads, key=lambda load: load.memory_mb)]
    return len(misses) < 2 or misses[-1] < _HELPS * misses[-2]


def _ladder(question: Question, answer: Conclusion) -> list[int]:
    """Sizes worth a load, ascending: those measured or usual, the pick and the current one."""
    offered = candidates(question.wish, question.recorded_mb)
    assert answer.observations is not None and answer.recommendation is not None
    if question.wish.sizes_mb:
        sizes = {int(size) for size in offered}
    else:
        sizes = {int(size) for size in answer.observations.sizes_mb} | set(USUAL_MB)
        sizes |= {answer.recommendation.memory_mb, question.goal.current_mb or 0}
    least = max(int(offered[0]), answer.observations.infeasible_mb() + 1)
    return sorted(size for size in sizes if least <= size <= int(offered[-1]))


def _above(ladder: Sequence[int], size: int) -> int | None:
    return min((each for each in ladder if each >= size * _APART), default=None)


def _below(ladder: Sequence[int], size: int) -> int | None:
    return max((each for each in ladder if each * _APART <= size), default=None)


def terms_of(load: SizeLoad) -> LoadTerms:
    """Return what a load asks, in plain values."""
    profile, closed = load.profile, load.profile.users > 0
    return LoadTerms(
        profile=profile.name,
        about=profile.about,
        arrival=None if closed else profile.arrival,
        peak_rps=profile.peak_per_s,
        users=profile.users or None,
        think_s=profile.think_s if closed else None,
        seconds=profile.duration_s,
        retry=load.sending.retry,
        lanes=load.sending.concurrency,
    )
