"""Verdicts are read off intervals: regressed, improved, same, or cannot tell with a way out."""

import dataclasses

import numpy as np
import pytest

from tuner.model.comparison import Counted, Effect, Measured
from tuner.model.looks import Looks
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import Rules, Verdict, confirming_rules, judgement, rules_for
from tuner.suites.rounds import next_look
from tuner.suites.side import Pair, Side
from tuner.suites.verdict import alarming, confirmed, judge, judge_all, read

P50 = parse_gate("p50 +10%")


def side(seed: int, calls: int, middle: float = 100.0, spread: float = 0.05) -> Side:
    values = middle * np.exp(spread * np.random.default_rng(seed).standard_normal(calls))
    return Side(
        duration_ms=Measured.of(values, np.arange(calls)),
        cost_usd=Measured.of(values * 1e-8),
        throttles=Counted(0, calls),
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.03, Verdict.SAME),
        (0.01, 0.05, Verdict.SAME),
        (0.01, 0.15, Verdict.REGRESSED),
        (0.12, 0.15, Verdict.REGRESSED),
        (-0.15, -0.01, Verdict.IMPROVED),
        (-0.05, 0.15, Verdict.CANNOT_TELL),
        (-0.2, 0.2, Verdict.CANNOT_TELL),
    ],
)
def test_an_interval_means_one_thing(low: float, high: float, verdict: Verdict) -> None:
    assert read(low, high, 0.1) is verdict


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1.0, Verdict.SAME),
        (1.03, Verdict.SAME),
        (1.2, Verdict.REGRESSED),
        (0.8, Verdict.IMPROVED),
    ],
)
def test_a_change_is_found_and_no_change_is_shown(factor: float, verdict: Verdict) -> None:
    pair = Pair(side(1, 200), side(2, 200, 100 * factor))
    judgement = judge(P50, pair, Rules(gates=10))
    assert judgement.verdict is verdict
    assert judgement.low is not None
    assert judgement.high is not None
    assert judgement.ratio is not None
    assert judgement.low < judgement.ratio < judgement.high
    assert judgement.low < factor < judgement.high
    assert judgement.calls == (200, 200)


@pytest.mark.parametrize(
    ("ratio", "low", "said"),
    [
        (1.099, 1.046, "; surely slower, and more than 5 % is likely"),
        (1.04, 1.01, "; surely slower, and more than 5 % is possible"),
        (1.2, 1.1, "ms"),
    ],
)
def test_a_regression_says_how_sure_more_than_the_gate_is(
    ratio: float, low: float, said: str
) -> None:
    gate = parse_gate("p50 +5%")
    found = judge(gate, Pair(side(1, 200), side(2, 200, 120.0)), Rules())
    assert dataclasses.replace(found, ratio=ratio, low=low).sentence.endswith(said)


def test_too_few_calls_cannot_tell_and_say_how_many_would_be_enough() -> None:
    noisy = judge(P50, Pair(side(3, 30, spread=0.3), side(4, 30, spread=0.3)), Rules(gates=10))
    assert noisy.verdict is Verdict.CANNOT_TELL
    assert noisy.enough is not None
    assert noisy.enough > 100
    assert f"about {noisy.enough:,} calls per side would settle it" in noisy.sentence
    calls = noisy.enough
    told = [
        judge(P50, Pair(side(i, calls, spread=0.3), side(i + 99, calls, spread=0.3)), Rules(10))
        for i in range(20)
    ]
    assert sum(j.verdict is Verdict.SAME for j in told) >= 13


def test_a_number_of_calls_that_nobody_would_make_is_no_advice() -> None:
    values = 100.0 * np.exp(3.0 * np.random.default_rng(3).standard_normal(30))
    before, after = (
        dataclasses.replace(side(3, 30), duration_ms=Measured.of(each, np.arange(30)))
        for each in (values, values[::-1])
    )
    wild = judge(P50, Pair(before, after), Rules(gates=10))
    assert wild.verdict is Verdict.CANNOT_TELL
    assert wild.enough is not None
    assert wild.enough > 10_000
    assert "too noisy" in wild.sentence
    assert "calls a side" not in wild.sentence


def test_a_percentile_without_enough_calls_beyond_it_asks_for_them() -> None:
    judgement = judge(parse_gate("p99 +10%"), Pair(side(1, 60), side(2, 60)), Rules())
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert judgement.enough == 500
    assert (judgement.low, judgement.high) == (None, None)


def test_two_runs_of_other_times_are_not_told_apart_below_the_drift() -> None:
    before, after = side(1, 2000), side(2, 2000, 106.0)
    assert judge(parse_gate("p50 +4%"), Pair(before, after), Rules()).verdict is Verdict.REGRESSED
    stored = judge(parse_gate("p50 +4%"), Pair(before, after, interleaved=False), Rules())
    assert stored.verdict is Verdict.CANNOT_TELL
    assert stored.enough is None
    assert "more calls alone would not settle it" in stored.sentence


def test_calls_are_no_way_out_where_what_two_runs_differ_by_is_too_much() -> None:
    few, rules = (side(1, 10), side(2, 10)), Rules(gates=18)
    apart = judge(parse_gate("p95 +10%"), Pair(*few, interleaved=False), rules)
    assert (apart.verdict, apart.enough) == (Verdict.CANNOT_TELL, None)
    assert "more calls alone would not settle it" in apart.sentence
    together = judge(parse_gate("p95 +10%"), Pair(*few), rules)
    assert together.untold
    assert together.sentence.endswith("; it takes at least 100 calls per side to tell")
    many = Pair(side(1, 2000), side(2, 2000), interleaved=False)
    assert judge(parse_gate("p95 +10%"), many, rules).verdict is Verdict.CANNOT_TELL
    looking = Rules(gates=18, looks=Looks((100, 200)))
    assert judge(parse_gate("p95 +10%"), Pair(*few, interleaved=False), looking).enough == 100


def beside(drift: float, factor: float) -> Pair:
    """A run on a machine that its control found slower, and the function by another factor."""
    control = side(3, 400, 50.0), side(4, 400, 50.0 * drift)
    return Pair(side(1, 400), side(2, 400, 100.0 * factor), interleaved=False, control=control)


def test_a_control_is_a_witness_and_what_it_cannot_decide_is_left_open() -> None:
    unchanged = judge(P50, beside(1.41, 1.41), Rules(gates=10))
    assert unchanged.verdict is Verdict.CANNOT_TELL
    assert unchanged.ratio == pytest.approx(1.41, abs=0.02)
    assert unchanged.control_ratio == pytest.approx(1.41, abs=0.02)
    said = "the machine drifted by +41 %; `--against` decides it in one run"
    assert unchanged.sentence.endswith(said)
    assert judge(P50, beside(1.0, 1.0), Rules(gates=10)).verdict is Verdict.SAME
    assert judge(P50, beside(1.05, 1.25), Rules(gates=10)).verdict is Verdict.REGRESSED
    assert judge(P50, beside(1.41, 2.5), Rules(gates=10)).verdict is Verdict.REGRESSED


def test_a_function_that_is_known_to_wait_is_judged_on_a_machine_that_drifts() -> None:
    waits = Rules(gates=10, shares=(0.0, 0.05), unshared=0.0)
    assert judge(P50, beside(1.41, 1.0), Rules(gates=10)).verdict is Verdict.CANNOT_TELL
    assert judge(P50, beside(1.41, 1.0), waits).verdict is Verdict.SAME
    assert judge(P50, beside(1.41, 1.2), waits).verdict is Verdict.REGRESSED


@pytest.mark.parametrize("drift", [0.7, 0.95, 1.05, 1.41, 2.0])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("change", [0.7, 1.0, 1.37])
def test_no_verdict_contradicts_the_truth_or_the_values_beside_it(
    drift: float, share: float, change: float
) -> None:
    j = judge(P50, beside(drift, change * drift**share), Rules(gates=10))
    true = read(np.log(change) - 1e-9, np.log(change) + 1e-9, np.log(1.1))
    assert j.verdict in (true, Verdict.CANNOT_TELL)
    assert j.before and j.after and j.low and j.high and j.ratio
    assert j.ratio == pytest.approx(j.after / j.before)
    assert j.low <= j.ratio <= j.high
    assert j.verdict is not Verdict.REGRESSED or j.after > j.before
    assert j.verdict is not Verdict.IMPROVED or j.after < j.before
    assert j.verdict is not Verdict.SAME or 1 / 1.1 < j.after / j.before < 1.1


def test_a_control_with_few_calls_keeps_no_run_from_going_on() -> None:
    wide = side(3, 20, 50.0, spread=0.15), side(4, 20, 50.0, spread=0.15)
    pair = Pair(side(1, 20), side(2, 20), interleaved=False, control=wide)
    judgement = judge(P50, pair, Rules(gates=10, looks=Looks((20, 200))))
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert judgement.enough is not None


def test_an_objective_is_kept_missed_or_open() -> None:
    pair = Pair(Side(), side(1, 400))
    rules = Rules(gates=10)
    kept = judge(parse_gate("p95<150ms"), pair, rules)
    assert kept.verdict is Verdict.SAME
    assert kept.before is None
    assert "is met" in kept.sentence
    assert judge(parse_gate("p95<100ms"), pair, rules).verdict is Verdict.REGRESSED
    near = judge(parse_gate("p95<109ms"), pair, rules)
    assert near.verdict is Verdict.CANNOT_TELL
    assert near.enough is not None
    assert near.enough > 400
    assert judge(parse_gate("max<100ms"), pair, rules).verdict is Verdict.REGRESSED
    assert judge(parse_gate("throttles<5%"), pair, rules).verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (0, 0, Verdict.SAME),
        (0, 30, Verdict.REGRESSED),
        (30, 0, Verdict.IMPROVED),
        (0, 2, Verdict.CANNOT_TELL),
    ],
)
def test_throttles_are_counted_exactly(before: int, after: int, verdict: Verdict) -> None:
    pair = Pair(Side(throttles=Counted(before, 200)), Side(throttles=Counted(after, 200)))
    judgement = judge(parse_gate("throttles"), pair, Rules(gates=10))
    assert judgement.verdict is verdict
    assert (judgement.before, judgement.after) == (before / 200, after / 200)
    assert judgement.sentence


def test_a_side_without_values_cannot_be_told() -> None:
    judgement = judge(parse_gate("init +20%"), Pair(side(1, 50), side(2, 50)), Rules())
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert judgement.ratio is None
    assert judgement.enough is None
    assert "no values" in judgement.sentence


def test_cost_is_told_per_million() -> None:
    judgement = judge(parse_gate("cost +5%"), Pair(side(1, 300), side(2, 300)), Rules())
    assert judgement.before == pytest.approx(1.0, rel=0.05)
    assert "per million" in judgement.sentence


def test_sampling_stops_when_all_is_clear_and_goes_on_while_it_is_not() -> None:
    looks = Looks((20, 50, 200))
    rules = Rules(gates=2, looks=looks)
    gates = [P50, parse_gate("cost +10%")]
    clear = Pair(side(1, 50, spread=0.01), side(2, 50, 150.0, spread=0.01))
    assert next_look((), 0, looks) == 20
    assert next_look(judge_all(gates, clear, rules), 50, looks) is None
    vague = Pair(side(1, 50, spread=0.3), side(2, 50, spread=0.3))
    assert next_look(judge_all(gates, vague, rules), 50, looks) == 200
    assert next_look(judge_all(gates, vague, rules), 200, looks) is None


def test_a_regression_below_its_gate_is_looked_at_again_while_looks_are_left() -> None:
    looks = Looks((50, 100, 400))
    rules = Rules(gates=2, looks=looks)
    small = Pair(side(1, 100, spread=0.1), side(2, 100, 107.0, spread=0.1))
    judgement = judge(P50, small, rules)
    assert judgement.verdict is Verdict.REGRESSED
    assert judgement.ratio is not None
    assert judgement.ratio < 1.1
    assert next_look([judgement], 100, looks) == 400
    large = Pair(side(1, 100, spread=0.1), side(2, 100, 125.0, spread=0.1))
    assert next_look([judge(P50, large, rules)], 100, looks) is None


def test_before_the_first_look_nothing_is_told() -> None:
    pair = Pair(side(1, 10, spread=0.01), side(2, 10, 200.0, spread=0.01))
    judgement = judge(P50, pair, Rules(looks=Looks((20, 200))))
    assert judgement.verdict is Verdict.CANNOT_TELL
    assert judgement.enough == 20


def test_a_regression_counts_only_after_a_fresh_run_has_shown_it_again() -> None:
    first = judge(P50, Pair(side(1, 200), side(2, 200, 120.0)), rules_for(10))
    assert alarming([first]) == (P50,)
    rules = confirming_rules(rules_for(10), 1)

    def again(middle: float) -> Verdict:
        fresh = judge(P50, Pair(side(3, 200), side(4, 200, middle)), rules)
        return confirmed([first], [fresh])[0].verdict

    assert again(120.0) is Verdict.REGRESSED
    assert again(100.0) is Verdict.SAME
    assert confirmed([first], [])[0].verdict is Verdict.CANNOT_TELL  # it did not come to one


def test_a_verdict_that_contradicts_its_values_is_an_error_of_ours() -> None:
    gate = parse_gate("init +20%")
    slower = Effect(87.0, 107.0, 1.23, 0.65, 0.85, 0.02, 40, 40)
    for verdict, effect in [
        (Verdict.IMPROVED, slower),
        (Verdict.REGRESSED, dataclasses.replace(slower, before=107.0, after=87.0)),
    ]:
        with pytest.raises(AssertionError, match=r"init \+20%: .* with .* -> "):
            judgement(gate, effect, 0.99, verdict)
    assert judgement(gate, slower, 0.99, Verdict.REGRESSED).verdict is Verdict.REGRESSED


@pytest.mark.parametrize("gate", ["init +20%", "cold_p50 +20%"])
@pytest.mark.parametrize("drift", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("rise", [0.8, 1.0, 1.23])
def test_starts_are_judged_as_their_values_say_whatever_the_control_s_did(
    gate: str, drift: float, rise: float
) -> None:
    def starts(seed: int, middle: float) -> Side:
        noise = np.random.default_rng(seed).standard_normal(60)
        values = Measured.of(middle * np.exp(0.05 * noise), np.arange(60))
        return Side(init_ms=values, cold_ms=values, duration_ms=values)

    control = starts(3, 100.0), starts(4, 100.0 * drift)
    pair = Pair(starts(1, 87.0), starts(2, 87.0 * rise), interleaved=False, control=control)
    j = judge(parse_gate(gate), pair, Rules(gates=10))
    assert j.before and j.after and j.low and j.ratio and j.high
    assert j.low <= j.ratio <= j.high
    assert j.verdict is not Verdict.IMPROVED or j.after < j.before
    assert j.verdict is not Verdict.REGRESSED or j.after > j.before
