"""The rules of the choice, on made-up draws."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.decide.choice import believed, interval, loss, pick
from tuner.decide.goal import Goal, Strategy, parse_slo
from tuner.decide.outlook import Outlook, worth_of

SIZES = np.array([128, 256, 512, 1024])
SLO = Goal(slos=(parse_slo("p95<300ms"),))


def outlook(
    cost: list[float],
    drifted: list[list[float]] | None = None,
    duration: list[float] | None = None,
    broken: list[float] | None = None,
    spread: float = 0.001,
) -> Outlook:
    """100 draws around the given costs; ``broken`` is the share of draws that break."""
    rng = np.random.default_rng(1)
    noise = np.exp(spread * rng.standard_normal((100, 4)))
    scores = np.stack([np.array(d or cost) * noise for d in (drifted or [cost] * 3)])
    share = np.array(broken or [0.0] * 4)
    margin = np.where(np.arange(100)[:, None] < 100 * share, 1.2, 0.8)
    times = np.array(duration or [800.0, 400.0, 200.0, 100.0])
    return Outlook(SIZES, np.stack([times * noise] * 3), scores, scores, margin)


def test_the_cheapest_is_picked_surely() -> None:
    found = pick(outlook([3.0, 2.0, 1.0, 2.0]), Goal())
    assert (found.index, found.meets, found.chance) == (2, None, 1.0)
    assert found.safe_mb == (512, 512)


def test_equal_costs_go_to_the_faster_size() -> None:
    assert pick(outlook([1.0, 1.0005, 1.001, 1.5]), Goal()).index == 2


def test_equal_speeds_go_to_the_cheaper_size() -> None:
    flat = outlook([100.0] * 4, duration=[100.0, 100.2, 100.1, 100.0])
    cheaper = replace(flat, drifted_cost=flat.drifted_cost * [4, 3, 1, 2])
    assert pick(cheaper, Goal(Strategy.SPEED)).index == 2


def test_a_size_just_right_of_an_edge_loses_to_one_with_a_margin() -> None:
    edge = [[1.0, 1.02, 3.0, 3.0], [1.0, 1.02, 3.0, 3.0], [1.5, 1.03, 3.0, 3.0]]
    found = pick(outlook([1.0, 1.02, 3.0, 3.0], drifted=edge), Goal())
    assert found.index == 1
    assert found.safe_mb == (256, 256)


def test_sizes_as_good_whichever_way_demand_drifts_make_the_safe_range() -> None:
    assert pick(outlook([1.0, 1.01, 1.02, 2.0]), Goal()).safe_mb == (128, 512)


def test_an_objective_excludes_what_likely_breaks_it() -> None:
    found = pick(outlook([1.0, 1.5, 2.0, 3.0], broken=[0.9, 0.0, 0.0, 0.0]), SLO)
    assert (found.index, found.meets) == (1, True)
    assert found.chance == 1.0 or found.chance > 0.85


def test_a_small_risk_is_taken_only_for_a_large_saving() -> None:
    dear = outlook([1.0, 2.0, 3.0, 4.0], broken=[0.05, 0.0, 0.0, 0.0])
    near = outlook([1.0, 1.04, 3.0, 4.0], broken=[0.05, 0.0, 0.0, 0.0])
    assert pick(dear, SLO).index == 0
    assert pick(near, SLO).index == 1


def test_without_a_size_that_likely_meets_them_the_nearest_miss_is_named() -> None:
    lost = outlook([1.0, 1.0, 1.0, 1.0], broken=[1.0] * 4)
    margin = lost.margin * [4.0, 3.0, 1.1, 2.0]
    found = pick(replace(lost, margin=margin), SLO)
    assert (found.index, found.meets, found.chance) == (2, False, 0.0)


def test_of_misses_as_near_one_that_another_beats_is_not_named() -> None:
    """Its draws say that 256 MB is cheaper, and its own calls that 512 MB is, and faster."""
    lost = outlook([4.0, 1.0, 2.0, 5.0], broken=[1.0] * 4)
    margin = lost.margin * [4.0, 1.0, 1.01, 2.0]
    seen = {128: (4.0, 800.0), 256: (3.0, 400.0), 512: (2.0, 200.0), 1024: (5.0, 100.0)}
    calls = dict.fromkeys(seen, 10)
    basis: Any = SimpleNamespace(calls=calls, enough=10, seen=seen.__getitem__, goal=SLO)
    found = pick(replace(lost, margin=margin), SLO, basis)
    assert (found.index, found.meets) == (2, False)
    calls[512] = 3  # too few to be named
    assert pick(replace(lost, margin=margin), SLO, basis).index == 1


@pytest.mark.parametrize("ms", [79.8 - 1e-13, 79.79])
def test_a_size_that_is_as_fast_as_a_cheaper_one_is_not_the_fastest(ms: float) -> None:
    """Its draws say that 256 MB is faster by 2 %, and its own calls that it is a digit."""
    draws = outlook([81.6, 80.0, 200.0, 300.0], duration=[81.6, 80.0, 200.0, 300.0])
    goal = Goal(Strategy.SPEED)
    seen = {128: (0.37, 79.8), 256: (0.53, ms), 512: (0.9, 200.0), 1024: (1.5, 300.0)}
    calls = dict.fromkeys(seen, 10)
    basis: Any = SimpleNamespace(
        calls=calls,
        enough=10,
        seen=seen.__getitem__,
        goal=goal,
        observations=SimpleNamespace(memory_mb=np.zeros(0), duration_ms=np.zeros(0)),
    )
    assert pick(draws, goal, basis).index == 0
    seen[256] = (0.53, 79.0)
    assert pick(draws, goal, basis).index == 1


@given(st.floats(0, 1, allow_subnormal=False), st.integers(0, 30), st.integers(1, 20))
def test_fewer_calls_of_its_own_than_needed_make_a_pick_less_sure(
    chance: float, calls: int, enough: int
) -> None:
    found = believed(chance, calls, enough)
    assert 0.95 * chance <= found <= chance
    assert calls >= enough or found < 0.99
    assert believed(chance, calls + 1, enough) >= found
    assert (found == chance) == (calls >= enough or chance == 0.0)


def test_confidence_is_low_where_draws_disagree() -> None:
    found = pick(outlook([1.0, 1.02, 1.04, 1.03], spread=0.3), Goal())
    assert found.chance < 0.6


def test_the_loss_of_the_best_size_is_one() -> None:
    expected = loss(outlook([4.0, 2.0, 8.0, 6.0])).mean(axis=0)
    assert expected == pytest.approx([2.0, 1.0, 4.0, 3.0], rel=0.01)


def test_of_equally_near_misses_the_best_score_is_named() -> None:
    lost = outlook([1.0, 2.0, 3.0, 4.0], broken=[1.0] * 4)
    margin = lost.margin * [1.2, 1.01, 1.0, 1.0]
    found = pick(replace(lost, margin=margin), SLO)
    assert (found.index, found.meets) == (1, False)


def test_a_function_stays_where_moving_gains_next_to_nothing() -> None:
    near = outlook([1.0, 1.006, 1.5, 2.0], duration=[402.0, 400.0, 200.0, 100.0])
    assert pick(near, Goal()).index == 0
    assert pick(near, Goal(current_mb=256)).index == 1


def test_a_function_moves_for_a_real_gain_in_cost_or_in_speed() -> None:
    dear = outlook([1.0, 1.03, 1.5, 2.0], duration=[400.0] * 4)
    slow = outlook([1.006, 1.0, 1.5, 2.0])
    assert pick(dear, Goal(current_mb=256)).index == 0
    assert pick(slow, Goal(current_mb=128)).index == 1


def test_a_function_does_not_stay_at_a_size_that_breaks_an_objective() -> None:
    near = outlook([1.0, 1.001, 1.5, 2.0], broken=[0.9, 0.0, 0.0, 0.0], duration=[400.0] * 4)
    assert pick(near, Goal(slos=SLO.slos, current_mb=128)).index == 1


def test_an_interval_lies_around_the_draws_and_holds_the_measured_mean() -> None:
    draws = np.exp(0.02 * np.random.default_rng(0).standard_normal(4000))
    lucky = interval(0.9, draws, 0.0)
    assert (lucky.mean, lucky.low) == (0.9, 0.9)
    assert lucky.high == pytest.approx(np.exp(1.645 * 0.02), rel=0.01)
    wide = interval(1.0, draws, 0.08)
    assert wide.high == pytest.approx(np.exp(1.645 * np.hypot(0.02, 0.08)), rel=0.01)


def test_speed_may_cost_what_it_is_worth_and_not_more() -> None:
    cost = np.array([[1.0, 1.025, 1.06]])
    third = worth_of(np.array([[300.0, 180.0, 90.0]]), cost, 0.03)
    tenth = worth_of(np.array([[300.0, 270.0, 90.0]]), cost, 0.03)
    plain = worth_of(np.array([[300.0, 180.0, 90.0]]), cost, 0.0)
    assert [int(scores.argmin()) for scores in (third, tenth, plain)] == [1, 0, 0]
