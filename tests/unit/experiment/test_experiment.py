"""The loop, on a recording: asks become samples, limits and the user end it, all is kept."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from support.factories import a_run
from tuner.billing.cost import sample_usd
from tuner.billing.prices import prices
from tuner.clock import VirtualClock
from tuner.engine.replay_engine import ReplayEngine
from tuner.errors import Interrupted
from tuner.experiment.experiment import STOPPED, Experiment, Silent, kept
from tuner.experiment.session import Conditions, Session
from tuner.experiment.spec import RunSpec
from tuner.experiment.sweep_book import SweepBook
from tuner.experiment.wiring import Context
from tuner.options.sweep import SweepOptions
from tuner.planning.ask import Ask, Done, SoFar
from tuner.planning.budget import NO_LIMIT, Budget, Meter
from tuner.records import RunRecord, RunState, Sample, Setting
from tuner.store.runs import Store
from tuner.targets.names import parse_target
from tuner.targets.replay import open_replay

PRICES = prices("us-east-1", "x86_64")
SMALL, LARGE = Setting(128), Setting(512)


class Told:
    """A planner with asks that are known beforehand; ``heard`` is what it was told."""

    def __init__(self, *asks: Ask) -> None:
        self.asks, self.heard = list(asks), list[SoFar]()

    def next(self, so_far: SoFar) -> Ask | Done:
        self.heard.append(so_far)
        return self.asks.pop(0) if self.asks else Done("all was asked", settled=True)


class Onlooker(Silent):
    """Stops after so many samples."""

    def __init__(self, most: int = 1_000) -> None:
        self.most, self.samples, self.said = most, list[Sample](), list[str]()

    def say(self, text: str) -> None:
        self.said.append(text)

    def sampled(self, sample: Sample) -> None:
        self.samples.append(sample)

    def stop(self) -> bool:
        return len(self.samples) >= self.most


@pytest.fixture
def context(tmp_path: Path) -> Iterable[Context]:
    """A run's context around a recording of 100 ms at 128 MB and 40 ms at 512 MB."""
    file, clock = tmp_path / "r.csv", VirtualClock()
    file.write_text("memory_mb,duration_ms\n" + "128,100\n" * 5 + "512,40\n" * 5)
    target = open_replay(parse_target(f"replay:{file}"))
    with Store.open(f"sqlite:///{tmp_path}/runs.db") as store:
        engine = ReplayEngine(target.recordings(), seed=1)
        yield Context(target, engine, store, clock, clock.monotonic())


def experiment(
    context: Context, onlooker: Onlooker, limit: Budget = NO_LIMIT
) -> tuple[Experiment, RunRecord]:
    run = a_run(facts=context.target.describe())
    context.store.start(run)
    session = Session(context.target, context.engine, run.facts, Conditions(), context.clock)
    book = SweepBook(context, RunSpec(run, {}, ()))
    meter = Meter(context.seconds, limit)
    return Experiment(context, session, book, priced, onlooker, meter), run


def priced(sample: Sample) -> float | None:
    return sample_usd(sample, PRICES)


def test_a_run_has_the_id_that_its_changes_are_journalled_under(context: Context) -> None:
    facts, options = context.target.describe(), SweepOptions("replay:r.csv")
    first, second = (context.begun("sweep", options, facts).run for _ in range(2))
    assert first != second  # a recording is never changed
    context.target.run = "01JOURNAL"
    assert context.begun("sweep", options, facts).run == "01JOURNAL"


def test_asks_become_stored_samples_until_the_planner_is_done(context: Context) -> None:
    onlooker, planner = Onlooker(), Told(Ask({SMALL: 3, LARGE: 2}, "a"), Ask({LARGE: 1}, "b"))
    made, run = experiment(context, onlooker)
    assert made.run(planner) == Done("all was asked", settled=True)
    assert onlooker.said == ["next: 128, 512 MB, a", "next: 512 MB, b"]
    assert [so_far.spent.invocations for so_far in planner.heard] == [0, 5, 6]
    assert list(context.store.samples(run.run)) == onlooker.samples
    assert {sample.setting for sample in onlooker.samples} == {SMALL, LARGE}
    assert made.stopped is None


def test_a_limit_of_money_ends_an_ask_in_the_middle(context: Context) -> None:
    each = PRICES.gb_second_usd / 8 / 10 + PRICES.request_usd  # 100 ms at 128 MB
    made, run = experiment(context, Onlooker(), Budget(None, cost_usd=3.5 * each))
    planner = Told(Ask({SMALL: 50}, "many"), Ask({SMALL: 1}, "one more"))
    done = made.run(planner)
    assert not done.settled
    assert done.reason.startswith("the limit of $")
    assert len(list(context.store.samples(run.run))) == 4
    assert len(planner.asks) == 1
    assert made.stopped == done.reason


def test_how_many_warm_calls_there_may_be_is_the_planner_s_to_keep(context: Context) -> None:
    made, _ = experiment(context, Onlooker(), Budget(2))
    assert made.run(Told(Ask({SMALL: 3}, "three"))).settled


def test_a_user_who_stops_gets_what_there_is(context: Context) -> None:
    onlooker = Onlooker(most=4)
    made, run = experiment(context, onlooker)
    assert made.run(Told(Ask({SMALL: 50}, "many"))) == Done(STOPPED, settled=False)
    assert len(list(context.store.samples(run.run))) == len(onlooker.samples) == 4
    assert made.run(Told(Ask({LARGE: 1}, "more"))) == Done(STOPPED, settled=False)


def test_a_user_who_stops_a_change_of_the_function_gets_what_there_is(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    onlooker = Onlooker(most=4)
    made, run = experiment(context, onlooker)
    prepare = context.target.prepare

    def cut_short(settings: Iterable[Setting], **more: object) -> object:
        if len(onlooker.samples) < 3:
            return prepare(settings, **more)  # type: ignore[arg-type]
        onlooker.most = 3
        raise Interrupted("orders", "stopped while Lambda was still updating it")

    monkeypatch.setattr(context.target, "prepare", cut_short)
    asks = Told(Ask({SMALL: 3}, "three"), Ask({LARGE: 3}, "three more"))
    assert made.run(asks) == Done(STOPPED, settled=False)
    assert len(list(context.store.samples(run.run))) == 3


def test_an_ask_that_brings_nothing_ends_the_loop(context: Context) -> None:
    made, _ = experiment(context, Onlooker())
    done = made.run(Told(Ask({SMALL: 0}, "nothing"), Ask({SMALL: 1}, "never")))
    assert done == Done("nothing more could be measured", settled=False)


@pytest.mark.parametrize(
    ("error", "state"),
    [(ValueError("broken"), RunState.FAILED), (KeyboardInterrupt(), RunState.INTERRUPTED)],
)
def test_a_run_is_closed_whatever_ends_it(
    context: Context, error: BaseException, state: RunState
) -> None:
    run = a_run(facts=context.target.describe())
    context.store.start(run)
    with pytest.raises(type(error)), kept(context, run):
        raise error
    assert context.store.run(run.run).state is state
