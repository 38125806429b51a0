"""One side of a comparison: what its invocations measured, by subject."""

from support.factories import a_sample
from tuner.records import Purpose
from tuner.suites.side import side_of


def test_calls_that_were_made_to_start_cold_are_no_part_of_the_cost() -> None:
    warm = [a_sample(512, call=n, ran_ms=50.0) for n in range(5)]
    cold = [a_sample(512, call=5 + n, ran_ms=90.0, purpose=Purpose.COLD) for n in range(20)]
    alone, both = (side_of(samples, lambda s: s.duration_ms) for samples in (warm, warm + cold))
    assert len(both.cost_usd) == len(alone.cost_usd) == 5
