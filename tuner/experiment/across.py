"""The samples of one run over architectures so far, and how to get more."""

from collections.abc import Iterator, Mapping

from tuner.decide.across import AcrossDecider, by_arch
from tuner.decide.cold_plan import cold_plan
from tuner.decide.conclude_across import Side
from tuner.decide.decide import Decider
from tuner.experiment.errand import Errand
from tuner.experiment.gathering import Watcher, keep_each
from tuner.experiment.session import Session
from tuner.experiment.wiring import Parts
from tuner.options.sides import left_of
from tuner.planning.ask import Ask, Done
from tuner.records import Advice, Sample, Setting


class AcrossGathering:
    """What was measured, what could not be, and the next steps. ``parts.target`` has several
    architectures."""

    def __init__(self, parts: Parts, errand: Errand, watcher: Watcher) -> None:
        facts = errand.run.facts
        self.samples = list(errand.before)
        self.session = Session(parts.target, parts.engine, facts, errand.conditions())
        self._parts, self._errand, self._watcher = parts, errand, watcher
        self._asked: set[Setting] = set()
        self._decider = self._new_decider()

    def sides(self) -> Mapping[str, Side]:
        """What is asked on each architecture, over what could be made callable."""
        return left_of(self._errand.sides, self.session.failed)

    def lost(self) -> dict[str, str]:
        """Architectures that could not be measured at all, and why."""
        failed, of = self.session.failed, by_arch(self.samples, self._errand.sides)
        found = {}
        for arch in of:
            asked = [setting for setting in self._asked if setting.arch == arch]
            if asked and not of[arch] and all(setting in failed for setting in asked):
                found[arch] = failed[min(asked)]
        return found

    def advice(self) -> tuple[Advice, ...]:
        """What a reader has to know of architectures that are missing."""
        return tuple(
            Advice("architecture-lost", f"{arch} could not be measured: {why}. {_NEXT}")
            for arch, why in self.lost().items()
        )

    def until_settled(self) -> Done:
        """Ask the plan, invoke what it wants on all architectures at once, until it is done."""
        while True:
            known = len(self.samples), len(self.session.failed)
            found = self._decider.step(self.samples, seconds=self._seconds())
            if self._watcher.stop():
                return Done("stopped by the user", settled=False)
            if isinstance(found, Done):
                return found
            self._measure(found)
            if len(self.session.failed) > known[1]:
                self._decider = self._new_decider()
            if known == (len(self.samples), len(self.session.failed)):
                return Done("nothing more could be measured", settled=False)

    def cold_starts(self) -> None:
        """Force cold starts at the best size and both ends of each architecture."""
        asks = {arch: Ask(n, f"cold starts on {arch}") for arch, n in self._cold_plans().items()}
        if asks and not self._watcher.stop():
            self._keep(self.session.cold(self._shown(asks)))

    def _cold_plans(self) -> dict[str, dict[int, int]]:
        """Cold starts to force by architecture and size (MB), where there can be any."""
        errand, plans = self._errand, {}
        of = by_arch(self.samples, errand.sides)
        spent = self._decider.spent(self.samples, self._seconds())
        limit = errand.limit.part(spent, len(of))
        for arch, side in self.sides().items():
            facts = errand.run.facts.on(arch)
            if facts.platform.get("recorded_cold_starts", True):
                pick = Decider(side.question).answer(of[arch]).recommendation
                plans[arch] = cold_plan(of[arch], pick, errand.cold, limit, spent)
        return {arch: plan for arch, plan in plans.items() if plan}

    def _measure(self, asks: Mapping[str, Ask]) -> None:
        wanted = self._shown(asks)
        self._asked |= wanted.keys()
        self._keep(self.session.warm(wanted))

    def _shown(self, asks: Mapping[str, Ask]) -> dict[Setting, int]:
        """All that is asked, by setting; told to whoever looks on."""
        for ask in asks.values():
            self._watcher.asked(ask)
        return {
            Setting(size, arch): count
            for arch, ask in asks.items()
            for size, count in ask.counts.items()
        }

    def _keep(self, arriving: Iterator[Sample]) -> None:
        keep_each(arriving, self.samples, self._parts, self._errand, self._watcher, self.session)

    def _seconds(self) -> float:
        return self._parts.clock.monotonic() - self._parts.origin_s

    def _new_decider(self) -> AcrossDecider:
        """Over what is left; an architecture that cannot be measured is asked no more."""
        lost, facts = self.lost(), self._errand.run.facts
        questions = {arch: side.question for arch, side in self.sides().items() if arch not in lost}
        here = facts.arch if facts.memory_mb is not None else None
        return AcrossDecider(questions, self._errand.question.budget, here)


#: What a reader can do about an architecture that is missing.
_NEXT = "Its code, layers or image have to be built for it first."
