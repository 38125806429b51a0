"""One case from its functions to its verdicts: measure, judge, and confirm what would alarm.

What is wrong with a case's function ends the case and not the suite. Statistics, sending and
storing are done elsewhere.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tuner.errors import TunerError
from tuner.experiment.experiment import Experiment
from tuner.experiment.recommend import cost_of
from tuner.experiment.wiring import Context
from tuner.measure.failures import causes_of, shortened
from tuner.options.payloads import read_payloads
from tuner.options.size_load import size_load
from tuner.records import Advice, Backend, RunRecord, Sample, Setting
from tuner.suites.baseline import Reference, differences, experienced, find_reference
from tuner.suites.judgement import confirming_rules
from tuner.suites.moment import doubts, of_baseline
from tuner.suites.result import CaseResult, CaseSpend, CaseState, Design, SideOf, SizeResult
from tuner.suites.rounds import RoundPlan, Rounds, Stored, Verdicts, able
from tuner.suites.sides import Opening, Role, open_sides
from tuner.suites.suite import Case
from tuner.suites.trial import BenchContext, OpenCase, Trial, trial
from tuner.suites.verdict import alarming, confirmed


def run_case(case: Case, bench: BenchContext) -> CaseResult:
    """Measure and judge one case; an error of its function, or of the store, is its result."""
    against = bench.options.against or case.against
    design = Design.BASELINE if against is None else Design.INTERLEAVED
    empty = CaseResult(case.name, case.target, CaseState.FAILED, design, case.tags)
    clock = bench.onlooker.clock
    began_s = clock.monotonic()
    opening = Opening(clock, began_s, bench.seed, bench.onlooker.say)
    control = case.control and against is None
    try:
        reference = find_reference(bench.store, bench.places(case)) if against is None else None
        payloads = read_payloads(case.options, clock)
        with open_sides(case, against, control, opening) as sides:
            context = Context(sides.target, sides.engine, bench.store, clock, began_s)
            cost = cost_of(sides.candidate.facts)
            opened = OpenCase(case, bench, context, sides, payloads, cost)
            return _Running(opened, reference).result(empty)
    except TunerError as error:
        spend = CaseSpend(seconds=clock.monotonic() - began_s)
        return replace(empty, reason=f"{error.thing}: {error.reason}", spend=spend)


@dataclass
class _Running:
    """A case whose functions are open, and its baseline."""

    of: OpenCase
    reference: Reference | None
    confirming: tuple[str, ...] = ()

    @property
    def _settings(self) -> tuple[Setting, ...]:
        return self.of.sides.settings

    def result(self, empty: CaseResult) -> CaseResult:
        """Measure, judge, confirm."""
        with trial(self.of, first=(0, 0)) as first:
            state, design, reason = self._standing(first.sides[Role.AFTER].run)
            plan = self._plan(design)
            found = _judged(first.experiment, plan)
            self.of.warnings.extend(self.of.sides.target.doubts())
        failed, stopped = first.experiment.session.failed, first.experiment.stopped
        sizes: list[SizeResult] = []
        if found and stopped is None:
            sizes, stopped = self._confirm(found, plan, first)
        if stopped is not None:
            state, reason = CaseState.INTERRUPTED, stopped
        elif not found:
            state, reason = CaseState.FAILED, "; ".join(sorted(set(failed.values())))
        if found:
            self.of.warnings.extend(self._left_out(failed))
        self.of.warnings.extend(_failures(self.of.samples))
        before = first.sides.get(Role.BEFORE)
        if design is Design.BASELINE and self.reference is not None:
            before = self.reference.side
        return replace(
            empty,
            state=state,
            design=design,
            reason=reason,
            before=before,
            after=self._doubted(first),
            control=first.sides.get(Role.CONTROL),
            confirming=self.confirming,
            sizes=tuple(sizes),
            spend=self._spend(),
            warnings=(*self.of.sides.notes, *self.of.warnings),
        )

    def _doubted(self, first: Trial) -> SideOf:
        """The candidate, with what its moment says against it as a baseline."""
        after, samples = first.sides[Role.AFTER], self._samples(first, Role.AFTER)
        run = replace(after.run, warnings=(*after.run.warnings, *self.of.warnings))
        return replace(after, doubts=doubts(run, samples, self._samples(first, Role.CONTROL)))

    def _samples(self, first: Trial, role: Role) -> list[Sample]:
        return [s for s in first.experiment.book.samples if Role.of(s.setting) is role]

    def _standing(self, now: RunRecord) -> tuple[CaseState, Design, str | None]:
        """State, design and reason by what the candidate can be held against."""
        if self.of.sides.of(Role.BEFORE) is not None:
            return CaseState.JUDGED, Design.INTERLEAVED, None
        if self.reference is None:
            reason = "`tuner bench accept` makes this run the first one"
            return CaseState.NO_BASELINE, Design.ALONE, reason
        unlike = differences(self.reference.run, now)
        if unlike:
            reason = f"the baseline cannot be compared; they differ in {', '.join(unlike)}"
            return CaseState.REFUSED, Design.ALONE, reason
        return self._settings_of(self.reference)

    def _settings_of(self, reference: Reference) -> tuple[CaseState, Design, str | None]:
        """The same, by the sizes that the baseline has of the candidate's."""
        known = {sample.setting.alone for sample in reference.samples}
        lacking = [each for each in self._settings if each not in known]
        listed = self._listed(lacking)
        if len(lacking) == len(self._settings):
            measured = self._listed(sorted(known)) or "no"
            reason = f"the baseline was measured at {measured} MB, and not at {listed} MB"
            return CaseState.REFUSED, Design.ALONE, reason
        if lacking:
            text = f"The baseline has no {listed} MB; accept a new one to judge that."
            self._warn("size-without-baseline", text)
        return CaseState.JUDGED, Design.BASELINE, None

    def _listed(self, settings: Iterable[Setting]) -> str:
        """Sizes, with their architectures where there are several."""
        several = self.of.sides.several_arches
        words = (f"{s.memory_mb:,} ({s.arch})" if several else f"{s.memory_mb:,}" for s in settings)
        return ", ".join(dict.fromkeys(words))

    def _warn(self, code: str, text: str) -> None:
        self.of.warnings.append(Advice(code, text))

    def _plan(self, design: Design) -> RoundPlan:
        case, sides, bench = self.of.case, self.of.sides, self.of.bench
        cold = case.cold_starts
        if cold and sides.deployed:
            text = "Cold starts are not forced: a published version is called as it is."
            self._warn("no-cold-starts", text)
            cold = 0
        stored, rules = Stored(), bench.rules
        if design is Design.BASELINE and self.reference is not None:
            stored = Stored.of(self.reference.samples, self.reference.control)
            place = self.reference.baseline.place
            rules, told = experienced(rules, bench.store, place)
            self.of.warnings.extend(told)
            self._warn_of_control(self.reference)
            if (doubtful := of_baseline(case.name, self.reference.doubts)) is not None:
                self.of.warnings.append(doubtful)
        facts = sides.candidate.facts
        return RoundPlan(
            gates=dict.fromkeys(sides.settings, case.gates),
            roles=sides.roles,
            rules=rules,
            design=design,
            most=case.most,
            cost=self.of.cost,
            cold=cold,
            full=bench.options.full or design is Design.ALONE,
            load=size_load(case.options, facts) if case.loaded else None,
            stored=stored,
            apart=facts.backend is Backend.REPLAY,
        )

    def _warn_of_control(self, reference: Reference) -> None:
        sides = self.of.sides
        both = sides.of(Role.CONTROL) is not None and bool(reference.control)
        if not both and sides.candidate.facts.backend is not Backend.REPLAY:
            text = (
                "No control was called both times, so the platform's own drift counts against "
                "every verdict; leave control = true in the suite."
            )
            self._warn("no-control", text)

    def _confirm(
        self, found: Verdicts, plan: RoundPlan, first: Trial
    ) -> tuple[list[SizeResult], str | None]:
        """Measure what would alarm once more, from fresh sandboxes; nothing counts without. Also
        say what has stopped that."""
        alarms = {each: gates for each, judged in found.items() if (gates := alarming(judged))}
        again: Verdicts = {}
        stopped = None
        if alarms:
            self.of.bench.onlooker.say(f"{self.of.case.name}: confirming what looks slower")
            rules = confirming_rules(plan.rules, sum(map(len, alarms.values())))
            anew = replace(plan, gates=alarms, rules=rules, full=False)
            with trial(self.of, first.experiment.session.next_numbers, confirming=True) as second:
                again = _judged(second.experiment, anew)
            stopped = second.experiment.stopped
            both = (second.sides.get(Role.BEFORE), second.sides[Role.AFTER])
            self.confirming = tuple(side.id for side in both if side is not None)
        several = self.of.sides.several_arches
        sizes = [
            SizeResult(
                each.memory_mb,
                confirmed(judged, again.get(each, ())),
                judged if each in alarms else None,
                each.arch if several else None,
            )
            for each, judged in found.items()
        ]
        return sizes, stopped

    def _left_out(self, failed: dict[Setting, str]) -> list[Advice]:
        of = {each._replace(code="", load=""): why for each, why in sorted(failed.items())}
        if all(each.code == Role.CONTROL.code for each in failed):
            return [
                Advice("no-control", f"No control was called: {why}.") for why in {*of.values()}
            ]
        return [
            Advice("size-failed", f"{self._listed([each])} MB is left out: {why}.")
            for each, why in of.items()
        ]

    def _spend(self) -> CaseSpend:
        usd, samples = None, self.of.samples
        if self.of.sides.candidate.facts.backend is Backend.AWS:
            usd = sum(cost for s in samples if (cost := self.of.cost(s)) is not None)
        return CaseSpend(len(samples), usd, self.of.context.seconds())


def _judged(experiment: Experiment, plan: RoundPlan) -> Verdicts:
    """Measure, and judge every setting that could be called on every side."""
    planner = Rounds(plan)
    experiment.run(planner)
    so_far = experiment.so_far()
    return planner.verdicts(so_far.samples, able(plan.gates, so_far.failed))


def _failures(samples: Sequence[Sample]) -> list[Advice]:
    """Warn of calls that failed, with the most frequent cause."""
    causes = causes_of(samples, limit=sys.maxsize)
    if not causes:
        return []
    first, count = causes[0], sum(cause.count for cause in causes)
    mostly = "mostly with" if len(causes) > 1 else "with"
    words = f"{count:,} of {len(samples):,} calls failed, {mostly} {shortened(first.words)}."
    return [Advice("failed-calls", words)]
