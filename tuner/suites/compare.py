"""Two stored runs compared size by size; nothing is invoked.

Runs of one bench that were called in turn are compared as such; others took place at other times,
and the drift between runs counts, less what a control took out that was called beside both. How
many of their calls started cold is mostly chance, so their costs are compared by warm calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tuner.errors import NotFound, StoreError, UsageError
from tuner.experiment.recommend import cost_of
from tuner.model.quantiles import order_statistics
from tuner.records import Advice, Backend, Purpose, RunRecord, Sample
from tuner.sample_table import table_of
from tuner.store import thinning
from tuner.store.exchange import StoredRun
from tuner.store.runs import Store, find
from tuner.suites.baseline import refuse_unlike
from tuner.suites.gate import Gate, Subject, parse_gate, parse_gates
from tuner.suites.judgement import Judgement, Rules
from tuner.suites.result import (
    CompareResult,
    SideFigures,
    SideOf,
    SizeResult,
    undecided_advice,
)
from tuner.suites.rounds import Cost
from tuner.suites.side import Pair, Side, side_of
from tuner.suites.sides import Role
from tuner.suites.verdict import judge
from tuner.units import listed

#: What is compared where no gate is named; those without values on both sides are left out.
USUAL = ("p50 +10%", "p95 +10%", "cost_per_million +5%", "init +20%", "errors", "throttles")

#: Shares of cold starts that differ by less are not worth a word.
_SAME_COLD = 0.01


@dataclass(frozen=True)
class _Run:
    """A stored run and the control that was called beside it."""

    stored: StoredRun
    control: StoredRun | None = None

    @property
    def run(self) -> RunRecord:
        return self.stored.run

    @property
    def thinned(self) -> bool:
        """True if only histograms of its samples are left."""
        return thinning.DOCUMENT in self.stored.documents

    @property
    def arches(self) -> set[str]:
        """The architectures that were measured."""
        return {kind.setting.arch for kind in table_of(self.stored.samples).counts()}

    @property
    def arch(self) -> str:
        """The architecture to compare: the function's own, if it was measured."""
        own = self.run.facts.arch
        return own if own in self.arches or not self.arches else min(self.arches)

    def at(self, size: int) -> list[Sample]:
        """Calls of this size on the architecture to compare."""
        return [s for s in _at(self.stored, size) if s.arch == self.arch]

    def sizes(self) -> set[int]:
        """The sizes that were measured, in MB."""
        arch = self.arch
        return {
            kind.setting.memory_mb
            for kind in table_of(self.stored.samples).counts()
            if kind.purpose is not Purpose.WARM_UP and kind.setting.arch == arch
        }


def compare_runs(
    before: str, after: str, gates: Sequence[str] = (), store_url: str | None = None
) -> CompareResult:
    """Compare two runs by id, prefix, ``last`` or exported file.

    Raises UsageError for a bad gate, and for runs that cannot be compared, naming why.
    """
    wanted, complaints = parse_gates(gates, "--gate")
    if complaints:
        raise complaints[0]
    old, new = _found(before, store_url), _found(after, store_url)
    sizes, together = _common_sizes(old, new), _together(old, new)
    control = None
    if not together and old.control is not None and new.control is not None:
        control = _side(old.control.run), _side(new.control.run)
    chosen = wanted or [parse_gate(text) for text in USUAL]
    rules = Rules(gates=len(chosen) * len(sizes))
    judged = tuple(_size(old, new, size, chosen, rules, bool(wanted)) for size in sizes)
    return CompareResult(
        before=_side(old.run),
        after=_side(new.run),
        interleaved=together,
        sizes=judged,
        gated=bool(wanted),
        control=control,
        warnings=(
            *_warnings(old, new, sizes),
            *_apart(old, new, sizes, chosen),
            *(undecided_advice(judged) if wanted else ()),
        ),
        functions=None if _together(old, new) else two_functions(old.run, new.run),
    )


def two_functions(before: RunRecord, after: RunRecord) -> tuple[str, str] | None:
    """How the functions of two runs are called where these are not one: by their names, their
    handlers, or the rows that were kept of a recording, which has the name of its file."""
    old, new = before.facts, after.facts
    if new.backend is Backend.REPLAY:
        rows = [", ".join(run.options.get("where") or ()) for run in (before, after)]
        return (rows[0], rows[1]) if all(rows) and rows[0] != rows[1] else None
    if old.name != new.name:
        return old.name, new.name
    local = new.backend is Backend.LOCAL and before.target != after.target
    if local and old.handler and new.handler and new.handler != old.handler:
        return f"{old.name} ({old.handler})", f"{new.name} ({new.handler})"
    return None


def _common_sizes(old: _Run, new: _Run) -> list[int]:
    """The sizes to compare, in MB. Raises UsageError for runs that cannot be compared."""
    runs = f"runs {old.run.run} and {new.run.run}"
    if old.run.run == new.run.run:
        reason = "cannot be compared with itself"
        raise UsageError(f"run {old.run.run}", reason, "Name another run.")
    refuse_unlike(old.run, new.run)
    if old.arch != new.arch:
        fix = "Compare runs that measured the same architecture."
        raise UsageError(runs, f"were measured on {old.arch} and {new.arch}", fix)
    sizes = sorted(old.sizes() & new.sizes())
    if not sizes:
        listed = f"{_listed(old.sizes())} and {_listed(new.sizes())}"
        fix = "Measure the same sizes in both."
        raise UsageError(runs, f"have no size in common: {listed}", fix)
    return sizes


def _size(
    old: _Run, new: _Run, size: int, gates: Sequence[Gate], rules: Rules, asked: bool
) -> SizeResult:
    """Judge a size by the gates, and give what its charts show."""
    cost = cost_of(new.run.facts)
    pair = _pair(old, new, size, _of_warm(cost) if _by_warm(old, new) else cost)
    judged = _judged(pair, _pair(old, new, size, cost), gates, rules, asked)
    return SizeResult(size, judged, sides=(_figures(pair.before), _figures(pair.after)))


def _figures(side: Side) -> SideFigures:
    durations, costs = side.values(Subject.DURATION), side.values(Subject.COST)
    return SideFigures(
        len(durations), order_statistics(durations.values), order_statistics(costs.values)
    )


def _judged(
    pair: Pair, whole: Pair, gates: Sequence[Gate], rules: Rules, asked: bool
) -> tuple[Judgement, ...]:
    """Judge a size; objectives by the ``whole``."""
    if not asked:
        gates = [g for g in gates if _has(pair.before, g) and _has(pair.after, g)]
    return tuple(judge(g, pair if g.limit is None else whole, rules) for g in gates)


def _by_warm(old: _Run, new: _Run) -> bool:
    """True if cold starts are chance: in a recording, or where both were called in turn, they are
    part of what is compared."""
    return not _together(old, new) and new.run.facts.backend is not Backend.REPLAY


def _of_warm(cost: Cost) -> Cost:
    return lambda sample: None if sample.cold else cost(sample)


def _has(side: Side, gate: Gate) -> bool:
    return gate.subject.share or len(side.values(gate.subject)) > 0


def _pair(old: _Run, new: _Run, size: int, cost: Cost) -> Pair:
    before, after = side_of(old.at(size), cost), side_of(new.at(size), cost)
    if _together(old, new):
        return Pair(before, after, True)
    control = None
    if old.control is not None and new.control is not None:
        then, now = _at(old.control, size), _at(new.control, size)
        if then and now:
            control = side_of(then, cost).without_rounds(), side_of(now, cost).without_rounds()
    return Pair(before.without_rounds(), after.without_rounds(), False, control)


#: What a bench says of a run and those that were measured with it, beside its ``side``.
_TRIAL = ("bench", "case", "confirming")


def _together(old: _Run, new: _Run) -> bool:
    """True if both are sides of one trial, called in turn, and each call's round is known."""
    if old.thinned or new.thinned:
        return False
    before, after = old.run.options, new.run.options
    sides = {before.get("side"), after.get("side")}
    same = all(before.get(key) == after.get(key) for key in _TRIAL)
    return same and sides == {str(Role.BEFORE), str(Role.AFTER)}


def _found(ref: str, url: str | None) -> _Run:
    stored = find(ref, url)
    return _Run(stored, _control(stored.run, url))


def _control(run: RunRecord, url: str | None) -> StoredRun | None:
    wanted = {"side": str(Role.CONTROL), **{key: run.options.get(key) for key in _TRIAL}}
    if wanted["bench"] is None:
        return None
    try:
        with Store.open(url, create=False) as store:
            for other in store.runs(command=run.command):
                if all(other.options.get(key) == value for key, value in wanted.items()):
                    return store.stored(other.run)
    except (StoreError, NotFound):  # an exported file may be compared without any store
        return None
    return None


def _warnings(old: _Run, new: _Run, sizes: Sequence[int]) -> Iterator[Advice]:
    """Name what differs or is left out, and the limits of runs whose samples were thinned."""
    if (two := two_functions(old.run, new.run)) is not None:
        text = (
            f"These are two functions, {' and '.join(two)}, and no versions of one: what "
            "differs is theirs, and no verdict is about a change."
        )
        yield Advice("different-functions", text)
    odd = (old.sizes() | new.sizes()) - set(sizes)
    if odd:
        was, are = ("was", "is") if len(odd) == 1 else ("were", "are")
        text = f"{_listed(odd)} {was} measured in only one of the runs and {are} left out."
        yield Advice("sizes-left-out", text)
    for each in (old, new):
        name = f"Run {each.run.run}"
        others = sorted(each.arches - {each.arch})
        if others:
            be = "is" if len(others) == 1 else "are"
            text = f"{name} also measured {listed(others)}, which {be} left out."
            yield Advice("architecture-left-out", text)
        if each.thinned:
            limits = thinning.advice(each.stored.documents[thinning.DOCUMENT])
            yield replace(limits, text=f"{name}: {limits.text}")


def _apart(old: _Run, new: _Run, sizes: Sequence[int], gates: Sequence[Gate]) -> Iterator[Advice]:
    """Say what runs of other times differ in, beside their functions."""
    if _together(old, new):
        return
    if new.run.facts.backend is not Backend.REPLAY and None in (old.control, new.control):
        text = (
            "No control was called beside both runs, so a drift of the machine or platform between "
            "them is part of each difference; `tuner bench --against` decides in one run."
        )
        yield Advice("no-control", text)
    (first, before), (then, after) = _cold(old, sizes), _cold(new, sizes)
    differ = before and after and abs(first / before - then / after) > _SAME_COLD
    if not differ or not any(g.subject is Subject.COST and g.limit is None for g in gates):
        return
    text = f"{first:,} of {before:,} calls before and {then:,} of {after:,} after started cold"
    if _by_warm(old, new):
        yield Advice("cold-share", f"{text}; cost_per_million is that of the warm calls.")
    else:
        yield Advice("cold-share", f"{text}; that is part of the change of cost_per_million.")


def _cold(of: _Run, sizes: Sequence[int]) -> tuple[int, int]:
    """Calls that started cold without being made to, of all."""
    aside = (Purpose.WARM_UP, Purpose.COLD)
    calls = [s for size in sizes for s in of.at(size) if s.purpose not in aside]
    return sum(s.cold for s in calls), len(calls)


def _at(stored: StoredRun, size: int) -> list[Sample]:
    return list(table_of(stored.samples).only(lambda kind: kind.setting.memory_mb == size))


def _side(run: RunRecord) -> SideOf:
    return SideOf(f"{run.target} ({run.run})", run)


def _listed(sizes: set[int]) -> str:
    return f"{listed(f'{size:,}' for size in sorted(sizes))} MB" if sizes else "none"
