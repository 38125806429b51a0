"""How far runs lie apart, told from a suite's earlier runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tuner.store.benches import BaselineKey, Benches, StoredBench
from tuner.store.runs import Store
from tuner.suites.baseline import drift_told, experienced
from tuner.suites.judgement import DRIFT_LEFT_BY_CONTROL, SHARES, Rules

PLACE = BaselineKey("nightly", "orders", "", "main")


def stored(
    number: int, design: str, gates: dict[str, float | None], control: float | None = None
) -> StoredBench:
    judged = [
        {
            "gate": gate, "before": None if ratio is None else 100.0,
            "after": 90.0 if ratio is None else 100.0 * ratio, "control_ratio": control,
        }
        for gate, ratio in gates.items()
    ]  # fmt: skip
    case = {
        "case": "orders", "design": design, "sizes": [{"memory_mb": 512, "gates": judged}]
    }  # fmt: skip
    return StoredBench(
        f"01JDT00000000000000000{number:04d}", "nightly", "", "main", "", 1e9 + number,
        1e9 + number + 9, "same", {"cases": [case]},
    )  # fmt: skip


def history(drift: float, count: int, design: str = "baseline") -> list[StoredBench]:
    """Newest first; calls scatter the p99 by 20 % more, and an objective has no ratio."""
    rng = np.random.default_rng(5)
    level = np.exp(drift * rng.standard_normal(count) / np.sqrt(2.0))
    noisy = level * np.exp(0.2 * rng.standard_normal(count))
    rows = [
        {"p50 +10%": float(a), "p99 +20%": float(b), "p95<300ms": None}
        for a, b in zip(level, noisy, strict=True)
    ]
    return [stored(i, design, row) for i, row in enumerate(rows)][::-1]


def rules_after(tmp_path: Path, benches: Sequence[StoredBench]) -> tuple[Rules, list[str]]:
    with Store.open(f"sqlite:///{tmp_path}/runs.db") as store:
        for bench in benches:
            Benches(store).save(bench)
        rules, advice = experienced(Rules(), store, PLACE)
    return rules, [each.code for each in advice]


def test_the_measure_that_scatters_least_tells_the_drift() -> None:
    for drift in (0.08, 0.0):
        told = drift_told(history(drift, 30), "orders")
        assert told is not None
        assert told[0] == pytest.approx(drift, rel=0.5, abs=1e-6)
        assert told[1] == SHARES  # no control was called


def test_few_runs_other_cases_and_sides_of_one_run_tell_nothing() -> None:
    assert drift_told(history(0.08, 4), "orders") is None
    assert drift_told(history(0.08, 30), "other") is None
    assert drift_told(history(0.08, 30, design="interleaved"), "orders") is None
    assert drift_told([], "orders") is None


def test_a_drift_beyond_the_assumed_one_widens_the_rules_and_is_said(tmp_path: Path) -> None:
    rules, told = rules_after(tmp_path, history(0.08, 20))
    assert rules.drift_left_by_control > 4 * DRIFT_LEFT_BY_CONTROL
    assert rules.drift >= rules.drift_left_by_control
    assert told == ["runs-apart"]


def test_a_calm_history_leaves_the_rules_as_they_are(tmp_path: Path) -> None:
    assert rules_after(tmp_path, history(0.002, 20)) == (Rules(), [])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_part_that_a_case_shares_of_its_control_s_drift_is_learned(share: float) -> None:
    rng = np.random.default_rng(6)
    drifts = np.exp(0.2 * rng.standard_normal(20))
    ratios = drifts**share * np.exp(0.01 * rng.standard_normal(20))
    benches = [
        stored(i, "baseline", {"p50 +10%": float(ratio)}, float(drift))
        for i, (ratio, drift) in enumerate(zip(ratios, drifts, strict=True))
    ]
    told = drift_told(benches[::-1], "orders")
    assert told is not None
    assert told[0] < 0.03
    assert told[1][0] <= 0.0 <= told[1][1]  # as the values shown say
    assert share <= told[1][1] < share + 0.15
    assert drift_told(benches[:4], "orders") is None
