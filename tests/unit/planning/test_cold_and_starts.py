"""Planners of cold starts and of ways to start: what they ask for, and in which order."""

from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.goal import Goal
from tuner.decide.rows import size_rows
from tuner.model.observations import from_samples
from tuner.planning.ask import Ask, Done, How, Planner, SoFar
from tuner.planning.budget import NO_LIMIT, Budget, Spent
from tuner.planning.cold import ColdStarts
from tuner.planning.starts import Starts
from tuner.records import Purpose, Setting


def asks(planner: Planner, so_far: SoFar) -> tuple[list[Ask], Done]:
    """All asks of a planner that hears nothing new."""
    found = []
    while isinstance(ask := planner.next(so_far), Ask):
        found.append(ask)
    return found, ask


def called(*sizes: int, arch: str = "x86_64") -> list[object]:
    return [a_sample(size, arch=arch, ran_ms=100.0) for size in sizes]


def test_the_pick_and_both_ends_are_started_cold_on_each_architecture() -> None:
    samples = [*called(128, 512, 1024), *called(256, 512, arch="arm64")]
    planner = ColdStarts({"x86_64": 512, "arm64": 512}, 3, NO_LIMIT)
    [ask], done = asks(planner, SoFar(samples))
    assert ask.how is How.COLD
    assert ask.counts == {
        Setting(128): 3, Setting(512): 3, Setting(1024): 3,
        Setting(256, "arm64"): 3, Setting(512, "arm64"): 3,
    }  # fmt: skip
    assert done.settled


def test_cold_starts_that_no_table_counts_are_none_of_those_asked_for() -> None:
    begun = [a_sample(128, purpose=Purpose.WARM_UP, init_ms=90.0), *called(128)]
    seen = [*begun, a_sample(128, call=1, init_ms=90.0)]
    [first], [second] = (
        asks(ColdStarts({"x86_64": 128}, 2, NO_LIMIT), SoFar(each))[0] for each in (begun, seen)
    )
    assert (first.counts, second.counts) == ({Setting(128): 2}, {Setting(128): 1})
    [row] = size_rows(seen, from_samples(seen), Goal(), prices("us-east-1", "x86_64"))
    assert row.cold.n == 1


def test_a_limit_cuts_cold_starts_down_unless_their_number_was_asked_for() -> None:
    so_far = SoFar(called(128, 1024), Spent(20, 0.0, 1.0))
    few, _ = asks(ColdStarts({"x86_64": None}, None, Budget(24)), so_far)
    assert [dict(ask.counts) for ask in few] == [{Setting(128): 2, Setting(1024): 2}]
    none, done = asks(ColdStarts({"x86_64": None}, None, Budget(20)), so_far)
    assert not none
    assert done.settled
    asked, _ = asks(ColdStarts({"x86_64": None}, 4, Budget(20)), so_far)
    assert [dict(ask.counts) for ask in asked] == [{Setting(128): 4, Setting(1024): 4}]


WAYS = [
    Setting(512, arch, start)
    for start in ("provisioned=2", "on-demand", "snapstart")
    for arch in ("x86_64", "arm64")
]


def test_what_is_paid_by_the_hour_is_started_last_on_each_architecture() -> None:
    found, done = asks(Starts(WAYS, 5, 3, NO_LIMIT), SoFar())
    told = [(setting.start, setting.arch, ask.how, n) for ask in found for setting, n in
            ask.counts.items()]  # fmt: skip
    assert told == [
        ("on-demand", "x86_64", How.COLD, 5),
        ("on-demand", "x86_64", How.WARM, 5),
        ("on-demand", "arm64", How.COLD, 5),
        ("on-demand", "arm64", How.WARM, 5),
        ("snapstart", "x86_64", How.FIRST, 3),
        ("snapstart", "arm64", How.FIRST, 3),
        ("provisioned=2", "x86_64", How.FIRST, 2),
        ("provisioned=2", "arm64", How.FIRST, 2),
    ]
    assert done == Done("every way to start was measured", settled=True)


def test_a_way_that_failed_is_named_and_the_others_are_measured() -> None:
    found, done = asks(Starts(WAYS[:4], 5, 5, NO_LIMIT), SoFar(failed={WAYS[0]: "too many"}))
    assert len(found) == 6
    assert done.reason == "provisioned=2 could not be measured as planned"
    assert not done.settled


def test_a_limit_names_the_way_that_it_leaves_out() -> None:
    planner = Starts(WAYS, 5, 5, Budget(10))
    assert isinstance(planner.next(SoFar()), Ask)
    assert isinstance(planner.next(SoFar(spent=Spent(5))), Ask)
    done = planner.next(SoFar(spent=Spent(10)))
    assert isinstance(done, Done)
    assert done.reason == "the limit of 10 invocations is reached before on-demand was measured"
