"""Drift between runs: how far two runs of a case lie apart without any change.

A baseline is held against many runs, so what the platform (or this machine) does from one day to
the next shows in their ratios; assumed figures stand in only while there are too few runs.
"""

from collections.abc import Sequence
from dataclasses import replace

from tuner.model.run_history import between_runs
from tuner.records import Advice
from tuner.store.benches import BaselineKey, Benches, StoredBench
from tuner.store.runs import Store
from tuner.suites.judgement import Rules
from tuner.suites.result import Design

#: The newest runs of a suite that are looked at.
_RUNS = 30


def experienced(rules: Rules, store: Store, place: BaselineKey) -> tuple[Rules, list[Advice]]:
    """Rules with the drift that earlier runs of a case showed, where that is more than assumed."""
    earlier = Benches(store).all(place.suite, place.environment, _RUNS)
    drift = drift_told(earlier, place.case)
    if drift is None or drift <= rules.drift_left_by_control:
        return rules, []
    wider = replace(rules, drift=max(rules.drift, drift), drift_left_by_control=drift)
    text = (
        f"Earlier runs of {place.case} differ by about {drift:.0%} from one to the next without "
        "any change, so a smaller one cannot be told from a baseline; --against compares in one "
        "run."
    )
    return wider, [Advice("runs-apart", text)]


def drift_told(benches: Sequence[StoredBench], case: str) -> float | None:
    """Standard deviation of the logarithm by which two runs differ; ``benches`` newest first.

    A level that drifts moves all measures of a size, so the one that scatters least tells it
    best; what its calls scatter is in it, which errs on the side of no alarm. ``None`` for fewer
    than five runs.
    """
    series: dict[tuple[int, str], list[float]] = {}
    for bench in reversed(benches):
        for judged in bench.document.get("cases", ()):
            if judged["case"] != case or judged["design"] != str(Design.BASELINE):
                continue
            for size in judged["sizes"]:
                for gate in size["gates"]:
                    if gate["before"] and gate["ratio"]:
                        key = (size["memory_mb"], gate["gate"])
                        series.setdefault(key, []).append(gate["ratio"])
    told = [drift for ratios in series.values() if (drift := between_runs(ratios)) is not None]
    return min(told, default=None)
