"""The functions that one case calls: the candidate, what it is compared with, and the control.

All are one target, in which they differ by the code of a setting; so one ask calls them in turn.
Everything that was made for the measurement is removed in the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tuner.clock import Clock
from tuner.engine.engine import Engine
from tuner.errors import TargetError, UsageError
from tuner.experiment.experiment import restored
from tuner.experiment.wiring import EngineStart, open_engine, open_target, target_notes
from tuner.measure.failures import refusal
from tuner.options.sweep import SweepOptions
from tuner.records import Advice, Backend, FunctionFacts, Part, Sample, Setting
from tuner.suites.against import Against, What, control_code, other_code, parse_against
from tuner.suites.suite import Case
from tuner.targets.composite import Composite
from tuner.targets.names import Kind, parse_target
from tuner.targets.seam import Code, Progress, Target, Variant


class Role(StrEnum):
    """The purpose of a function in a case."""

    BEFORE = "before"
    AFTER = "after"
    CONTROL = "control"

    @property
    def code(self) -> str:
        """The code of its settings."""
        return "" if self is Role.AFTER else self.value

    @classmethod
    def of(cls, setting: Setting) -> "Role":
        """Return the role that a setting belongs to."""
        return cls(setting.code) if setting.code else cls.AFTER


@dataclass(frozen=True)
class CaseSide:
    """One function, and what is known of it."""

    role: Role
    label: str
    facts: FunctionFacts
    commit: str | None = None


@dataclass(frozen=True)
class CaseSides:
    """All functions of a case, the candidate first, as one target with one engine.

    ``settings`` are those of the candidate; ``deployed`` is what is called as it is, since nothing
    is published for it.
    """

    all: tuple[CaseSide, ...]
    target: Target
    engine: Engine
    settings: tuple[Setting, ...]
    deployed: Mapping[Part, Variant] = field(default_factory=dict)
    notes: tuple[Advice, ...] = ()

    def of(self, role: Role) -> CaseSide | None:
        """The side of a role, if there is one."""
        return next((side for side in self.all if side.role is role), None)

    @property
    def candidate(self) -> CaseSide:
        """The side that is judged."""
        return self.all[0]

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that there are."""
        return tuple(side.role for side in self.all)

    @property
    def several_arches(self) -> bool:
        """True if sizes alone do not tell settings apart."""
        return len({setting.arch for setting in self.settings}) > 1

    def refusal(self, sample: Sample, first_contact: bool) -> TargetError | None:
        """The error that ends a case, told of the function that gave it."""
        side = self.of(Role.of(sample.setting)) or self.candidate
        return refusal(sample, side.facts, first_contact)


@dataclass(frozen=True)
class Opening:
    """Ways of opening a case: from when times count, with which chance."""

    clock: Clock
    origin_s: float
    seed: int
    progress: Progress


@contextmanager
def open_sides(case: Case, against: str | None, control: bool, how: Opening) -> Iterator[CaseSides]:
    """Open a case's functions, and put everything back in the end, whatever happened.

    Raises UsageError, NotFound or TargetError.
    """
    other = None if against is None else parse_against(against, case.target)
    with ExitStack() as stack:
        opened = _Opened(case, how, stack)
        candidate = opened.candidate(other)
        if other is not None:
            opened.other(other, candidate)
        if control and candidate.facts.backend is not Backend.REPLAY:
            opened.beside(control_code(), candidate, Role.CONTROL, "control")
        target = Composite(candidate.facts, opened.parts)
        engine = open_engine(target, how.clock, EngineStart(how.origin_s, how.seed))
        stack.callback(engine.close)
        settings = _settings(case, candidate.facts, opened)
        yield CaseSides(
            tuple(opened.sides), target, engine, settings, opened.deployed, opened.notes
        )


class _Opened:
    """Opens targets so that ``stack`` restores and closes them, the last first."""

    def __init__(self, case: Case, how: Opening, stack: ExitStack) -> None:
        self.sides: list[CaseSide] = []
        self.parts: dict[Part, Target] = {}
        self.deployed: dict[Part, Variant] = {}
        self.notes: tuple[Advice, ...] = ()
        self._case, self._options, self._how, self._stack = case, case.options, how, stack

    def candidate(self, other: Against | None) -> CaseSide:
        """Open what is judged."""
        name, as_is = parse_target(self._case.target), _called_as_it_is(self._case, other)
        options = self._options.but(target=name.function if as_is else name.text)
        target = self._target(options)
        facts, label = target.describe(), _label(self._case.target)
        self.notes = target_notes(target)
        if as_is:
            direct = target.published(name.qualifier or "$LATEST")
            label = direct.qualifier or "$LATEST"
            facts = replace(facts, version=label, memory_mb=direct.memory_mb, arch=direct.arch)
            self.deployed[Part(direct.arch)] = direct
            self.parts[Part(direct.arch)] = target
        else:
            self.parts.update(target.parts())
        self.sides.append(CaseSide(Role.AFTER, label, facts))
        return self.sides[0]

    def other(self, against: Against, candidate: CaseSide) -> None:
        """Open what the candidate is compared with."""
        if against.what is What.RECORDING:
            target = self._target(self._options.but(target=against.name))
            for part, own in target.parts().items():
                self.parts[part._replace(code=Role.BEFORE.code)] = own
            self.sides.append(CaseSide(Role.BEFORE, against.text, target.describe()))
        elif against.what is What.QUALIFIER:
            [(part, now)] = self.deployed.items()
            target = self.parts[part]
            then = target.published(against.name)
            if then.memory_mb != now.memory_mb:
                reason = f"has {then.memory_mb} MB, and the candidate {now.memory_mb} MB"
                fix = "Compare configurations with `tuner sweep`; here only code differs."
                raise UsageError(f"--against {against.text}", reason, fix)
            before = part._replace(code=Role.BEFORE.code)
            self.parts[before], self.deployed[before] = target, then
            self.sides.append(CaseSide(Role.BEFORE, against.text, candidate.facts))
        else:
            code, commit = other_code(against, self._options, candidate.facts)
            self.beside(code, candidate, Role.BEFORE, against.text, commit)

    def beside(
        self, code: Code, candidate: CaseSide, role: Role, label: str, commit: str | None = None
    ) -> None:
        """Open the same function with other code, on each architecture of the candidate."""
        for part, own in list(self.parts.items()):
            if not part.code:
                self.parts[part._replace(code=role.code)] = self._kept(own.beside(code))
        facts = replace(
            candidate.facts,
            runtime=code.runtime or candidate.facts.runtime,
            handler=code.handler or candidate.facts.handler,
        )
        if role is Role.CONTROL:
            facts = replace(facts, name="control")
        self.sides.append(CaseSide(role, label, facts, commit))

    def _target(self, options: SweepOptions) -> Target:
        if self._case.sizes_mb:
            options = options.but(memory=self._case.sizes_mb)
        return self._kept(open_target(options, self._how.progress, self._how.clock))

    def _kept(self, target: Target) -> Target:
        self._stack.callback(target.close)
        self._stack.enter_context(restored(target))
        return target


def _called_as_it_is(case: Case, other: Against | None) -> bool:
    """True if nothing is published: for versions, and a function on AWS at its own size."""
    versions = other is not None and other.what is What.QUALIFIER
    for key, given, reason in (
        ("sizes", case.sizes_mb, "but published versions keep their own"),
        ("architectures", case.options.architectures, "but a published version has one"),
    ):
        if versions and given:
            fix = f"Leave {key} out, or compare with a package or git revision."
            raise UsageError(f"case {case.name!r}", f"has {key}, {reason}", fix)
    on_aws = parse_target(case.target).kind is Kind.AWS
    own = not (case.sizes_mb or case.cold_starts or case.options.architectures)
    return versions or (on_aws and own)


def _settings(case: Case, facts: FunctionFacts, opened: _Opened) -> tuple[Setting, ...]:
    """Settings of the candidate to measure."""
    arches = [part.arch for part in opened.parts if not part.code]
    sizes: Sequence[int] = case.sizes_mb
    if not sizes or opened.deployed:
        if facts.memory_mb is None:
            raise UsageError(f"case {case.name!r}", "has no sizes", "Give sizes = [512].")
        sizes = (facts.memory_mb,)
    return tuple(Setting(size, arch) for size in sizes for arch in arches)


def _label(target: str) -> str:
    return "working copy" if parse_target(target).kind is Kind.LOCAL else target
