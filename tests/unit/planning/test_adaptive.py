"""The adaptive plan asks where the decision hangs, and stops when it is made."""

from dataclasses import replace

import numpy as np

from tuner.planning.adaptive import Adaptive, first_ask, next_ask
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent
from tuner.planning.value import Beliefs, expected_gain
from tuner.records import Setting

PLAN = Adaptive()
SIZES = np.array([128, 256, 512, 1024])


def beliefs(spread: list[float], means: list[float], price: list[float] | None = None) -> Beliefs:
    """Independent beliefs about the loss at four sizes; durations tell the losses directly."""
    rng = np.random.default_rng(0)
    log_loss = np.log(means) + np.array(spread) * rng.standard_normal((400, 4))
    losses = np.exp(log_loss)
    return Beliefs(
        choice_mb=SIZES,
        loss=losses,
        ask_mb=SIZES,
        log_ms=log_loss,
        sd=np.full(4, 0.05),
        price_usd=np.array(price or [1e-6] * 4),
        seconds=np.full(4, 0.1),
        pick=int(losses.mean(axis=0).argmin()),
    )


def test_the_start_covers_both_ends() -> None:
    ask = first_ask(SIZES, "x86_64", PLAN, Budget(40))
    assert min(ask.counts) == Setting(128)
    assert max(ask.counts) == Setting(1024)


def test_a_tiny_budget_still_starts() -> None:
    assert first_ask(SIZES, "x86_64", PLAN, Budget(1)).invocations == 1
    assert first_ask(SIZES, "x86_64", PLAN, Budget(3)).invocations <= 3


def test_the_contender_that_is_least_known_is_asked() -> None:
    ask = next_ask(
        beliefs([0.01, 0.3, 0.01, 0.3], [1.0, 1.0, 1.02, 5.0]),
        PLAN,
        Budget(40),
        Spent(14),
        np.random.default_rng(1),
    )
    assert isinstance(ask, Ask)
    assert list(ask.counts) == [Setting(256)]


def test_of_two_equally_informative_sizes_the_cheaper_is_asked() -> None:
    even = beliefs([0.2, 0.2, 0.001, 0.001], [1.0, 1.0, 3.0, 3.0], [5e-6, 1e-6, 1e-6, 1e-6])
    ask = next_ask(even, PLAN, Budget(40), Spent(14), np.random.default_rng(1))
    assert isinstance(ask, Ask)
    assert list(ask.counts) == [Setting(256)]


def test_a_clear_winner_settles_it() -> None:
    clear = beliefs([0.01] * 4, [1.0, 1.5, 2.0, 3.0])
    done = next_ask(clear, PLAN, Budget(40), Spent(20), np.random.default_rng(1))
    assert isinstance(done, Done)
    assert done.settled


def test_a_spent_budget_is_said() -> None:
    unsure = beliefs([0.3] * 4, [1.0] * 4)
    done = next_ask(unsure, PLAN, Budget(20), Spent(20), np.random.default_rng(1))
    assert isinstance(done, Done)
    assert not done.settled
    assert "20 invocations" in done.reason


def test_repeats_are_cut_to_what_the_budget_allows() -> None:
    unsure = beliefs([0.3] * 4, [1.0] * 4)
    ask = next_ask(
        unsure, replace(PLAN, repeats=5), Budget(21), Spent(20), np.random.default_rng(1)
    )
    assert isinstance(ask, Ask)
    assert ask.invocations == 1


def test_nothing_is_gained_where_everything_is_known() -> None:
    known = beliefs([0.0] * 4, [1.0, 2.0, 3.0, 4.0])
    assert expected_gain(known, 2, np.random.default_rng(1)).max() == 0.0


def test_more_repeats_gain_more() -> None:
    unsure = replace(beliefs([0.1] * 4, [1.0] * 4), sd=np.full(4, 0.4))
    one, many = (expected_gain(unsure, n, np.random.default_rng(1), 200).sum() for n in (1, 30))
    assert many > one


def test_the_present_pick_is_called_beside_the_size_that_is_asked() -> None:
    found = replace(beliefs([0.01, 0.3, 0.01, 0.3], [1.0, 1.0, 1.02, 5.0]), beside_mb=512)
    ask = next_ask(found, PLAN, Budget(40), Spent(14), np.random.default_rng(1))
    assert isinstance(ask, Ask)
    assert ask.counts == {Setting(256): PLAN.repeats, Setting(512): 1}
    last = next_ask(found, PLAN, Budget(14 + PLAN.repeats), Spent(14), np.random.default_rng(1))
    assert isinstance(last, Ask)
    assert last.invocations == PLAN.repeats
