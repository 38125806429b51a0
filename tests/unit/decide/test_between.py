"""Which architecture: best sizes of curves held against each other."""

import numpy as np

from support.factories import a_function, a_sample
from tuner.decide.between import choose_between
from tuner.decide.conclude_across import told_apart
from tuner.decide.decide import Standing
from tuner.decide.goal import Goal, Strategy, parse_slo
from tuner.decide.outlook import Outlook, side_by_side
from tuner.measure.health import check
from tuner.records import Backend

SIZES = np.array([128, 256, 512])


def standing(cost: list[float], ms: list[float], index: int, broken: float = 0.0) -> Standing:
    """100 draws that scatter by 1 % around these; ``broken`` is the share that breaks a goal."""
    noise = np.exp(0.01 * np.random.default_rng(5).standard_normal((3, 100, 1)))
    margin = np.where(np.arange(100)[:, None] < 100 * broken, 1.3, 0.8) * np.ones((1, 3))
    costs, times = np.array(cost) * noise, np.array(ms) * noise
    return Standing(Outlook(SIZES, times, costs, costs, margin), index)


FAST, SLOW = [400.0, 200.0, 100.0], [440.0, 220.0, 110.0]


def test_the_cheapest_best_size_wins_whatever_the_other_sizes_cost() -> None:
    here = standing([9.0, 2.0, 9.0], FAST, 1)
    there = standing([3.0, 3.0, 1.6], SLOW, 2)
    found = choose_between({"x86_64": here, "arm64": there}, Goal(), "x86_64")
    assert (found.arch, found.confidence) == ("arm64", 1.0)
    assert found.chances == {"x86_64": 0.0, "arm64": 1.0}


def test_speed_is_chosen_by_duration() -> None:
    both = {"x86_64": standing([2.0] * 3, FAST, 2), "arm64": standing([1.0] * 3, SLOW, 2)}
    assert choose_between(both, Goal(Strategy.SPEED), None).arch == "x86_64"


def test_the_function_stays_where_moving_gains_next_to_nothing() -> None:
    both = {
        "x86_64": standing([2.0] * 3, FAST, 2),
        "arm64": standing([1.995] * 3, [399.0, 199.0, 99.5], 2),
    }
    assert choose_between(both, Goal(), "x86_64").arch == "x86_64"
    assert choose_between(both, Goal(), None).arch == "arm64"


def test_a_cheaper_architecture_that_likely_breaks_an_objective_loses() -> None:
    goal = Goal(slos=(parse_slo("p95<300ms"),))
    both = {
        "x86_64": standing([2.0] * 3, FAST, 2),
        "arm64": standing([1.0] * 3, SLOW, 2, broken=0.9),
    }
    assert choose_between(both, goal, "arm64").arch == "x86_64"


def test_where_nothing_meets_the_objectives_the_nearest_miss_is_chosen() -> None:
    goal = Goal(slos=(parse_slo("p95<300ms"),))
    far = standing([1.0] * 3, SLOW, 2, broken=1.0)
    near = standing([2.0] * 3, FAST, 2, broken=1.0)
    near.outlook.margin[:] = 1.05
    assert choose_between({"arm64": far, "x86_64": near}, goal, None).arch == "x86_64"


def test_draws_of_two_curves_stand_beside_each_other_by_chance() -> None:
    one = standing([2.0] * 3, FAST, 2).outlook
    joint = side_by_side([one, one], Goal(), 0)
    assert not np.allclose(joint.cost[:, 0], joint.cost[:, 3])
    assert np.allclose(np.sort(joint.cost[:, 0]), np.sort(joint.cost[:, 3]))


def test_a_balance_is_struck_over_all_candidates_of_all_architectures() -> None:
    one = standing([2.0, 4.0, 8.0], [400.0, 200.0, 100.0], 1).outlook
    two = standing([4.0, 8.0, 16.0], [200.0, 100.0, 50.0], 1).outlook
    joint = side_by_side([one, two], Goal(Strategy.BALANCED), 0)
    dear = joint.cost / joint.cost.max(axis=1, keepdims=True)
    slow = joint.duration_ms / joint.duration_ms.max(axis=1, keepdims=True)
    assert np.allclose(joint.score, 0.5 * dear + 0.5 * slow)


def test_a_doubt_that_counts_sizes_says_of_which_architectures() -> None:
    platform = {"cpu_method": "none"}
    few = [a_sample(size, call=i, ran_ms=9.0) for size in (128, 512) for i in range(3)]
    facts = a_function(backend=Backend.LOCAL, platform=platform)
    some = [*few, *(a_sample(128, call=i, ran_ms=9.0) for i in range(3, 12))]
    both = told_apart({"x86_64": check(few, facts), "arm64": check(few, facts)})
    told = [each.text for each in both if each.code == "few-samples"]
    assert [text[:40] for text in told] == ["On each architecture: All sizes have few"]
    assert not any(each.text.startswith("On") for each in both if each.code != "few-samples")
    apart = told_apart({"x86_64": check(few, facts), "arm64": check(some, facts)})
    starts = [each.text[:24] for each in apart if each.code == "few-samples"]
    assert starts == ["On x86_64: All sizes hav", "On arm64: 1 of the 2 siz"]
    assert told_apart({"x86_64": check(few, facts)}) == check(few, facts)
