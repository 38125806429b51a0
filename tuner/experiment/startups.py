"""Measures one size under several ways to start, in turn, and keeps what belongs to which.

What costs money by the hour is asked for last, measured at once, and given up before anything
else is done.
"""

from tuner.billing.cost import kept_usd
from tuner.decide.cold_plan import COLD_STARTS
from tuner.errors import AccessDenied, ChangedUnderneath, TargetError
from tuner.experiment.errand import Errand
from tuner.experiment.gathering import Gathering, Watcher
from tuner.experiment.wiring import Parts
from tuner.measure.documents import STARTUPS, StartFacts, Startups
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Spent
from tuner.records import ON_DEMAND, Backend, provisioned
from tuner.store.plain import plain
from tuner.targets.seam import one_variant


def _turn(start: str) -> int:
    """What costs by the hour comes last."""
    return (start != ON_DEMAND) + (provisioned(start) > 0)


class StartupGathering:
    """The ways of one run: ``startups`` so far."""

    def __init__(
        self, parts: Parts, errand: Errand, gathering: Gathering, watcher: Watcher
    ) -> None:
        self.startups = Startups()
        self._parts, self._errand, self._watcher = parts, errand, watcher
        self._gathering = gathering

    def until_compared(self, memory_mb: int) -> Done:
        """Measure each way at this size (MB); one that fails is noted, and the next follows."""
        for startup in sorted(self._errand.startups, key=_turn):
            if self._watcher.stop():
                return Done("stopped by the user", settled=False)
            if (reason := self._errand.limit.ran_out(self._spent())) is not None:
                return Done(f"{reason} before {startup} was measured", settled=False)
            self._measure(startup, memory_mb)
        failed = [way.setting.start for way in self.startups.each if way.note is not None]
        if failed:
            return Done(f"{', '.join(failed)} could not be measured as planned", settled=False)
        return Done("every way to start was measured", settled=True)

    def _measure(self, startup: str, memory_mb: int) -> None:
        gathering, wanted = self._gathering, self._errand.cold or COLD_STARTS
        ready_s = paid_s = note = None
        if startup == ON_DEMAND:
            gathering.cold_starts({memory_mb: wanted})
            gathering.keep(gathering.session.warm(gathering.counts({memory_mb: wanted})))
            note = gathering.failed.get(memory_mb)
        else:
            ready_s, paid_s, note = self._started(startup, memory_mb, wanted)
        setting = gathering.setting(memory_mb)._replace(start=startup)
        way = StartFacts(setting, ready_s, paid_s, note)
        self.startups = Startups((*self.startups.each, way))
        self._parts.store.save_document(self._errand.run.run, STARTUPS, plain(self.startups))

    def _started(
        self, startup: str, memory_mb: int, wanted: int
    ) -> tuple[float | None, float | None, str | None]:
        """Start it otherwise and call it; seconds until it was ready and was paid, and a note."""
        target, clock = self._parts.target, self._parts.clock
        count = min(wanted, provisioned(startup) or wanted)
        if self._errand.run.facts.backend is Backend.AWS:  # there, only calls at once are first
            count = min(count, self._gathering.session.burst)
        self._watcher.asked(Ask({memory_mb: 2 * count}, f"starting as {startup}"))
        asked_s = clock.monotonic()
        try:
            setting = self._gathering.setting(memory_mb)._replace(start=startup)
            variant = one_variant(target, setting, stop=self._watcher.stop)
            ready_s = clock.monotonic() - asked_s
        except (AccessDenied, ChangedUnderneath):
            raise
        except TargetError as error:
            paid = clock.monotonic() - asked_s if provisioned(startup) else None
            return None, paid, error.reason
        try:
            self._gathering.keep(self._gathering.session.first_calls(variant, count))
        finally:
            if provisioned(startup):
                target.release(variant)
        return ready_s, clock.monotonic() - asked_s if provisioned(startup) else None, None

    def _spent(self) -> Spent:
        """What the run has used up so far; what a price that is not known costs is not in it."""
        gathering, facts = self._gathering, self._errand.run.facts
        spent = gathering.decider().spent(gathering.samples, gathering.seconds())
        prices = self._errand.prices.own
        kept = [
            kept_usd(s.provisioned, s.memory_mb, way.paid_s, prices, facts.runtime)
            for way in self.startups.each
            if (s := way.setting).start != ON_DEMAND
        ]
        return Spent(spent.invocations, spent.cost_usd + sum(k or 0.0 for k in kept), spent.seconds)
