"""Earlier sweeps in the store widen or narrow the interval, if they are of the same function."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.factories import a_function, a_run, a_sample
from tuner.decide.conclude_across import Findings, conclude_all
from tuner.decide.result import Sweep
from tuner.experiment.earlier_runs import beside_earlier
from tuner.experiment.recommend import recommend_run
from tuner.experiment.spec import RunSpec, run_spec
from tuner.options.sweep import SweepOptions
from tuner.records import Backend, FunctionFacts, Purpose, RunRecord, Sample
from tuner.store.documents import BETWEEN_RUNS, Notes
from tuner.store.plain import plain
from tuner.store.runs import Store

SIZES, USUAL = (128, 256, 512, 1024), 0.03
OPTIONS = {"target": "aws:orders", "seed": 1, "payload": "{}"}
FUNCTION = a_function(code_sha256="one", handler="app.handler")


def calls(seed: int, apart: float, **fields: Any) -> list[Sample]:
    """Ten calls of each size of a run whose sizes differ by so much from those of other runs."""
    rng = np.random.default_rng(seed)
    means = {size: 2e4 / size * np.exp(apart * rng.standard_normal()) for size in SIZES}
    return [
        a_sample(
            size, call=i, ran_ms=round(mean * np.exp(0.02 * rng.standard_normal()), 2), **fields
        )
        for size, mean in means.items()
        for i in range(10)
    ]


def a_sweep(number: int, facts: FunctionFacts = FUNCTION, **options: Any) -> RunRecord:
    """A sweep of some day, the first on day 0."""
    return a_run(
        f"01JDS00000000000000000{number:04d}",
        target="aws:orders",
        facts=facts,
        started_at=1_767_225_600.0 + 86_400.0 * number,
        finished_at=1_767_225_641.0 + 86_400.0 * number,
        options={**OPTIONS, **options},
    )


def keep(store: Store, run: RunRecord, samples: list[Sample]) -> None:
    """Put a finished run into the store."""
    store.start(replace(run, finished_at=None))
    store.add(run.run, samples)
    store.finish(run.run, run.state, run.finished_at or 0.0)


def kept(store: Store, apart: float, count: int, **options: Any) -> None:
    """Put sweeps into the store that differ by so much."""
    for number in range(count):
        keep(store, a_sweep(number, **options), calls(number, apart))


def beside(store: Store, run: RunRecord) -> RunSpec:
    """The run as it is begun beside what is stored."""
    return beside_earlier(run_spec(SweepOptions(**run.options), (), run), store)


def told(store: Store, run: RunRecord) -> tuple[int, float]:
    """How many earlier runs count, and what the question takes runs to differ by."""
    spec = beside(store, run)
    [side] = spec.sides.values()
    return sum(each.runs for each in spec.spreads.each), side.question.run_sd


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "runs.db"))


@pytest.mark.parametrize(("apart", "least", "most"), [(0.15, 0.08, 0.25), (0.0, 0.005, 0.024)])
def test_earlier_runs_of_the_same_code_tell(
    store: Store, apart: float, least: float, most: float
) -> None:
    kept(store, apart, 4)
    runs, sd = told(store, a_sweep(9))
    assert runs == 4
    assert least < sd < most


def test_one_earlier_run_tells_nothing(store: Store) -> None:
    assert told(store, a_sweep(9)) == (0, USUAL)
    kept(store, 0.15, 1)
    assert told(store, a_sweep(9)) == (0, USUAL)


def test_later_runs_and_this_one_are_no_earlier_ones(store: Store) -> None:
    kept(store, 0.15, 4)
    assert told(store, a_sweep(2))[0] == 2
    assert told(store, a_sweep(1)) == (0, USUAL)


@pytest.mark.parametrize(
    "changed",
    [
        {"facts": replace(FUNCTION, code_sha256="two")},
        {"facts": replace(FUNCTION, code_sha256=None)},
        {"facts": replace(FUNCTION, runtime="python3.14")},
        {"facts": replace(FUNCTION, arn=f"{FUNCTION.arn}-other")},
        {"facts": replace(FUNCTION, backend=Backend.LOCAL)},
        {"payload": '{"n": 2}'},
    ],
)
def test_runs_of_something_else_do_not_count(store: Store, changed: dict[str, Any]) -> None:
    kept(store, 0.15, 4)
    assert told(store, a_sweep(9, **changed))[0] == 0


def test_on_this_machine_another_machine_is_something_else(store: Store) -> None:
    here = replace(FUNCTION, backend=Backend.LOCAL, platform={"machine": "x86_64", "cores": 2})
    kept(store, 0.15, 4, facts=here)
    assert told(store, a_sweep(9, here))[0] == 4
    more = replace(here, platform={"machine": "x86_64", "cores": 8})
    assert told(store, a_sweep(9, more))[0] == 0


def test_calls_of_a_load_and_of_another_architecture_do_not_count(store: Store) -> None:
    for number in range(4):
        others = calls(number, 0.15, load="steady", purpose=Purpose.LOAD)
        keep(store, a_sweep(number), [*others, *calls(number, 0.15, arch="arm64")])
    assert told(store, a_sweep(9)) == (0, USUAL)


def answered(store: Store, run: RunRecord) -> Sweep:
    """The run's answer beside what is stored; it is stored itself."""
    spec, samples = beside(store, run), calls(77, 0.0)
    keep(store, run, samples)
    store.save_document(run.run, BETWEEN_RUNS, plain(spec.spreads))
    return conclude_all(Findings(run, samples, {}, Notes(spreads=spec.spreads)), spec.sides)


def width(sweep: Sweep) -> float:
    """Log width of the interval of the pick's cost."""
    assert sweep.recommendation is not None
    cost = sweep.recommendation.cost_usd_per_million
    assert cost is not None and cost.high is not None and cost.low is not None
    return float(np.log(cost.high / cost.low))


def test_the_interval_is_as_wide_as_runs_differ(tmp_path: Path) -> None:
    widths = []
    for number, apart in enumerate((0.0, None, 0.15)):
        with Store.open(str(tmp_path / f"{number}.db")) as store:
            if apart is not None:
                kept(store, apart, 5)
            widths.append(width(answered(store, a_sweep(9))))
    calm, usual, wild = widths
    assert calm < 0.85 * usual
    assert wild > 1.8 * usual


def test_the_answer_says_what_it_takes_runs_to_differ_by(store: Store) -> None:
    alone = answered(store, a_sweep(1)).between_runs
    assert alone is not None
    assert (alone.sd, alone.usual_sd, alone.runs, alone.sizes) == (USUAL, USUAL, 0, 0)
    kept_before = answered(store, a_sweep(2)).between_runs
    assert kept_before is not None and kept_before.runs == 0
    beside_two = answered(store, a_sweep(3)).between_runs
    assert beside_two is not None
    assert (beside_two.runs, beside_two.sizes) == (2, 4)
    assert beside_two.sd < USUAL


def test_a_stored_run_is_answered_as_it_was(store: Store, tmp_path: Path) -> None:
    kept(store, 0.15, 4)
    run = a_sweep(9)
    before = answered(store, run)
    keep(store, a_sweep(10), calls(10, 0.5))
    again = recommend_run(run.run, str(tmp_path / "runs.db"))
    assert again.between_runs == before.between_runs
    assert width(again) == pytest.approx(width(before))
