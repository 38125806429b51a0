"""The arithmetic of measuring: interleaving, payload mixes, bursts."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_function
from tuner.engine.batches import Payload, draw_payloads, interleave, largest_burst, most_bursts
from tuner.records import Backend, FunctionFacts, Setting

WANTED = st.dictionaries(
    st.sampled_from([Setting(size) for size in (128, 256, 512, 1024, 1769)]), st.integers(0, 30)
)


@given(WANTED, st.integers())
def test_interleaving_sends_exactly_what_is_wanted(wanted: dict[Setting, int], seed: int) -> None:
    order = interleave(wanted, Random(seed))
    assert Counter(order) == Counter({size: n for size, n in wanted.items() if n})
    assert order == interleave(wanted, Random(seed))


@given(WANTED, st.integers())
def test_every_stretch_of_the_batch_has_its_part_of_every_size(
    wanted: dict[Setting, int], seed: int
) -> None:
    order = interleave(wanted, Random(seed))
    half = Counter(order[: len(order) // 2])
    for size, n in wanted.items():
        # A size may be off by one at the edge itself, and by one for each other size there.
        assert abs(half[size] - n / 2) <= 1 + len(wanted)


def test_the_order_is_not_the_same_in_every_turn() -> None:
    order = interleave(dict.fromkeys(map(Setting, (1, 2, 3, 4)), 50), Random(5))
    turns = {tuple(order[at : at + 4]) for at in range(0, 200, 4)}
    assert len(turns) > 10


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=6).filter(lambda w: sum(w) > 0.01),
    st.integers(0, 200),
    st.integers(),
)
def test_each_payload_is_drawn_within_one_of_its_share(
    weights: list[float], calls: int, seed: int
) -> None:
    payloads = [Payload(b"", weight) for weight in weights]
    count = Counter(draw_payloads(payloads, calls, Random(seed)))
    assert count.total() == calls
    for index, weight in enumerate(weights):
        assert abs(count[index] - calls * weight / sum(weights)) < 1 + 1e-6


def test_payloads_without_weight_are_refused() -> None:
    with pytest.raises(ValueError, match="weight"):
        draw_payloads([Payload(b"", 0.0)], 3, Random(1))


def facts(
    backend: Backend, account: int | None = None, reserved: int | None = None
) -> FunctionFacts:
    limits = {"account_concurrency": account, "reserved_concurrency": reserved}
    return a_function(backend=backend, **limits)


def test_local_bursts_leave_a_core_and_aws_bursts_half_the_concurrency() -> None:
    assert largest_burst(facts(Backend.LOCAL), 1) == 1
    assert largest_burst(facts(Backend.LOCAL), 8) == 7
    assert largest_burst(facts(Backend.AWS), 2) == 50
    assert largest_burst(facts(Backend.AWS, account=10), 2) == 5
    assert largest_burst(facts(Backend.AWS, account=1000, reserved=4), 2) == 2
    assert largest_burst(facts(Backend.AWS, reserved=0), 2) == 1


@given(st.integers(1, 500), st.integers(1, 50))
def test_there_are_more_tries_than_bursts_needed(wanted: int, burst: int) -> None:
    assert most_bursts(wanted, burst) * burst > wanted
