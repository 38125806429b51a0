"""Stored baselines: finding and accepting them, what must match, and how far runs lie apart.

A baseline is a run's candidate with the control that was called beside it. It is kept per branch;
a branch without one of its own is compared with that of the suite's main branch. Whatever moves
figures without being a change of the code must match before two runs may be compared; it is read
from the stored runs alone.

A baseline is held against many runs, so what the platform (or this machine) does from one day to
the next shows in their ratios; assumed figures stand in only while there are too few runs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tuner.errors import NotFound, StoreError, UsageError
from tuner.model.run_history import between_runs, shared
from tuner.records import Advice, RunRecord, Sample
from tuner.store.benches import Baseline, BaselineKey, Benches, StoredBench
from tuner.store.runs import Store
from tuner.suites import moment
from tuner.suites.judgement import SHARES, Rules
from tuner.suites.result import Design, SideOf
from tuner.units import format_share

#: Raised whenever a change of the load engine or of the local Lambda moves what is measured.
ENGINE = "1"
#: Where a run keeps what only the one who measured it knows.
OPTION = "measured"

#: Key in documents, and how people call it.
MUST_MATCH: Mapping[str, str] = {
    "backend": "target kind",
    "region": "region",
    "arch": "architecture",
    "runtime": "runtime",
    "cpu": "CPU method",
    "payload": "payload",
    "engine": "load engine",
}
#: Later runs are compared with these calls for a long time, so fewer than this are a pity.
ENOUGH_CALLS = 100


def fingerprint(run: RunRecord) -> dict[str, str | None]:
    """Everything of a run that has to match; ``None`` is unknown and matches anything."""
    facts, kept = run.facts, run.options.get(OPTION) or {}
    local = facts.platform.get("cpu_method")
    return {
        "backend": str(facts.backend),
        "region": facts.region,
        "arch": facts.arch,
        "runtime": facts.runtime,
        "cpu": None if local is None else str(local),
        "payload": kept.get("payload") or _payload(run),
        "engine": kept.get("engine"),
    }


def _payload(run: RunRecord) -> str | None:
    """A hash where the run has one: files are kept by name only."""
    for name in ("payloads", "payload"):
        text = str(run.options.get(name) or "")
        if text.startswith("sha256:"):
            return text
    return None


def differences(before: RunRecord, after: RunRecord) -> list[str]:
    """Every difference in words: ``region eu-west-1 and us-east-1``; empty if they match."""
    old, new = fingerprint(before), fingerprint(after)
    found = []
    for key, name in MUST_MATCH.items():
        ours, theirs = old[key], new[key]
        if ours is None or theirs is None or ours == theirs:
            continue
        shown = (ours[:15], theirs[:15]) if key == "payload" else (ours, theirs)
        found.append(f"{name} {shown[0]} and {shown[1]}")
    return found


def refuse_unlike(before: RunRecord, after: RunRecord) -> None:
    """Raises UsageError that names everything in which the runs differ."""
    found = differences(before, after)
    if found:
        raise UsageError(
            f"runs {before.run} and {after.run}",
            f"cannot be compared: they differ in {', '.join(found)}",
            "Measure both in the same way, or accept a new baseline with `tuner bench accept`.",
        )


@dataclass(frozen=True)
class Reference:
    """An accepted run with its samples, and its control's."""

    baseline: Baseline
    run: RunRecord
    samples: tuple[Sample, ...] = field(repr=False)
    control: tuple[Sample, ...] = field(default=(), repr=False)

    @property
    def side(self) -> SideOf:
        """The side of a comparison that it is."""
        branch = self.baseline.place.branch
        label = f"baseline of {branch}" if branch else "baseline"
        return SideOf(label, self.run, self.baseline.commit or None, self.doubts)

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """What the moment in which it was measured says against it."""
        return moment.doubts(self.run, self.samples, self.control)


def find_reference(store: Store, places: Collection[BaselineKey]) -> Reference | None:
    """The baseline of the first place that has one. Raises NotFound where its run is gone."""
    benches = Benches(store)
    for place in places:
        found = benches.baseline(place)
        if found is not None:
            return _loaded(store, found)
    return None


def doubts_of(store: Store, accepted: Iterable[Baseline]) -> Iterator[tuple[str, ...]]:
    """What speaks against each; nothing of one whose run is gone."""
    for one in accepted:
        try:
            yield _loaded(store, one).doubts
        except NotFound:
            yield ()


def _loaded(store: Store, baseline: Baseline) -> Reference:
    try:
        run = store.run(baseline.run)
        samples = tuple(store.samples(run.run))
    except (NotFound, StoreError) as error:
        reason = f"the run {baseline.run} is no longer in the store"
        fix = "Accept another with `tuner bench accept`."
        raise NotFound("the baseline", reason, fix) from error
    control: tuple[Sample, ...] = ()
    if baseline.control_run is not None:
        try:
            control = tuple(store.samples(baseline.control_run))
        except (NotFound, StoreError):
            control = ()
    return Reference(baseline, run, samples, control)


@dataclass(frozen=True)
class Acceptance:
    """The author, time (seconds since the epoch) and reason; ``branch`` replaces the bench's own,
    ``only`` leaves the other cases as they are."""

    who: str
    when: float
    why: str | None = None
    branch: str | None = None
    only: tuple[str, ...] = ()


def accept(store: Store, bench: StoredBench, how: Acceptance) -> list[Baseline]:
    """Make the candidates of a bench the baselines of their cases.

    Raises UsageError where there is nothing to accept, or a case is not known.
    """
    cases = {case["case"]: case for case in bench.document.get("cases", [])}
    for name in how.only:
        if name not in cases:
            fix = f"There are: {', '.join(cases)}."
            raise UsageError(f"--only {name[:60]!r}", f"is not a case of bench {bench.bench}", fix)
    branch = bench.branch if how.branch is None else how.branch
    accepted = [
        Baseline(
            BaselineKey(bench.suite, name, bench.environment, branch),
            case["after"]["run"],
            (case.get("control") or {}).get("run"),
            bench.commit,
            how.when,
            how.who,
            how.why,
        )
        for name, case in cases.items()
        if (not how.only or name in how.only) and _whole(case)
    ]
    if not accepted:
        fix = "Run `tuner bench` again."
        raise UsageError(f"bench {bench.bench}", "has no complete case to accept", fix)
    Benches(store).accept(accepted)
    return accepted


def _whole(case: dict[str, object]) -> bool:
    """True if a case was measured to its end."""
    return case.get("after") is not None and case["state"] not in ("failed", "interrupted")


def few_calls(bench: StoredBench, accepted: Collection[Baseline]) -> list[str]:
    """A sentence for each accepted case that stopped early: its baseline is less sharp."""
    found = []
    names = {one.place.case for one in accepted}
    for case in bench.document.get("cases", []):
        calls = [gate["calls"]["after"] for size in case["sizes"] for gate in size["gates"]]
        if case["case"] in names and calls and max(calls) < ENOUGH_CALLS:
            found.append(
                f"{case['case']} has only {max(calls)} calls, because the verdict was clear early; "
                "`tuner bench --full` measures a more precise baseline"
            )
    return found


#: The newest runs of a suite that are looked at.
_RUNS = 30


def experienced(rules: Rules, store: Store, place: BaselineKey) -> tuple[Rules, list[Advice]]:
    """Rules with what earlier runs of a case showed: the part of the control's drift that it
    shares, and what is left, where that is more than assumed."""
    found = drift_told(Benches(store).all(place.suite, place.environment, _RUNS), place.case)
    if found is None:
        return rules, []
    drift, shares = found
    wider = rules_of(rules, drift, shares)
    if drift <= rules.drift_left_by_control:
        return wider, []
    text = (
        f"Earlier runs of {place.case} differ by about {format_share(drift)} from one to the next, "
        "so a smaller change cannot be told from a baseline; --against compares in one run."
    )
    return wider, [Advice("runs-apart", text)]


def rules_of(rules: Rules, drift: float, shares: tuple[float, float]) -> Rules:
    """The rules with a drift and shares that were learned."""
    if shares != SHARES:  # what it does beside is in the drift that is left
        rules = replace(rules, shares=shares, unshared=0.0)
    if drift <= rules.drift_left_by_control:
        return rules
    return replace(rules, drift=max(rules.drift, drift), drift_left_by_control=drift)


def drift_told(
    benches: Sequence[StoredBench], case: str
) -> tuple[float, tuple[float, float]] | None:
    """Standard deviation of the logarithm by which two runs differ, beside what they share of their
    control's drift, and the bounds of that share; ``benches`` newest first.

    A level that drifts moves all measures of a size, so the one that scatters least tells it
    best; what its calls scatter is in it, which errs on the side of no alarm. ``None`` for fewer
    than five runs.
    """
    series: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for bench in reversed(benches):
        for judged in bench.document.get("cases", ()):
            if judged["case"] != case or judged["design"] != str(Design.BASELINE):
                continue
            for size in judged["sizes"]:
                for gate in size["gates"]:
                    if gate["before"] and gate["after"] and not gate["gate"].startswith(_STARTS):
                        seen = (gate["after"] / gate["before"], gate.get("control_ratio") or 1.0)
                        series.setdefault((size["memory_mb"], gate["gate"]), []).append(seen)
    told = [found for pairs in series.values() if (found := learned(*zip(*pairs, strict=True)))]
    return min(told, default=None)


#: Gates of starts, which the control's own starts are a witness of.
_STARTS = ("init", "cold_")


def learned(
    ratios: Sequence[float], controls: Sequence[float]
) -> tuple[float, tuple[float, float]] | None:
    """What runs of one measure tell: the drift that is left and the bounds of the share. Ratios to
    the baseline, of the function and of its control, in the order of the runs; ``None`` for fewer
    than five."""
    bounds = shared(ratios, controls) or SHARES
    # Never beyond what is possible; nothing shared stays so, as the values shown say that.
    low, high = max(SHARES[0], min(bounds[0], 0.0)), min(SHARES[1], max(bounds[1], 0.0))
    share = min(max(sum(bounds) / 2.0, low), high)
    left = between_runs(np.array(ratios) / np.array(controls) ** share)
    return None if left is None else (left, (low, high))
