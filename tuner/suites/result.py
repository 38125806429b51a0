"""The result of a bench run, from which outputs and stored documents are made.

Judging is done in :mod:`tuner.suites.verdict`, measuring in :mod:`tuner.suites.bench`; the JSON
form is :mod:`tuner.suites.document`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tuner.errors import GateFailed, Interrupted, Partial
from tuner.model.quantiles import Stats
from tuner.records import Advice, RunRecord
from tuner.suites.judgement import Judgement, Verdict, worst
from tuner.units import format_memory


class CaseState(StrEnum):
    """The state of a case."""

    JUDGED = "judged"
    NO_BASELINE = "no baseline"  # measured, with nothing to compare with
    REFUSED = "refused"  # measured, but the baseline is of another kind
    FAILED = "failed"  # the function is gone, or could not be measured
    INTERRUPTED = "interrupted"


class Design(StrEnum):
    """The way in which the candidate was compared."""

    INTERLEAVED = "interleaved"  # two versions in one run
    BASELINE = "baseline"  # a stored run
    ALONE = "alone"  # nothing: objectives only


@dataclass(frozen=True)
class SideOf:
    """One side of a comparison: its stored run, what it was, and when.

    ``label`` is what people read: ``git:1a2b3c4``, ``baseline of main``, ``myfunc:12``.
    """

    label: str
    run: RunRecord
    commit: str | None = None
    doubts: tuple[str, ...] = ()  # what its moment says against it as a baseline

    @property
    def id(self) -> str:
        """The stored run's id."""
        return self.run.run


@dataclass(frozen=True)
class SideFigures:
    """One side at one size, as its gates are judged: warm durations in ms, USD a call."""

    calls: int
    duration_ms: Stats | None
    cost_usd: Stats | None


@dataclass(frozen=True)
class SizeResult:
    """One size's verdicts. ``first`` is what the first run said where a fresh one was made to
    confirm it (``None``: nothing had to be confirmed); ``judgements`` is what counts. ``arch`` is
    set where several architectures are measured, ``sides`` (before, after) for charts."""

    memory_mb: int
    judgements: tuple[Judgement, ...]
    first: tuple[Judgement, ...] | None = None
    arch: str | None = None
    sides: tuple[SideFigures, SideFigures] | None = None

    @property
    def name(self) -> str:
        """``512 MB``, or ``512 MB on arm64`` where there are several architectures."""
        size = format_memory(self.memory_mb)
        return size if self.arch is None else f"{size} on {self.arch}"

    @property
    def verdict(self) -> Verdict:
        """The most serious of its gates."""
        return worst(j.verdict for j in self.judgements)


def undecided(sizes: Iterable[SizeResult]) -> int:
    """Number of gates that can be called neither kept nor broken."""
    return sum(j.verdict is Verdict.CANNOT_TELL for size in sizes for j in size.judgements)


def undecided_advice(sizes: Iterable[SizeResult]) -> tuple[Advice, ...]:
    """Say of how many gates nothing was decided, since the exit code does not."""
    judged = tuple(sizes)
    count, gates = undecided(judged), sum(len(size.judgements) for size in judged)
    if not count:
        return ()
    of = "the gate: it" if gates == 1 else f"{count} of {gates} gates: they"
    text = f"Nothing was decided for {of} neither passed nor failed"
    if worst(size.verdict for size in judged) is not Verdict.REGRESSED:
        text += ", and the exit code says only that no regression was found"
    return (Advice("undecided", f"{text}. More calls, a wider gate or --against settle it."),)


@dataclass(frozen=True)
class CaseSpend:
    """Calls, cost and time of a case; ``cost_usd`` is ``None`` if nothing was charged."""

    invocations: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class CaseResult:
    """One case of a suite. ``reason`` says in a sentence why a case is not judged."""

    name: str
    target: str
    state: CaseState
    design: Design = Design.ALONE
    tags: tuple[str, ...] = ()
    reason: str | None = None
    before: SideOf | None = None
    after: SideOf | None = None
    control: SideOf | None = None
    confirming: tuple[str, ...] = ()  # ids of the fresh runs: before, after
    sizes: tuple[SizeResult, ...] = ()
    spend: CaseSpend = CaseSpend()
    warnings: tuple[Advice, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The most serious of its sizes; ``None`` where nothing was judged."""
        found = [size.verdict for size in self.sizes if size.judgements]
        return worst(found) if found else None


@dataclass(frozen=True)
class Origin:
    """The branch and commit under test; ``None`` outside of a git repository."""

    branch: str | None = None
    commit: str | None = None
    changed: bool = False  # whether files differ from the commit


@dataclass(frozen=True)
class BenchResult:
    """A whole run of a suite. Times are seconds since the epoch."""

    bench: str  # ULID
    suite: str
    environment: str | None
    origin: Origin
    seed: int
    started_at: float
    finished_at: float
    cases: tuple[CaseResult, ...]
    warn_only: bool = False
    interrupted: bool = False
    warnings: tuple[Advice, ...] = ()
    stored: bool = True

    @property
    def verdict(self) -> Verdict | None:
        """The most serious of its cases; ``None`` where nothing was judged."""
        found = [case.verdict for case in self.cases if case.verdict is not None]
        return worst(found) if found else None

    @property
    def undecided(self) -> int:
        """Number of gates of which nothing was decided."""
        return undecided(size for case in self.cases for size in case.sizes)

    @property
    def exit_code(self) -> int:
        """The exit code: 99 for a confirmed regression, unless the suite only warns."""
        if self.interrupted:
            return Interrupted.exit_code
        if self.verdict is Verdict.REGRESSED and not self.warn_only:
            return GateFailed.exit_code
        if self.cases and all(case.state is CaseState.FAILED for case in self.cases):
            return 1
        partial = (CaseState.FAILED, CaseState.REFUSED, CaseState.INTERRUPTED)
        odd = not self.stored or any(c.state in partial for c in self.cases)
        return Partial.exit_code if odd else 0


@dataclass(frozen=True)
class CompareResult:
    """Two stored runs side by side; ``gated`` says whether a failed gate is an exit code.

    ``functions`` are what was measured where these are two functions, and no versions of one.
    """

    before: SideOf
    after: SideOf
    interleaved: bool
    sizes: tuple[SizeResult, ...]
    gated: bool = False
    control: tuple[SideOf, SideOf] | None = None
    warnings: tuple[Advice, ...] = ()
    functions: tuple[str, str] | None = None

    @property
    def verdict(self) -> Verdict:
        """The most serious of its sizes."""
        return worst(size.verdict for size in self.sizes)

    @property
    def undecided(self) -> int:
        """Number of gates of which nothing was decided."""
        return undecided(self.sizes)

    @property
    def exit_code(self) -> int:
        """99 where a gate that was asked for failed."""
        return GateFailed.exit_code if self.gated and self.verdict is Verdict.REGRESSED else 0
