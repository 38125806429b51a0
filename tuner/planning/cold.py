"""Cold starts of a sweep: few, since each costs a fresh version.

INIT runs at full speed whatever the memory, so it is much the same at every size; the first call
after it is not. The pick, and the smallest and largest size that worked, show both.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence

from tuner.planning.ask import Ask, Done, How, Stepwise
from tuner.planning.budget import Budget, Spent
from tuner.records import Outcome, Purpose, Sample, Setting

#: Cold starts per size unless the user says otherwise.
COLD_STARTS = 5


class Once(Stepwise):
    """Asks that are known beforehand, one after another."""

    def __init__(self, asks: Iterable[Ask], done: str) -> None:
        super().__init__()
        self._asks, self._done = asks, Done(done, settled=True)

    def steps(self) -> Generator[Ask, None, Done]:
        """Yield them."""
        yield from self._asks
        return self._done


class ColdStarts(Stepwise):
    """Plans the cold starts around the pick of each architecture.

    ``each`` is the user's number per size; ``None`` is the default, which a limit on invocations,
    money or time cuts down to what is left. What the run has already is not asked again.
    """

    def __init__(self, picks_mb: Mapping[str, int | None], each: int | None, limit: Budget) -> None:
        super().__init__()
        self._picks, self._each, self._limit = picks_mb, each, limit

    def steps(self) -> Generator[Ask, None, Done]:
        """Ask once, for all architectures."""
        limit = self._limit.part(self.so_far.spent, max(1, len(self._picks)))
        counts: dict[Setting, int] = {}
        for arch, pick_mb in self._picks.items():
            own = [sample for sample in self.so_far.samples if sample.arch == arch]
            wanted = cold_plan(own, pick_mb, self._each, limit, self.so_far.spent)
            counts.update({Setting(size, arch): count for size, count in wanted.items()})
        if counts:
            yield Ask(counts, "cold starts", How.COLD)
        return Done("every cold start was forced", settled=True)


def cold_plan(
    samples: Sequence[Sample], pick_mb: int | None, each: int | None, limit: Budget, spent: Spent
) -> dict[int, int]:
    """Cold starts to force per size (MB) of one architecture."""
    worked = sorted({s.memory_mb for s in samples if s.outcome is Outcome.OK})
    if not worked or each == 0:
        return {}
    sizes = sorted({worked[0], worked[-1], *([] if pick_mb is None else [pick_mb])})
    seen = [s for s in samples if s.cold and s.purpose is not Purpose.WARM_UP]  # as tables count
    had = {size: sum(s.memory_mb == size for s in seen) for size in sizes}
    wanted = {size: max(0, (each or COLD_STARTS) - had[size]) for size in sizes}
    if each is None:
        share = _affordable(samples, limit, spent) // len(sizes)
        wanted = {size: min(n, share) for size, n in wanted.items()}
    return {size: n for size, n in wanted.items() if n > 0}


def _affordable(samples: Sequence[Sample], limit: Budget, spent: Spent) -> int:
    count = max(1, spent.invocations)
    longest = max((s.done_s - s.sent_s for s in samples), default=0.0)
    return limit.affordable(spent, 2.0 * spent.cost_usd / count, 2.0 * longest)
