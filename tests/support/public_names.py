"""Python as users write it: mypy --strict checks it, and a test runs what works offline."""

from pathlib import Path
from typing import assert_type

import tuner
from tuner.api.results import (
    BenchResult,
    CompareResult,
    LoadResult,
    PlanResult,
    SweepResult,
)


def measured(recording: str, store: str, reports: Path) -> SweepResult:
    """A sweep with options as texts, numbers, lists and mappings."""
    found = tuner.sweep(
        f"replay:{recording}",
        memory=[128, 512],
        method="grid",
        samples=4,
        slo=["p95<30s", "cost<50usd/million"],
        max_cost=0.5,
        max_time="10m",
        where={},
        cold=0,
        seed=1,
        store=store,
        output=reports,
    )
    assert_type(found, SweepResult)
    return found


def again(run: str, store: str) -> SweepResult:
    """The same run with another question."""
    return tuner.recommend(run, strategy="speed", slo="p95<20s", store=store)


def loaded(recording: str, store: str) -> LoadResult:
    """A load; ``None`` writes no report."""
    return tuner.load(
        f"replay:{recording}",
        memory=512,
        rate="50/s",
        duration="2s",
        seed=1,
        stop_on="errors>50%",
        store=store,
        output=None,
    )


def compared(before: str, after: str, store: str) -> CompareResult:
    """Two stored runs."""
    return tuner.compare(before, after, gate=["p95 +10%"], store=store)


def planned(target: str) -> PlanResult:
    """A forecast; ``200ms`` is what a warm call is expected to take."""
    return tuner.plan(target, memory="128:1024", expect="200ms", env={"STAGE": "dev"})


def started(target: str) -> SweepResult:
    """Cold starts."""
    return tuner.cold(target, memory=[128], cold=3, output=None)


def benched(suite: str) -> BenchResult:
    """A suite against another version."""
    return tuner.bench(suite=suite, against="git:main", only=["orders"], max_cost="$0.10")


def opened(run: str) -> SweepResult | LoadResult:
    """A stored run."""
    return tuner.open_run(run)
