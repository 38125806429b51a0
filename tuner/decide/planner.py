"""The planner of a sweep: which sizes on which architectures next, until the choice is settled.

Each architecture has the decisions of ``decide.py``, a curve and samples of its own, and a fair
share of one budget. One that has hardly a chance left is not asked further; when all are settled
and the choice between them is not, their best sizes are asked again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tuner.decide.between import ArchChoice, choose_between
from tuner.decide.decide import Decider, Question, Standing
from tuner.planning.ask import Ask, Done, SoFar
from tuner.planning.budget import Budget, Spent, spent_on
from tuner.records import Sample, Setting
from tuner.sample_table import SampleTable, table_of
from tuner.store.documents import calm

#: With less probability than this of being the best, an architecture is out of the race.
_HARDLY = 0.02


class SizesPlanner:
    """Plans a sweep, over one architecture or several, on what could be made callable so far."""

    def __init__(
        self, questions: Mapping[str, Question], limit: Budget, here: str | None = None
    ) -> None:
        """``questions`` by architecture, ``limit`` for all of them together; ``here`` is the
        architecture that the function has now, where its size is known."""
        self._questions, self._limit, self._here = questions, limit, here
        self._race = Race(questions, limit, here)
        self._failed = 0

    def next(self, so_far: SoFar) -> Ask | Done:
        """Return the calls to make next, or why no more are needed."""
        samples, failed = calm(so_far.samples), so_far.failed
        if self._failed != len(failed):
            lost = lost_arches(samples, failed, self._questions)
            left = {a: left_of(q, failed) for a, q in self._questions.items() if a not in lost}
            self._race, self._failed = Race(left, self._limit, self._here), len(failed)
        return self._race.step(samples, so_far.spent.seconds)


def left_of(question: Question, failed: Mapping[Setting, str]) -> Question:
    """The question of an architecture over the sizes that could be made callable."""
    arch = question.goal.arch
    return question.without({each.memory_mb for each in failed if each.arch == arch})


def lost_arches(
    samples: Sequence[Sample], failed: Mapping[Setting, str], arches: Collection[str]
) -> dict[str, str]:
    """Those of several architectures that could not be measured at all, and why."""
    heard = {kind.setting.arch for kind in table_of(samples).counts()}
    why = {each.arch: failed[each] for each in sorted(failed, reverse=True)}
    lost = {arch: why[arch] for arch in arches if arch in why and arch not in heard}
    return lost if len(arches) > 1 else {}


class Race:
    """Holds architectures against one another. Remembers curves, which depend on samples alone."""

    def __init__(
        self, questions: Mapping[str, Question], limit: Budget, here: str | None = None
    ) -> None:
        self._questions = questions
        self._limit = limit
        self._here = here
        self._stood: dict[str, tuple[int, Standing | None]] = {}

    def step(self, samples: Sequence[Sample], seconds: float) -> Ask | Done:
        """Return the calls to make next, given all samples and the seconds taken."""
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
                asks[arch] = found
            else:
                ends.append(found)
        return self._together(asks) if asks else self._between(of, spent, ends)

    def _together(self, asks: Mapping[str, Ask]) -> Ask:
        """All asks as one, so that their calls are made in the same round."""
        arches: dict[str, list[str]] = {}
        for arch, ask in asks.items():
            arches.setdefault(ask.why, []).append(arch)
        several = len(self._questions) > 1
        words = [f"{why} on {' and '.join(on)}" if several else why for why, on in arches.items()]
        counts = {setting: n for ask in asks.values() for setting, n in ask.counts.items()}
        return Ask(counts, "; ".join(words))

    def spent(self, samples: Sequence[Sample], seconds: float) -> Spent:
        """Requests made, what they cost on each architecture, and the run's time."""
        of = by_arch(samples, self._questions)
        cost = sum(self._own(arch, of[arch], 0.0).cost_usd for arch in of)
        return Spent(len(samples), cost, seconds)

    def _own(self, arch: str, samples: Sequence[Sample], seconds: float) -> Spent:
        question = self._questions[arch]
        return spent_on(samples, question.rates, seconds, question.goal.ephemeral_mb)

    def chosen(self, samples: Sequence[Sample]) -> ArchChoice | None:
        """The choice between architectures as it stands; ``None`` while none has a curve."""
        return self.choose(self.standings(samples))

    def choose(self, standings: Mapping[str, Standing]) -> ArchChoice | None:
        """The choice between architectures that stand like this."""
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
        if len(of) < 2 or question.grid_samples is not None or not heard:
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
        """Budget of an architecture: its own use so far, and its part of what is left."""
        own, limit = self._own(arch, of[arch], spent.seconds), self._limit
        most, money = limit.invocations, limit.cost_usd
        if most is not None:
            left = max(0, most - spent.invocations)
            most = own.invocations + left // racing + (place < left % racing)
        if money is not None:
            money = own.cost_usd + max(0.0, money - spent.cost_usd) / racing
        return replace(limit, invocations=most, cost_usd=money)

    def _between(
        self, of: Mapping[str, Sequence[Sample]], spent: Spent, ends: Sequence[Done]
    ) -> Ask | Done:
        """Each architecture is done: whether the choice between them is, too."""
        unsettled = [end for end in ends if not end.settled]
        question = next(iter(self._questions.values()))
        if unsettled or question.grid_samples is not None or len(of) < 2:
            return (unsettled or list(ends))[0]
        chosen = self.chosen([sample for samples in of.values() for sample in samples])
        if chosen is None or chosen.confidence >= question.plan.confidence:
            return Done("settled: no further call is expected to change the answer", settled=True)
        return self._ask_again(of, spent, chosen) or Done(
            "no further invocation is worth its cost", settled=True
        )

    def _ask_again(
        self, of: Mapping[str, Sequence[Sample]], spent: Spent, chosen: ArchChoice
    ) -> Ask | None:
        """The best sizes of those that may be the best, again; ``None`` when that is in vain."""
        rivals = [arch for arch in of if chosen.chances.get(arch, 0.0) >= _HARDLY]
        asks = {}
        for place, arch in enumerate(rivals):
            stood, plan = self._stand(arch, of[arch]), self._questions[arch].plan
            assert stood is not None, "it has a chance"
            size, (cost, time) = stood.memory_mb, stood.means
            own = self._own(arch, of[arch], spent.seconds)
            share = self._share(arch, of, spent, place, len(rivals))
            count = min(plan.repeats, share.affordable(own, cost / 1e6, time / 1000.0))
            had = sum(sample.memory_mb == size for sample in of[arch])
            if count and had < plan.precise_until and not share.ran_out(own):
                asks[arch] = Ask({Setting(size, arch): count}, "comparing the best size")
        return self._together(asks) if asks else None

    def _stand(self, arch: str, samples: Sequence[Sample]) -> Standing | None:
        known = self._stood.get(arch)
        if known is None or known[0] != len(samples):
            known = (len(samples), Decider(self._questions[arch]).stand(samples))
            self._stood[arch] = known
        return known[1]


def by_arch(
    samples: Sequence[Sample], arches: Mapping[str, object] | Sequence[str]
) -> dict[str, SampleTable]:
    """The samples of each of these architectures, in their order; an empty table where none."""
    table = table_of(samples)

    def on(arch: str) -> SampleTable:
        return table.only(lambda kind: kind.setting.arch == arch)

    return {arch: on(arch) for arch in arches}
