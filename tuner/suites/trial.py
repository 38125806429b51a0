"""What the cases of a bench share, and one measurement of a case, whose samples it stores.

Each function of a case has a run of its own, so that each has its own report.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tuner.clock import Clock, WallClock, never
from tuner.engine.batches import Payload
from tuner.experiment.experiment import Book, Experiment, Price
from tuner.experiment.session import Conditions, Session
from tuner.experiment.wiring import Context
from tuner.options.suites import BenchCall
from tuner.planning.ask import Ask
from tuner.planning.budget import Meter
from tuner.records import Advice, RunRecord, RunState, Sample
from tuner.store.benches import BaselineKey
from tuner.store.runs import Store
from tuner.suites.baseline import ENGINE, OPTION
from tuner.suites.judgement import Rules
from tuner.suites.result import Origin, SideOf
from tuner.suites.sides import CaseSide, CaseSides, Role
from tuner.suites.suite import Case, Suite
from tuner.targets.seam import Progress

COMMAND = "bench"
#: Insertion decides between runs that start together, so that ``last`` is the candidate.
_ORDER = (Role.CONTROL, Role.BEFORE, Role.AFTER)


@dataclass(frozen=True)
class Onlooker:
    """Someone who looks on: hears of steps and samples, and may ask to stop."""

    say: Progress = lambda _text: None
    sampled: Callable[[Sample], None] = lambda _sample: None
    stop: Callable[[], bool] = never
    begins: Callable[[Ask, Meter, Price], None] = lambda _ask, _meter, _price: None
    clock: Clock = field(default_factory=WallClock)


@dataclass(frozen=True)
class BenchContext:
    """Everything that all cases of a bench share. ``suite`` is in its environment already,
    ``rules`` hold over all gates of the suite, and ``meter`` counts what all cases use."""

    bench: str
    suite: Suite
    options: BenchCall
    onlooker: Onlooker
    store: Store
    rules: Rules
    seed: int
    origin: Origin
    meter: Meter

    def places(self, case: Case) -> list[BaselineKey]:
        """Where to look for a case's baseline: its own branch, then the suite's main branch."""
        where = self.suite.name, case.name, self.options.environment or ""
        branches = dict.fromkeys([self.origin.branch or "", self.suite.baseline_branch])
        return [BaselineKey(*where, branch) for branch in branches]


@dataclass(frozen=True)
class OpenCase:
    """A case whose functions are open. ``warnings`` grow while it is measured."""

    case: Case
    bench: BenchContext
    context: Context
    sides: CaseSides
    payloads: Sequence[Payload]
    cost: Callable[[Sample], float | None]
    samples: list[Sample] = field(default_factory=list)
    warnings: list[Advice] = field(default_factory=list)


class TrialBook(Book):
    """The samples of one trial: held for its planner, and stored with the runs of their sides."""

    def __init__(self, of: OpenCase, confirming: bool) -> None:
        super().__init__()
        self.sides: dict[Role, SideOf] = {}
        self._of = of
        self._waiting: list[Sample] = []
        self._together = False
        for side in sorted(of.sides.all, key=lambda side: _ORDER.index(side.role)):
            run = _record(of, side, confirming)
            of.context.store.start(run)
            commit = side.commit if side.role is Role.BEFORE else of.bench.origin.commit
            self.sides[side.role] = SideOf(side.label, run, commit)

    def begin(self, ask: Ask, session: Session) -> None:
        """Store the samples of a load together, all others at once."""
        self._together = ask.load is not None

    def take(self, sample: Sample) -> str | None:
        """Keep a sample."""
        self.samples.append(sample)
        self._of.samples.append(sample)
        self._waiting.append(sample)
        if not self._together:
            self.flush()
        return None

    def flush(self) -> None:
        """Store what waits; the only function of a run needs no code to tell it."""
        waiting, self._waiting = self._waiting, []
        for role, side in self.sides.items():
            own = [s for s in waiting if Role.of(s.setting) is role]
            if own:
                plain = [replace(s, setting=s.setting._replace(code="")) for s in own]
                self._of.context.store.add(side.id, plain)


@dataclass
class Trial:
    """One measurement of a case."""

    experiment: Experiment
    sides: dict[Role, SideOf]


@contextmanager
def trial(of: OpenCase, first: tuple[int, int], *, confirming: bool = False) -> Iterator[Trial]:
    """Measure in here; the runs are closed in the end. ``first`` numbers its calls and rounds."""
    sides, onlooker = of.sides, of.bench.onlooker
    conditions = Conditions(
        of.payloads, of.bench.seed, None, *first, sides.deployed, sides.refusal, onlooker.stop
    )
    facts = sides.candidate.facts
    session = Session(sides.target, sides.engine, facts, conditions, onlooker.clock)
    book = TrialBook(of, confirming)
    experiment = Experiment(of.context, session, book, of.cost, onlooker, of.bench.meter)
    state = RunState.FAILED
    try:
        yield Trial(experiment, book.sides)
        state = RunState.INTERRUPTED if experiment.stopped else RunState.DONE
    except KeyboardInterrupt:
        state = RunState.INTERRUPTED
        raise
    finally:
        for side in book.sides.values():
            of.context.store.finish(side.id, state, onlooker.clock.wall(), of.warnings)


def payload_hash(payloads: Sequence[Payload]) -> str:
    """A hash of all payloads with their weights."""
    digest = hashlib.sha256()
    for payload in payloads:
        digest.update(f"{payload.weight:g} {len(payload.body)} ".encode() + payload.body)
    return f"sha256:{digest.hexdigest()}"


def _record(of: OpenCase, side: CaseSide, confirming: bool) -> RunRecord:
    case, sides = of.case, of.sides
    memory = ",".join(map(str, dict.fromkeys(each.memory_mb for each in sides.settings)))
    run = of.context.begun(COMMAND, case.options.but(memory=memory), side.facts, sides.notes)
    about = {
        "bench": of.bench.bench,
        "case": case.name,
        "side": str(side.role),
        "confirming": confirming,
        OPTION: {"payload": payload_hash(of.payloads), "engine": ENGINE},
    }
    target = {
        Role.BEFORE: f"{case.target} at {side.label}",
        Role.AFTER: case.target,
        Role.CONTROL: f"control of {case.target}",
    }[side.role]
    return replace(run, target=target, options={**run.options, **about})
