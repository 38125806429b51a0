"""The driver of a sweep over architectures: whose turn it is, until the choice between is settled.

Each architecture has the driver of an ordinary sweep (``decide.py``), a curve and samples of its
own, and a fair share of one budget. One that has hardly a chance left is not asked further; when
all are settled and the choice between them is not, their best sizes are asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tuner.decide.between import Chosen, choose_between
from tuner.decide.decide import Decider, Question, Standing
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent
from tuner.records import Sample

#: With less probability than this of being the best, an architecture is out of the race.
_HARDLY = 0.02


class AcrossDecider:
    """Answers ``step`` until it is done. Remembers curves, which depend on samples alone."""

    def __init__(
        self, questions: Mapping[str, Question], limit: Budget, here: str | None = None
    ) -> None:
        """``questions`` by architecture, ``limit`` for all of them together; ``here`` is the
        architecture that the function has now, where its size is known."""
        self._questions = questions
        self._limit = limit
        self._here = here
        self._stood: dict[str, tuple[int, Standing | None]] = {}

    def step(self, samples: Sequence[Sample], *, seconds: float = 0.0) -> dict[str, Ask] | Done:
        """What to invoke next on which architectures, given all samples and the seconds taken."""
        of = by_arch(samples, self._questions)
        if not of:
            return Done("no architecture could be measured", settled=False)
        spent = self.spent(samples, seconds)
        racing = self._racing(of)
        asks, ends = {}, []
        for place, arch in enumerate(racing):
            budget = self._share(arch, of, spent, place, len(racing))
            question = replace(self._questions[arch], budget=budget)
            found = Decider(question).step(of[arch], seconds=seconds)
            if isinstance(found, Ask):
                asks[arch] = replace(found, why=f"{found.why} on {arch}")
            else:
                ends.append(found)
        return asks or self._between(of, spent, ends)

    def spent(self, samples: Sequence[Sample], seconds: float) -> Spent:
        """Requests made, what they cost on each architecture, and the run's time."""
        of = by_arch(samples, self._questions)
        cost = sum(Decider(self._questions[arch]).spent(of[arch], 0.0).cost_usd for arch in of)
        return Spent(len(samples), cost, seconds)

    def chosen(self, samples: Sequence[Sample]) -> Chosen | None:
        """The choice between architectures as it stands; ``None`` while none has a curve."""
        standings = self.standings(samples)
        if not standings:
            return None
        first = next(iter(self._questions.values()))
        return choose_between(standings, first.goal, self._here)

    def standings(self, samples: Sequence[Sample]) -> dict[str, Standing]:
        """Every architecture that has a curve, as it stands."""
        of = by_arch(samples, self._questions)
        found = {arch: self._stand(arch, of[arch]) for arch in of}
        return {arch: standing for arch, standing in found.items() if standing is not None}

    def _racing(self, of: Mapping[str, Sequence[Sample]]) -> list[str]:
        """Architectures that are asked further: all, until each has had a fair hearing."""
        question = next(iter(self._questions.values()))
        heard = all(len(samples) >= question.plan.least for samples in of.values())
        if question.grid_samples is not None or not heard:
            return list(of)
        chosen = self.chosen([sample for samples in of.values() for sample in samples])
        if chosen is None:
            return list(of)
        return [arch for arch in of if chosen.chances.get(arch, 1.0) >= _HARDLY]

    def _share(
        self,
        arch: str,
        of: Mapping[str, Sequence[Sample]],
        spent: Spent,
        place: int,
        racing: int,
    ) -> Budget:
        """What an architecture may use up in all: its own so far, and its part of what is left."""
        own, limit = Decider(self._questions[arch]).spent(of[arch], spent.seconds), self._limit
        most, money = limit.invocations, limit.cost_usd
        if most is not None:
            left = max(0, most - spent.invocations)
            most = own.invocations + left // racing + (place < left % racing)
        if money is not None:
            money = own.cost_usd + max(0.0, money - spent.cost_usd) / racing
        return Budget(most, money, limit.seconds)

    def _between(
        self, of: Mapping[str, Sequence[Sample]], spent: Spent, ends: Sequence[Done]
    ) -> dict[str, Ask] | Done:
        """Each architecture is done: whether the choice between them is, too."""
        unsettled = [end for end in ends if not end.settled]
        question = next(iter(self._questions.values()))
        if unsettled or question.grid_samples is not None or len(of) < 2:
            return (unsettled or list(ends))[0]
        chosen = self.chosen([sample for samples in of.values() for sample in samples])
        if chosen is None or chosen.confidence >= question.plan.confidence:
            sure = "" if chosen is None else f": {chosen.confidence:.0%} sure over architectures"
            return Done(f"settled{sure}", settled=True)
        return self._ask_again(of, spent, chosen) or Done(
            "no further invocation is worth its cost", settled=False
        )

    def _ask_again(
        self, of: Mapping[str, Sequence[Sample]], spent: Spent, chosen: Chosen
    ) -> dict[str, Ask] | None:
        """The best sizes of those that may be the best, again; ``None`` when that is in vain."""
        rivals = [arch for arch in of if chosen.chances.get(arch, 0.0) >= _HARDLY]
        asks = {}
        for place, arch in enumerate(rivals):
            stood, plan = self._stand(arch, of[arch]), self._questions[arch].plan
            assert stood is not None, "it has a chance"
            size = int(stood.outlook.memory_mb[stood.index])
            time = float(stood.outlook.duration_ms[:, stood.index].mean())
            price = float(stood.outlook.cost[:, stood.index].mean()) / 1e6
            own = Decider(self._questions[arch]).spent(of[arch], spent.seconds)
            share = self._share(arch, of, spent, place, len(rivals))
            count = min(plan.repeats, share.affordable(own, price, time / 1000.0))
            had = sum(sample.memory_mb == size for sample in of[arch])
            if count and had < plan.precise_until and not share.ran_out(own):
                asks[arch] = Ask({size: count}, f"which architecture is better, {arch}")
        return asks or None

    def _stand(self, arch: str, samples: Sequence[Sample]) -> Standing | None:
        known = self._stood.get(arch)
        if known is None or known[0] != len(samples):
            known = (len(samples), Decider(self._questions[arch]).stand(samples))
            self._stood[arch] = known
        return known[1]


def by_arch(
    samples: Sequence[Sample], arches: Mapping[str, object] | Sequence[str]
) -> dict[str, list[Sample]]:
    """The samples of each of these architectures, in their order; an empty list where none."""
    of: dict[str, list[Sample]] = {arch: [] for arch in arches}
    for sample in samples:
        if sample.arch in of:
            of[sample.arch].append(sample)
    return of
