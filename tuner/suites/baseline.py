"""Stored baselines: finding that of a case, and accepting runs as new ones.

A baseline is a run's candidate with the control that was called beside it. It is kept per branch;
a branch without one of its own is held against that of the suite's main branch.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from tuner.errors import NotFound, StoreError, UsageError
from tuner.records import RunRecord, Sample
from tuner.store.benches import Baseline, Benches, Place, StoredBench
from tuner.store.runs import Store


@dataclass(frozen=True)
class Reference:
    """An accepted run with its samples, and its control's."""

    baseline: Baseline
    run: RunRecord
    samples: tuple[Sample, ...] = field(repr=False)
    control: tuple[Sample, ...] = field(default=(), repr=False)


def find_reference(store: Store, places: Collection[Place]) -> Reference | None:
    """The baseline of the first place that has one. Raises NotFound where its run is gone."""
    benches = Benches(store)
    for place in places:
        found = benches.baseline(place)
        if found is not None:
            return _loaded(store, found)
    return None


def _loaded(store: Store, baseline: Baseline) -> Reference:
    try:
        run = store.run(baseline.run)
        samples = tuple(store.samples(run.run))
    except (NotFound, StoreError) as error:
        reason = f"the run {baseline.run} is not in the store any more"
        fix = "Accept another one with `tuner bench accept`."
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
    """Who accepts, when (seconds since the epoch) and why; ``branch`` replaces the bench's own,
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
            raise UsageError(f"--only {name[:60]!r}", f"is no case of bench {bench.bench}", fix)
    branch = bench.branch if how.branch is None else how.branch
    accepted = [
        Baseline(
            Place(bench.suite, name, bench.environment, branch),
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
        raise UsageError(f"bench {bench.bench}", "measured nothing that could be accepted", fix)
    Benches(store).accept(accepted)
    return accepted


def _whole(case: dict[str, object]) -> bool:
    """Whether a case was measured to its end."""
    return case.get("after") is not None and case["state"] not in ("failed", "interrupted")


#: Later runs are compared with these calls for a long time, so fewer than this are a pity.
ENOUGH_CALLS = 100


def few_calls(bench: StoredBench, accepted: Collection[Baseline]) -> list[str]:
    """A sentence for each accepted case that stopped early: its baseline is less sharp."""
    found = []
    names = {one.place.case for one in accepted}
    for case in bench.document.get("cases", []):
        calls = [gate["calls"]["after"] for size in case["sizes"] for gate in size["gates"]]
        if case["case"] in names and calls and max(calls) < ENOUGH_CALLS:
            found.append(
                f"{case['case']} has {max(calls)} calls only, since it was clear early; "
                "`tuner bench --full` measures a sharper baseline"
            )
    return found
