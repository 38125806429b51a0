"""Every sentence that explains a choice is true of it, also at the edges."""

import random
import re
from collections.abc import Mapping, Sequence

import pytest

from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.decide import Decider, Question
from tuner.decide.goal import Goal, Strategy, parse_slo
from tuner.decide.reasons import NOT_CERTAIN, SURE_ENOUGH
from tuner.decide.result import Recommendation
from tuner.records import Outcome
from tuner.units import MemoryRange


def choice(
    seen: Mapping[int, Sequence[float]], *slos: str, goal: Goal | None = None
) -> Recommendation:
    """The choice among the sizes that were seen, each with its durations (ms)."""
    goal = goal or Goal(slos=tuple(map(parse_slo, slos)))
    rates = prices("us-east-1", "x86_64")
    question = Question(goal, rates, MemoryRange(sizes_mb=tuple(seen)), seed=1)
    samples = [
        a_sample(size, ran_ms=each) for size, durations in seen.items() for each in durations
    ]
    found = Decider(question).answer(samples).recommendation
    assert found is not None
    return found


def around(ms: float) -> list[float]:
    return [ms * factor for factor in (0.97, 0.99, 1.0, 1.01, 1.02, 1.04)]


SHARED = {128: around(800.0), 512: around(200.0), 1024: around(105.0)}


def test_a_nearest_miss_is_not_called_the_cheapest() -> None:
    found = choice(SHARED, "p95<2ms")
    assert found.memory_mb == 1024
    first = found.reasons[0]
    assert first.startswith("No size meets p95<2ms; 1,024 MB comes closest, at 5")
    assert "x the limit: $" in first
    assert not any("lowest expected" in reason for reason in found.reasons)


def test_a_miss_by_little_is_told_in_per_cent() -> None:
    assert " % over the limit: " in choice(SHARED, "p95<100ms").reasons[0]


def test_a_miss_that_its_own_calls_do_not_show_is_said_to_be_likely() -> None:
    seen = [80.0 * factor for factor in (0.94, 0.97, 1.0, 1.03, 1.045) * 2]
    found = choice({128: seen, 512: seen}, "p95<83.9ms")
    assert found.meets_slo is False
    said = "No size is likely to meet p95<83.9ms; 128 MB comes closest, an estimated "
    assert found.reasons[0].startswith(said)


def test_a_nearest_miss_is_given_no_chance_to_be_the_best() -> None:
    noisy = [each * factor for each in around(100.0) for factor in (0.6, 1.6)]
    found = choice({512: noisy, 1024: [0.8 * each for each in noisy]}, "p95<150ms")
    assert found.meets_slo is False
    assert not any(reason.startswith(NOT_CERTAIN) for reason in found.reasons)


def test_objectives_that_exclude_each_other_are_said_to_fail_together() -> None:
    found = choice(SHARED, "p95<150ms", "cost<1.92usd/million")
    assert found.meets_slo is False
    none = "No size is likely to meet p95<150ms and cost<1.92usd/million together; "
    assert found.reasons[0].startswith(none)


def test_an_objective_that_is_met_is_not_listed_with_those_that_are_missed() -> None:
    found = choice(SHARED, "p95<1s", "p95<2ms")
    assert found.missed_slo == ("p95<2ms",)
    assert found.reasons[0].startswith("No size meets p95<2ms; ")
    assert "p95<1s" not in " ".join(found.reasons)
    assert choice(SHARED, "p95<1s").missed_slo == ()


def test_a_probability_of_draws_is_never_called_certain_or_impossible() -> None:
    found = choice(SHARED, "p95<500ms")
    assert found.meets_slo
    assert "with more than 99 % probability" in " ".join(found.reasons)
    [slow] = [other for other in found.runners_up if other.memory_mb == 128]
    assert slow.why_not == "meets the objectives with less than 1 % probability"


def test_a_size_likelier_to_meet_the_objectives_is_not_left_out_for_that() -> None:
    seen = {512: around(110.0), 1024: around(103.0), 2048: around(102.0)}
    found = choice(seen, "p95<110ms")
    assert (found.memory_mb, found.meets_slo) == (1024, True)
    [larger] = [other for other in found.runners_up if other.memory_mb == 2048]
    assert larger.why_not.startswith("88 % more expensive")


def test_a_nearest_miss_is_of_the_sizes_that_were_called_often_enough() -> None:
    often = [394.0 + n % 3 for n in range(12)]
    seen = {1024: [650.0] * 12, 1769: often, 2048: [370.0, 371.0]}
    found = choice(seen, "p50<300ms")
    assert found.memory_mb == 1769
    assert "1,769 MB comes closest of the sizes called 10 times, " in found.reasons[0]


def test_a_cheaper_size_that_is_left_out_is_told_with_its_probability() -> None:
    near = [190.0, 140.0, 175.0, 150.0, 199.0, 160.0, 185.0, 145.0, 170.0, 155.0]
    found = choice({128: near, 256: [each * 0.6 for each in near]}, "p95<200ms")
    assert found.memory_mb == 256
    assert found.reasons[1].startswith("It meets every objective with ")
    assert found.reasons[2].startswith("128 MB was measured 11 % cheaper, 67 % slower, but would ")
    assert found.reasons[2].endswith(" probability.")
    # The chance to meet them is one probability, that it is the cheapest such size another one.
    doubt = "cost at most 5 % more than the cheapest size that meets the objectives"
    assert f"sure to {doubt}, and to meet them. " in found.reasons[3]
    easy = choice({128: near, 256: [each * 0.6 for each in near]}, "p95<2s")
    assert not any("but would meet" in reason for reason in easy.reasons)


@pytest.mark.parametrize("seed", range(12))
def test_a_pick_below_80_per_cent_is_always_said_to_be_uncertain(seed: int) -> None:
    rng = random.Random(seed)
    times = {128: 1000.0, 256: 505.0, 512: 255.0, 1024: 130.0}
    seen = {
        size: [ms * rng.lognormvariate(0.0, 0.4) for _ in range(4)] for size, ms in times.items()
    }
    found = choice(seen)
    assert found.confidence is not None
    doubts = [reason for reason in found.reasons if reason.startswith(NOT_CERTAIN)]
    if found.confidence < SURE_ENOUGH:
        [doubt] = doubts
        assert re.search(rf"(About|At least) {found.calls_to_tell:,} more invocations", doubt)


def test_slow_calls_that_leave_a_pick_unsure_take_many_calls_to_tell() -> None:
    slow = {size: [ms] * 9 + [ms * 12] for size, ms in ((128, 850.0), (256, 430.0), (768, 160.0))}
    found = choice({**slow, 512: [227.0] * 10})
    [doubt] = [reason for reason in found.reasons if reason.startswith(NOT_CERTAIN)]
    assert "At least 1,000 more invocations" in doubt


def test_an_unsure_pick_asks_for_the_calls_that_it_and_its_rival_lack() -> None:
    rates = prices("us-east-1", "x86_64")
    question = Question(Goal(), rates, MemoryRange(range_mb=(128, 3008)), seed=1)
    seen = {128: (1375.0, 1422.0), 1024: (166.0, 177.0), 3008: (101.0, 102.0)}
    samples = [a_sample(size, ran_ms=ms) for size, both in seen.items() for ms in both]
    found = Decider(question).answer(samples).recommendation
    assert found is not None
    doubts = [reason for reason in found.reasons if reason.startswith(NOT_CERTAIN)]
    assert doubts
    assert found.calls_to_tell == 20  # 8 of the pick, 10 of a rival that was never called


def test_a_cheapest_size_with_ten_calls_is_not_said_to_have_too_few() -> None:
    def about(ms: float, calls: int) -> list[float]:
        return [ms * (1.0 + 0.002 * (n % 3 - 1)) for n in range(calls)]

    seen = {512: about(400.0, 11), 1024: about(202.0, 10), 2048: about(103.0, 14)}
    found = choice(seen)
    assert found.memory_mb == 2048
    first = "2,048 MB is 3 % more expensive, 3.9x faster than 512 MB, the cheapest"
    assert found.reasons[0].startswith(first)
    assert not any("too few" in reason for reason in found.reasons)


def test_a_faster_size_within_what_speed_may_cost_is_told_with_its_probability() -> None:
    seen = {256: [690.0] * 10, 768: [233.0, 230.0, 236.0, 231.0, 235.0] * 2}
    found = choice(seen, "cost<3.14usd/million")
    assert found.memory_mb == 256
    [line] = [reason for reason in found.reasons if "768 MB was measured" in reason]
    assert "faster, but would meet the objectives with " in line


def killed_below(worked: int, ms: float, sizes: tuple[int, ...]) -> Recommendation:
    """The choice where 128 and 192 MB ran out of memory and one size worked."""
    question = Question(Goal(), prices("us-east-1", "x86_64"), MemoryRange(sizes_mb=sizes), seed=1)
    out = {"outcome": Outcome.OUT_OF_MEMORY}
    samples = [a_sample(size, **out) for size in (128, 192) for _ in range(2)]
    samples += [a_sample(worked, ran_ms=ms) for _ in range(10)]
    found = Decider(question).answer(samples).recommendation
    assert found is not None
    return found


def test_sizes_between_failing_and_working_ones_leave_the_pick_unsure() -> None:
    found = killed_below(3008, 87.0, (128, 192, 512, 1024, 2048, 3008))
    told = " ".join(found.reasons)
    assert found.memory_mb == 3008
    assert found.confidence is not None
    assert found.confidence < SURE_ENOUGH
    assert "512 to 2,048 MB were not tried, below 3,008 MB, which works" in told
    assert "only size" not in told
    assert "more invocations at 1,024 and 3,008 MB would settle it" in told
    tried = killed_below(512, 87.0, (128, 192, 512))
    assert tried.confidence is not None
    assert tried.confidence > SURE_ENOUGH
    assert "512 MB was the only size to choose from." in tried.reasons


def test_every_size_that_cannot_run_the_function_is_named() -> None:
    found = killed_below(512, 87.0, (128, 192, 512))
    assert "At 128 and 192 MB the function runs out of memory." in found.reasons


def test_one_size_is_no_choice_and_no_reason_for_its_time_is_made_up() -> None:
    found = choice({512: around(100.0)})
    assert "512 MB was the only size to choose from." in found.reasons
    assert not any("of CPU" in reason for reason in found.reasons)


def test_calls_far_below_a_millisecond_are_not_explained_by_cpu() -> None:
    found = choice({size: [0.01, 0.02, 0.01, 0.01] for size in (128, 512, 1024)})
    assert not any("of CPU" in reason for reason in found.reasons)


def test_steps_are_told_of_calls_that_the_quota_stops_and_of_no_others() -> None:
    waiting = choice(dict.fromkeys((128, 512, 1024, 1536), around(100.0)))
    assert not any("steps" in reason for reason in waiting.reasons)
    short = choice(dict.fromkeys((128, 256, 512, 1024), around(1.5)))  # a burst lasts 4 ms
    assert not any("steps" in reason for reason in short.reasons)


def test_what_is_many_times_as_much_is_told_as_a_factor() -> None:
    found = choice({128: around(50.0), 1024: around(50.0)})
    [other] = found.runners_up
    assert other.memory_mb == 1024
    assert "x the cost" in other.why_not
    extreme = choice({128: [900_000.0] * 5, 1024: [10.0] * 5})
    assert extreme.runners_up[0].why_not.endswith("x slower")


def parts(found: Recommendation) -> list[float]:
    """The CPU and the waiting (ms) that a call is said to consist of."""
    text = " ".join(found.reasons)
    told = re.search(r"about ([\d.]+) (m?s) of CPU and ([\d.]+) (m?s) of waiting", text)
    return (
        []
        if told is None
        else [float(told[i]) * (1000.0 if told[i + 1] == "s" else 1.0) for i in (1, 3)]
    )


def test_what_a_call_consists_of_adds_up_to_what_it_takes() -> None:
    both = choice({size: around(50.0 + 100.0 * 1769 / size) for size in (256, 512, 1024, 1769)})
    cpu, wait = parts(both)
    assert 50.0 / 1.15 <= cpu + wait - 100.0 <= 50.0 * 1.5
    for seed in range(6):
        rng = random.Random(seed)
        seen = {size: around(rng.uniform(20.0, 60.0)) for size in (512, 1024, 1769)}
        if told := parts(choice(seen)):
            mean = sum(seen[1769]) / len(seen[1769])
            assert mean / 1.16 <= sum(told) <= mean * 1.16


def test_a_size_that_costs_as_little_is_not_said_to_be_cheaper() -> None:
    even = {256: [8.0] * 10, 512: [4.0] * 9 + [4.5], 1024: [2.8] * 10}
    found = choice(even)
    assert found.memory_mb == 512
    assert found.reasons[0].startswith("512 MB costs as little as 256 MB and is 49 % faster: ")


def test_a_size_that_is_as_fast_and_cheaper_says_so() -> None:
    flat = {512: around(50.2), 1024: around(50.0), 2048: around(50.1)}
    found = choice(flat, goal=Goal(Strategy.SPEED))
    assert found.memory_mb == 512
    assert found.reasons[0].startswith("512 MB is as fast as 1,024 MB and is 40 % cheaper: ")


def test_a_doubt_about_an_objective_asks_for_calls_beyond_its_percentile() -> None:
    unsure = {512: around(100.0) * 2, 1024: [each * 1.3 for each in around(80.0)]}
    found = choice(unsure, "p95<106ms")
    assert found.meets_probability is not None and found.meets_probability < 0.95
    assert found.calls_to_tell is not None
    assert found.calls_to_tell / 2 + found.verified_calls >= 60


def test_a_doubt_is_never_said_with_the_share_that_would_be_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tuner.decide.choice.believed", lambda *_: SURE_ENOUGH - 0.003)
    said = [line for line in choice(SHARED).reasons if line.startswith(NOT_CERTAIN)]
    assert said[0].startswith("Not certain yet: 79.7 % sure to ")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("strategy", [Strategy.COST, Strategy.SPEED])
def test_no_reason_contradicts_the_choices_beside_it(seed: int, strategy: Strategy) -> None:
    rng = random.Random(seed)
    wait, cpu = rng.choice([0.0, 40.0, 200.0]), rng.choice([0.5, 20.0, 100.0])
    seen = {
        size: [(wait + cpu * max(1.0, 1769 / size)) * rng.uniform(0.97, 1.03) for _ in range(10)]
        for size in (128, 512, 1024, 1769)
    }
    found = choice(seen, goal=Goal(strategy))
    name, claim = {
        Strategy.COST: ("cheapest", "has the lowest cost"),
        Strategy.SPEED: ("fastest", "has the shortest expected duration"),
    }[strategy]
    named = next(each.memory_mb for each in found.choices if each.name == name)
    first = found.reasons[0]
    if claim in first:
        assert named == found.memory_mb, first
    if ", the cheapest" in first or ", the fastest" in first:
        assert named != found.memory_mb, first
