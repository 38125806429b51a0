"""The grid asks every size alike, in rounds, within the budget."""

from support.factories import sized
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent
from tuner.planning.grid import next_ask
from tuner.records import Setting


def settings(*sizes: int) -> list[Setting]:
    return [Setting(size) for size in sizes]


def test_a_grid_asks_for_all_that_is_missing() -> None:
    ask = next_ask(settings(128, 256), 3, sized({128: 1}), Budget(None), Spent())
    assert isinstance(ask, Ask)
    assert dict(ask.counts) == sized({128: 2, 256: 3})
    assert ask.invocations == 5


def test_a_full_grid_is_settled() -> None:
    done = next_ask(settings(128, 256), 2, sized({128: 2, 256: 3}), Budget(None), Spent(5))
    assert done == Done("every size has its samples", settled=True)


def test_a_small_budget_is_spread_over_the_sizes() -> None:
    ask = next_ask(settings(128, 256, 512), 10, sized({}), Budget(invocations=7), Spent())
    assert isinstance(ask, Ask)
    assert dict(ask.counts) == sized({128: 3, 256: 2, 512: 2})


def test_a_spent_budget_ends_it() -> None:
    done = next_ask(settings(128, 256), 2, sized({128: 2, 256: 1}), Budget(invocations=3), Spent(3))
    assert isinstance(done, Done)
    assert not done.settled
    assert done.reason == "the limit of 3 invocations is reached"
