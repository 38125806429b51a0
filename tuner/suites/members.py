"""The functions that one case calls: the candidate, what it is compared with, and the control.

All are on one service and in one region, so that one batch can call them in turn; recordings
answer each by itself. Everything that was made for the measurement is removed in the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from tuner.clock import Clock
from tuner.engine.engine import Engine
from tuner.errors import TargetError, UsageError
from tuner.experiment.wiring import Beginning, open_engine, open_target, target_notes
from tuner.options.options import SweepOptions
from tuner.records import Advice, Backend, FunctionFacts, Setting
from tuner.suites.against import Against, What, control_code, other_code, parse_against
from tuner.suites.suite import Case
from tuner.targets.names import Kind, parse_target
from tuner.targets.seam import Code, Progress, Target, Variant


class Role(StrEnum):
    """What a function is there for."""

    BEFORE = "before"
    AFTER = "after"
    CONTROL = "control"


@dataclass(frozen=True)
class Member:
    """One function. ``direct`` is what is called as it is (nothing is published for it)."""

    role: Role
    label: str
    target: Target
    engine: Engine
    facts: FunctionFacts
    commit: str | None = None
    direct: Variant | None = None

    def variants(
        self, sizes_mb: Sequence[int], *, fresh: bool = False
    ) -> Mapping[int, Variant | TargetError]:
        """Each size (MB), callable now with its function's name, or why it is not."""
        if self.direct is not None:
            return {size: replace(self.direct, function=self._function()) for size in sizes_mb}
        settings = [Setting(size, self.facts.arch) for size in sizes_mb]
        made = self.target.prepare(settings, fresh=fresh)
        return {
            s.memory_mb: v if isinstance(v, TargetError) else replace(v, function=self._function())
            for s, v in made.items()
        }

    def _function(self) -> str | None:
        endpoint = self.target.endpoint()
        return None if endpoint is None else endpoint.function


@dataclass(frozen=True)
class Members:
    """All of a case, the candidate first. ``sizes_mb`` are those to measure."""

    all: tuple[Member, ...]
    sizes_mb: tuple[int, ...]
    notes: tuple[Advice, ...] = ()

    def of(self, role: Role) -> Member | None:
        """The member of a role, if there is one."""
        return next((m for m in self.all if m.role is role), None)

    @property
    def candidate(self) -> Member:
        """What is judged."""
        return self.all[0]

    @property
    def can_start_cold(self) -> bool:
        """Whether cold starts can be forced on every member."""
        return all(m.direct is None for m in self.all)


@dataclass(frozen=True)
class Opening:
    """How the members of a case are opened: from when times count, with which chance."""

    clock: Clock
    origin_s: float
    seed: int
    progress: Progress


@contextmanager
def open_members(case: Case, against: str | None, control: bool, how: Opening) -> Iterator[Members]:
    """Open a case's functions, and put everything back in the end, whatever happened.

    Raises UsageError, NotFound or TargetError.
    """
    other = None if against is None else parse_against(against, case.target)
    with ExitStack() as stack:
        opened = _Opened(case.options, how, stack)
        name = parse_target(case.target)
        as_is = _called_as_it_is(case, other)
        target = opened.target(replace(case.options, target=name.function if as_is else name.text))
        facts = target.describe()
        engine = opened.engine(target)
        direct = target.published(name.qualifier or "$LATEST") if as_is else None
        if direct is not None:
            version = direct.qualifier or "$LATEST"
            facts = replace(facts, version=version, memory_mb=direct.memory_mb, arch=direct.arch)
        label = direct.qualifier or "$LATEST" if direct else _label(case.target)
        members = [Member(Role.AFTER, label, target, engine, facts, direct=direct)]
        if other is not None:
            members.append(opened.other(other, members[0]))
        if control and facts.backend is not Backend.REPLAY:
            members.append(opened.beside(control_code(), members[0], Role.CONTROL, "control"))
        yield Members(tuple(members), _sizes(case, facts, direct), target_notes(target))


class _Opened:
    """Opens targets so that ``stack`` restores and closes them, the last first."""

    def __init__(self, options: SweepOptions, how: Opening, stack: ExitStack) -> None:
        self._options, self._how, self._stack = options, how, stack

    def target(self, options: SweepOptions) -> Target:
        target = open_target(options, self._how.progress, self._how.clock)
        return self._kept(target)

    def engine(self, target: Target) -> Engine:
        engine = open_engine(target, self._how.clock, Beginning(self._how.origin_s, self._how.seed))
        self._stack.callback(engine.close)
        return engine

    def other(self, against: Against, candidate: Member) -> Member:
        """What the candidate is compared with."""
        if against.what is What.RECORDING:
            target = self.target(replace(self._options, target=against.name))
            engine, facts = self.engine(target), target.describe()
            return Member(Role.BEFORE, against.text, target, engine, facts)
        if against.what is What.QUALIFIER:
            direct = candidate.target.published(against.name)
            if candidate.direct is not None and direct.memory_mb != candidate.direct.memory_mb:
                reason = (
                    f"has {direct.memory_mb} MB, and the candidate {candidate.direct.memory_mb} MB"
                )
                fix = "Compare configurations with `tuner sweep`; here only code differs."
                raise UsageError(f"--against {against.text}", reason, fix)
            return replace(candidate, role=Role.BEFORE, label=against.text, direct=direct)
        code, commit = other_code(against, self._options, candidate.facts)
        made = self.beside(code, candidate, Role.BEFORE, against.text)
        return replace(made, commit=commit)

    def beside(self, code: Code, candidate: Member, role: Role, label: str) -> Member:
        target = self._kept(candidate.target.beside(code))
        facts = replace(
            candidate.facts,
            runtime=code.runtime or candidate.facts.runtime,
            handler=code.handler or candidate.facts.handler,
        )
        if role is Role.CONTROL:
            facts = replace(facts, name="control")
        return Member(role, label, target, candidate.engine, facts)

    def _kept(self, target: Target) -> Target:
        self._stack.callback(target.close)
        self._stack.callback(_restored(target))
        return target


def _restored(target: Target) -> Callable[[], None]:
    def restore() -> None:
        try:
            target.restore()
        except KeyboardInterrupt:  # the second Ctrl-C comes right then: put it back all the same
            target.restore()
            raise

    return restore


def _called_as_it_is(case: Case, other: Against | None) -> bool:
    """Whether nothing is published: of versions, and of a function on AWS at its own size."""
    versions = other is not None and other.what is What.QUALIFIER
    if versions and case.sizes_mb:
        fix = "Leave sizes out, or compare with a package or git revision."
        raise UsageError(
            f"case {case.name!r}", "has sizes, but published versions keep their own", fix
        )
    on_aws = parse_target(case.target).kind is Kind.AWS
    return versions or (on_aws and not case.sizes_mb and not case.cold_starts)


def _sizes(case: Case, facts: FunctionFacts, direct: Variant | None) -> tuple[int, ...]:
    if direct is not None:
        return (direct.memory_mb,)
    if case.sizes_mb:
        return case.sizes_mb
    if facts.memory_mb is None:
        raise UsageError(f"case {case.name!r}", "has no sizes", "Give sizes = [512].")
    return (facts.memory_mb,)


def _label(target: str) -> str:
    return "working copy" if parse_target(target).kind is Kind.LOCAL else target
