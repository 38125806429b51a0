"""One case from its functions to its verdicts: measure, judge, and confirm what would alarm.

What is wrong with a case's function ends the case and not the suite. Statistics, sending and
storing are done elsewhere.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tuner.clock import Clock, WallClock
from tuner.engine.batches import Payload
from tuner.errors import TunerError
from tuner.experiment.experiment import Book, Experiment
from tuner.experiment.session import Conditions, Session
from tuner.experiment.wiring import Context
from tuner.measure.causes import causes_of, shortened
from tuner.options.payloads import read_payloads
from tuner.options.size_load import size_load
from tuner.planning.ask import Ask
from tuner.planning.budget import NO_LIMIT, Budget, Meter
from tuner.records import Advice, Backend, RunState, Sample, Setting
from tuner.store.benches import BaselineKey
from tuner.store.runs import Store
from tuner.suites.baseline import Reference, differences, find_reference
from tuner.suites.experience import experienced
from tuner.suites.judgement import Rules
from tuner.suites.recorder import Label, Recorder
from tuner.suites.result import CaseResult, CaseSpend, CaseState, Design, Origin, SideOf, SizeResult
from tuner.suites.rounds import RoundPlan, Rounds, Stored, Verdicts, able, cost_of
from tuner.suites.sampling import alarming, confirming_rules, with_second
from tuner.suites.sides import CaseSides, Opening, Role, open_sides
from tuner.suites.suite import Case, Suite
from tuner.targets.seam import Progress


@dataclass(frozen=True)
class BenchSpec:
    """A bench as it is asked for. ``suite`` is in its environment already.

    ``branch`` replaces that of the repository; ``full`` never stops early. ``limit`` is of money
    and time for the whole suite.
    """

    suite: Suite
    cases: tuple[Case, ...]
    environment: str | None = None
    against: str | None = None
    branch: str | None = None
    seed: int | None = None
    full: bool = False
    warn_only: bool = False
    limit: Budget = NO_LIMIT


@dataclass(frozen=True)
class Onlooker:
    """Someone who looks on: hears of steps and samples, and may ask to stop."""

    progress: Progress = lambda _text: None
    sampled: Callable[[Sample], None] = lambda _sample: None
    stop: Callable[[], bool] = lambda: False
    clock: Clock = field(default_factory=WallClock)

    def asked(self, ask: Ask) -> None:
        """Show what is being done."""
        self.progress(ask.why)


@dataclass(frozen=True)
class BenchContext:
    """Everything that all cases of a bench share. ``rules`` hold over all gates of the suite, and
    ``meter`` counts what all cases use."""

    bench: str
    spec: BenchSpec
    onlooker: Onlooker
    store: Store
    rules: Rules
    seed: int
    origin: Origin
    meter: Meter

    def places(self, case: Case) -> list[BaselineKey]:
        """Where to look for a case's baseline: its own branch, then the suite's main branch."""
        spec, branch = self.spec, self.origin.branch or ""
        where = spec.suite.name, case.name, spec.environment or ""
        branches = dict.fromkeys([branch, spec.suite.baseline_branch])
        return [BaselineKey(*where, branch) for branch in branches]


def run_case(case: Case, bench: BenchContext) -> CaseResult:
    """Measure and judge one case; an error of its function, or of the store, is its result."""
    against = bench.spec.against or case.against
    design = Design.BASELINE if against is None else Design.INTERLEAVED
    empty = CaseResult(case.name, case.target, CaseState.FAILED, design, case.tags)
    clock = bench.onlooker.clock
    began_s = clock.monotonic()
    opening = Opening(clock, began_s, bench.seed, bench.onlooker.progress)
    control = case.control and against is None
    try:
        reference = find_reference(bench.store, bench.places(case)) if against is None else None
        payloads = read_payloads(case.options, clock)
        with open_sides(case, against, control, opening) as sides:
            context = Context(sides.target, sides.engine, bench.store, clock, began_s)
            running = _Running(case, bench, context, sides, reference, payloads)
            return running.result(empty)
    except TunerError as error:
        return replace(
            empty, reason=f"{error.thing}: {error.reason}",
            spend=CaseSpend(seconds=clock.monotonic() - began_s),
        )  # fmt: skip


@dataclass
class _Running:
    """A case whose functions are open."""

    case: Case
    bench: BenchContext
    context: Context
    sides: CaseSides
    reference: Reference | None
    payloads: Sequence[Payload]
    samples: list[Sample] = field(default_factory=list)
    warnings: list[Advice] = field(default_factory=list)
    confirming: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.cost = cost_of(self.sides.candidate.facts)

    def result(self, empty: CaseResult) -> CaseResult:
        """Measure, judge, confirm."""
        with self._trial(first=(0, 0)) as trial:
            state, design, reason = self._standing(trial.recorder)
            plan = self._plan(design)
            found = trial.run(plan)
        experiment = trial.experiment
        failed, stopped = experiment.session.failed, experiment.stopped
        sizes: list[SizeResult] = []
        if found and stopped is None:
            sizes, stopped = self._confirm(found, plan, experiment)
        if stopped is not None:
            state, reason = CaseState.INTERRUPTED, stopped
        elif not found:
            state, reason = CaseState.FAILED, "; ".join(sorted(set(failed.values())))
        if found:
            self.warnings += self._left_out(failed)
        self.warnings += _failures(self.samples)
        before = trial.recorder.side(Role.BEFORE)
        if design is Design.BASELINE and self.reference is not None:
            before = _accepted(self.reference)
        return replace(
            empty,
            state=state,
            design=design,
            reason=reason,
            before=before,
            after=trial.recorder.side(Role.AFTER),
            control=trial.recorder.side(Role.CONTROL),
            confirming=self.confirming,
            sizes=tuple(sizes),
            spend=self._spend(),
            warnings=(*self.sides.notes, *self.warnings),
        )

    def _standing(self, recorder: Recorder) -> tuple[CaseState, Design, str | None]:
        """State, design and reason by what the candidate can be held against."""
        if self.sides.of(Role.BEFORE) is not None:
            return CaseState.JUDGED, Design.INTERLEAVED, None
        if self.reference is None:
            reason = "`tuner bench accept` makes this run the first one"
            return CaseState.NO_BASELINE, Design.ALONE, reason
        now = recorder.side(Role.AFTER)
        assert now is not None, "the candidate is always measured"
        unlike = differences(self.reference.run, now.run)
        if unlike:
            reason = f"the baseline cannot be compared; they differ in {', '.join(unlike)}"
            return CaseState.REFUSED, Design.ALONE, reason
        return self._settings_of(self.reference)

    def _settings_of(self, reference: Reference) -> tuple[CaseState, Design, str | None]:
        """The same, by the sizes that the baseline has of the candidate's."""
        known = {sample.setting.alone for sample in reference.samples}
        lacking = [each for each in self.sides.settings if each not in known]
        listed = self._listed(lacking)
        if len(lacking) == len(self.sides.settings):
            measured = self._listed(sorted(known)) or "no"
            reason = f"the baseline was measured at {measured} MB, and not at {listed} MB"
            return CaseState.REFUSED, Design.ALONE, reason
        if lacking:
            text = f"The baseline has no {listed} MB; accept a new one to judge that."
            self.warnings.append(Advice("size-without-baseline", text))
        return CaseState.JUDGED, Design.BASELINE, None

    def _listed(self, settings: Iterable[Setting]) -> str:
        """Sizes, with their architectures where there are several."""
        several = self.sides.several_arches
        words = (f"{s.memory_mb:,} ({s.arch})" if several else f"{s.memory_mb:,}" for s in settings)
        return ", ".join(dict.fromkeys(words))

    def _plan(self, design: Design) -> RoundPlan:
        case, sides = self.case, self.sides
        cold = case.cold_starts
        if cold and sides.deployed:
            text = "Cold starts are not forced: a published version is called as it is."
            self.warnings.append(Advice("no-cold-starts", text))
            cold = 0
        stored, rules = Stored(), self.bench.rules
        if design is Design.BASELINE and self.reference is not None:
            stored = Stored.of(self.reference.samples, self.reference.control)
            place = self.reference.baseline.place
            rules, told = experienced(rules, self.bench.store, place)
            self.warnings += told
            self._warn_of_control()
        facts = sides.candidate.facts
        return RoundPlan(
            gates=dict.fromkeys(sides.settings, case.gates),
            roles=sides.roles,
            rules=rules,
            design=design,
            most=case.most,
            cost=self.cost,
            cold=cold,
            full=self.bench.spec.full or design is Design.ALONE,
            load=size_load(case.options, facts) if case.loaded else None,
            stored=stored,
            apart=facts.backend is Backend.REPLAY,
        )

    def _warn_of_control(self) -> None:
        assert self.reference is not None, "asked for a baseline only"
        both = self.sides.of(Role.CONTROL) is not None and bool(self.reference.control)
        if not both and self.sides.candidate.facts.backend is not Backend.REPLAY:
            text = (
                "No control was called both times, so the platform's own drift counts against "
                "every verdict; leave control = true in the suite."
            )
            self.warnings.append(Advice("no-control", text))

    def _confirm(
        self, found: Verdicts, plan: RoundPlan, first: Experiment
    ) -> tuple[list[SizeResult], str | None]:
        """Measure what would alarm once more, from fresh sandboxes; nothing counts without. Also
        say what has stopped that."""
        alarms = {each: gates for each, judged in found.items() if (gates := alarming(judged))}
        again: Verdicts = {}
        stopped = None
        if alarms:
            self.bench.onlooker.progress(f"{self.case.name}: confirming what looks slower")
            rules = confirming_rules(plan.rules, sum(map(len, alarms.values())))
            anew = replace(plan, gates=alarms, rules=rules, full=False)
            with self._trial(first.session.next_numbers, confirming=True) as second:
                again = second.run(anew)
            stopped = second.experiment.stopped
            both = (second.recorder.side(Role.BEFORE), second.recorder.side(Role.AFTER))
            self.confirming = tuple(side.id for side in both if side is not None)
        several = self.sides.several_arches
        sizes = [
            replace(
                with_second(each.memory_mb, judged, again.get(each)),
                arch=each.arch if several else None,
            )
            for each, judged in found.items()
        ]
        return sizes, stopped

    @contextmanager
    def _trial(self, first: tuple[int, int], *, confirming: bool = False) -> Iterator["_Trial"]:
        bench, sides, onlooker = self.bench, self.sides, self.bench.onlooker
        label = Label(bench.bench, bench.origin.commit, onlooker.clock.wall(), confirming)
        recorder = Recorder(bench.store, self.case, sides, label, self.payloads)
        conditions = Conditions(
            self.payloads, bench.seed, None, *first, sides.deployed, sides.refusal, onlooker.stop
        )
        facts = sides.candidate.facts
        session = Session(sides.target, sides.engine, facts, conditions, onlooker.clock)
        book = _CaseBook(recorder, self.samples)
        experiment = Experiment(self.context, session, book, self.cost, onlooker, bench.meter)
        trial = _Trial(experiment, recorder)
        state = RunState.FAILED
        try:
            yield trial
            state = RunState.INTERRUPTED if trial.experiment.stopped else RunState.DONE
        except KeyboardInterrupt:
            state = RunState.INTERRUPTED
            raise
        finally:
            recorder.finish(state, onlooker.clock.wall(), self.warnings)

    def _left_out(self, failed: dict[Setting, str]) -> list[Advice]:
        of = {each._replace(code="", load=""): why for each, why in sorted(failed.items())}
        return [
            Advice("size-failed", f"{self._listed([each])} MB is left out: {why}.")
            for each, why in of.items()
        ]

    def _spend(self) -> CaseSpend:
        usd = None
        if self.sides.candidate.facts.backend is Backend.AWS:
            usd = sum(cost for s in self.samples if (cost := self.cost(s)) is not None)
        return CaseSpend(len(self.samples), usd, self.context.seconds())


@dataclass
class _Trial:
    """One measurement of a case."""

    experiment: Experiment
    recorder: Recorder

    def run(self, plan: RoundPlan) -> Verdicts:
        """Measure, and judge every setting that could be called on every side."""
        planner = Rounds(plan)
        self.experiment.run(planner)
        so_far = self.experiment.so_far()
        return planner.verdicts(so_far.samples, able(plan.gates, so_far.failed))


class _CaseBook(Book):
    """The samples of one trial: held for its planner, and stored with the runs of their sides."""

    def __init__(self, recorder: Recorder, everything: list[Sample]) -> None:
        super().__init__()
        self._recorder, self._everything = recorder, everything
        self._waiting: list[Sample] = []
        self._together = False

    def begin(self, ask: Ask, session: Session) -> None:
        """Store the samples of a load together, all others at once."""
        self._together = ask.load is not None

    def take(self, sample: Sample) -> str | None:
        """Keep a sample."""
        self.samples.append(sample)
        self._everything.append(sample)
        self._waiting.append(sample)
        if not self._together:
            self.flush()
        return None

    def flush(self) -> None:
        """Store what waits."""
        waiting, self._waiting = self._waiting, []
        for role in Role:
            own = [sample for sample in waiting if Role.of(sample.setting) is role]
            if own:
                self._recorder.heard(role, own)


def _failures(samples: Sequence[Sample]) -> list[Advice]:
    """Warn of calls that failed, with the most frequent cause."""
    causes = causes_of(samples, limit=sys.maxsize)
    if not causes:
        return []
    first, count = causes[0], sum(cause.count for cause in causes)
    mostly = "mostly with" if len(causes) > 1 else "with"
    words = f"{count:,} of {len(samples):,} calls failed, {mostly} {shortened(first.words)}."
    return [Advice("failed-calls", words)]


def _accepted(reference: Reference) -> SideOf:
    baseline = reference.baseline
    label = f"baseline of {baseline.place.branch}" if baseline.place.branch else "baseline"
    return SideOf(label, reference.run, baseline.commit or None)
