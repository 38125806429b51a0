"""One case from its functions to its verdicts: measure, judge, and confirm what would alarm.

What is wrong with a case's function ends the case and not the suite. Statistics, sending and
storing are done elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.experiment.recommend import price
from tuner.measure.payloads import Payload
from tuner.options.payloads import read_payloads
from tuner.options.size_load import size_load
from tuner.records import Advice, Backend, RunState, Sample
from tuner.store.benches import BaselineKey
from tuner.store.runs import Store
from tuner.suites.allowance import Allowance
from tuner.suites.baseline import Reference, differences, find_reference
from tuner.suites.confirm import with_second
from tuner.suites.experience import experienced
from tuner.suites.judgement import Rules
from tuner.suites.lab import Habits, Lab
from tuner.suites.members import Members, Opening, Role, open_members
from tuner.suites.recorder import Label, Recorder
from tuner.suites.result import (
    CaseResult,
    CaseSpend,
    CaseState,
    Design,
    SideOf,
    SizeResult,
)
from tuner.suites.sampling import alarming, confirming_rules
from tuner.suites.suite import Case
from tuner.suites.trial import Cost, Course, Stored, Verdicts, cost_of, run_trial
from tuner.targets.seam import Progress


@dataclass(frozen=True)
class Means:
    """What every case of a bench works with. ``rules`` hold over all gates of the suite."""

    bench: str
    store: Store
    clock: Clock
    rules: Rules
    seed: int
    commit: str | None
    places: Callable[[Case], Sequence[BaselineKey]]
    allowance: Allowance
    against: str | None = None
    full: bool = False
    progress: Progress = lambda _text: None
    sampled: Callable[[Sample], None] = lambda _sample: None
    stop: Callable[[], bool] = lambda: False

    def why_to_stop(self) -> str | None:
        """Why no further call may be made, or ``None``."""
        return "stopped by the user" if self.stop() else self.allowance.ran_out()


def run_case(case: Case, means: Means) -> CaseResult:
    """Measure and judge one case; an error of its function, or of the store, is its result."""
    against = means.against or case.against
    design = Design.BASELINE if against is None else Design.INTERLEAVED
    empty = CaseResult(case.name, case.target, CaseState.FAILED, design, case.tags)
    clock = means.clock
    began = clock.monotonic()
    opening = Opening(clock, began, means.seed, means.progress)
    control = case.control and against is None
    try:
        reference = find_reference(means.store, means.places(case)) if against is None else None
        payloads = read_payloads(case.options, clock)
        with open_members(case, against, control, opening) as members:
            running = _Running(case, means, members, reference, payloads)
            return running.result(empty, began)
    except TunerError as error:
        return replace(
            empty, reason=f"{error.thing}: {error.reason}",
            spend=CaseSpend(seconds=clock.monotonic() - began),
        )  # fmt: skip


class _Running:
    """A case whose functions are open."""

    def __init__(
        self,
        case: Case,
        means: Means,
        members: Members,
        reference: Reference | None,
        payloads: Sequence[Payload],
    ) -> None:
        self._case, self._means, self._members = case, means, members
        self._reference, self._payloads = reference, payloads
        facts = members.candidate.facts
        self._cost: Cost = cost_of(facts, price(facts).own)
        self._samples: list[Sample] = []
        self._warnings: list[Advice] = []
        self._confirming: tuple[str, ...] = ()

    def result(self, empty: CaseResult, began: float) -> CaseResult:
        """Measure, judge, confirm."""
        with self._trial(first=(0, 0)) as (lab, recorder):
            state, design, reason = self._standing(recorder)
            course = self._course(design)
            found = run_trial(lab, course, self._cost)
        sizes = self._confirm(found, course, lab) if found and not lab.stopped else []
        if lab.stopped:
            state, reason = CaseState.INTERRUPTED, self._means.why_to_stop()
        elif not found:
            state, reason = CaseState.FAILED, "; ".join(sorted(set(lab.failed.values())))
        if found:
            self._warnings += _left_out(lab)
        before = recorder.side(Role.BEFORE)
        if design is Design.BASELINE and self._reference is not None:
            before = _accepted(self._reference)
        return replace(
            empty,
            state=state,
            design=design,
            reason=reason,
            before=before,
            after=recorder.side(Role.AFTER),
            control=recorder.side(Role.CONTROL),
            confirming=self._confirming,
            sizes=tuple(sizes),
            spend=self._spend(began),
            warnings=(*self._members.notes, *self._warnings),
        )

    def _standing(self, recorder: Recorder) -> tuple[CaseState, Design, str | None]:
        """What the candidate can be held against."""
        if self._members.of(Role.BEFORE) is not None:
            return CaseState.JUDGED, Design.INTERLEAVED, None
        if self._reference is None:
            reason = "`tuner bench accept` makes this run the first one"
            return CaseState.NO_BASELINE, Design.ALONE, reason
        now = recorder.side(Role.AFTER)
        assert now is not None, "the candidate is always measured"
        unlike = differences(self._reference.run, now.run)
        if unlike:
            reason = f"the baseline cannot be compared; they differ in {', '.join(unlike)}"
            return CaseState.REFUSED, Design.ALONE, reason
        return self._sizes_of(self._reference)

    def _sizes_of(self, reference: Reference) -> tuple[CaseState, Design, str | None]:
        """Whether the baseline has the sizes of the candidate."""
        known = {sample.memory_mb for sample in reference.samples}
        lacking = [size for size in self._members.sizes_mb if size not in known]
        listed = ", ".join(f"{size:,}" for size in lacking)
        if len(lacking) == len(self._members.sizes_mb):
            measured = ", ".join(f"{size:,}" for size in sorted(known)) or "no"
            reason = f"the baseline was measured at {measured} MB, and not at {listed} MB"
            return CaseState.REFUSED, Design.ALONE, reason
        if lacking:
            text = f"The baseline has no {listed} MB; accept a new one to judge that."
            self._warnings.append(Advice("size-without-baseline", text))
        return CaseState.JUDGED, Design.BASELINE, None

    def _course(self, design: Design) -> Course:
        case, members = self._case, self._members
        cold = case.cold_starts
        if cold and not members.can_start_cold:
            text = "Cold starts are not forced: a published version is called as it is."
            self._warnings.append(Advice("no-cold-starts", text))
            cold = 0
        stored, rules = Stored(), self._means.rules
        if design is Design.BASELINE and self._reference is not None:
            stored = Stored.of(self._reference.samples, self._reference.control)
            place = self._reference.baseline.place
            rules, told = experienced(rules, self._means.store, place)
            self._warnings += told
            self._warn_of_control()
        return Course(
            gates=dict.fromkeys(members.sizes_mb, case.gates),
            rules=rules,
            design=design,
            most=case.most,
            cold=cold,
            full=self._means.full or design is Design.ALONE,
            load=size_load(case.options, members.candidate.facts) if case.loaded else None,
            stored=stored,
        )

    def _warn_of_control(self) -> None:
        facts = self._members.candidate.facts
        assert self._reference is not None, "asked for a baseline only"
        both = self._members.of(Role.CONTROL) is not None and bool(self._reference.control)
        if not both and facts.backend is not Backend.REPLAY:
            text = (
                "No control was called both times, so the platform's own drift counts against "
                "every verdict; leave control = true in the suite."
            )
            self._warnings.append(Advice("no-control", text))

    def _confirm(self, found: Verdicts, course: Course, lab: Lab) -> list[SizeResult]:
        """Measure what would alarm once more, from fresh sandboxes; nothing counts without."""
        alarms = {size: gates for size, judged in found.items() if (gates := alarming(judged))}
        again: Verdicts = {}
        if alarms:
            self._means.progress(f"{self._case.name}: confirming what looks slower")
            count = sum(map(len, alarms.values()))
            rules = confirming_rules(course.rules, count)
            anew = replace(course, gates=alarms, rules=rules, full=False)
            with self._trial(first=lab.next, confirming=True) as (second, recorder):
                again = run_trial(second, anew, self._cost)
            sides = (recorder.side(Role.BEFORE), recorder.side(Role.AFTER))
            self._confirming = tuple(side.id for side in sides if side is not None)
        return [with_second(size, judged, again.get(size)) for size, judged in found.items()]

    @contextmanager
    def _trial(
        self, first: tuple[int, int], *, confirming: bool = False
    ) -> Iterator[tuple[Lab, Recorder]]:
        means = self._means
        label = Label(means.bench, means.commit, means.clock.wall(), confirming)
        recorder = Recorder(means.store, self._case, self._members, label, self._payloads)

        def heard(role: Role, samples: Sequence[Sample]) -> None:
            recorder.heard(role, samples)
            self._samples.extend(samples)
            means.allowance.settle(map(self._cost, samples))
            for sample in samples:
                means.sampled(sample)

        habits = Habits(
            self._payloads,
            means.seed,
            heard,
            stop=lambda: means.why_to_stop() is not None,
            progress=means.progress,
            arrived=lambda sample: means.allowance.arrived(self._cost(sample)),
        )
        lab = Lab(self._members, habits, first)
        state = RunState.FAILED
        try:
            yield lab, recorder
            state = RunState.INTERRUPTED if lab.stopped else RunState.DONE
        except KeyboardInterrupt:
            state = RunState.INTERRUPTED
            raise
        finally:
            recorder.finish(state, means.clock.wall(), self._warnings)

    def _spend(self, began: float) -> CaseSpend:
        usd = None
        if self._members.candidate.facts.backend is Backend.AWS:
            usd = sum(cost for s in self._samples if (cost := self._cost(s)) is not None)
        return CaseSpend(len(self._samples), usd, self._means.clock.monotonic() - began)


def _left_out(lab: Lab) -> list[Advice]:
    return [
        Advice("size-failed", f"{size:,} MB is left out: {why}.")
        for size, why in sorted(lab.failed.items())
    ]


def _accepted(reference: Reference) -> SideOf:
    baseline = reference.baseline
    label = f"baseline of {baseline.place.branch}" if baseline.place.branch else "baseline"
    return SideOf(label, reference.run, baseline.commit or None)
