"""Provisioned sandboxes: set aside, served first, spilled over from, withdrawn."""

from hypothesis import given
from hypothesis import strategies as st

from tuner.clock import VirtualClock
from tuner.fleet import AccountLimits, Fleet, ServedAs, ThrottleReason


def fleet(**limits: int) -> tuple[Fleet, VirtualClock]:
    clock = VirtualClock()
    return Fleet(AccountLimits(**limits), clock, lambda: 300.0), clock


def ready(it: Fleet, count: int, function: str = "f", deployment: str = "f:1") -> list[int]:
    it.provision(function, deployment, count)
    numbers = [it.add(deployment) for _ in range(count)]
    assert it.open(numbers) == []
    return numbers


def test_the_first_calls_meet_fresh_sandboxes_and_the_next_spill_over() -> None:
    it, _ = fleet()
    numbers = ready(it, 2)
    places = [it.place("f", "f:1") for _ in range(3)]
    assert [p.verdict for p in places] == [ServedAs.WARM, ServedAs.WARM, ServedAs.COLD]
    assert [p.sandbox for p in places[:2]] == numbers


def test_calls_one_after_another_take_turns() -> None:
    it, _ = fleet()
    ready(it, 3)
    met = []
    for _ in range(4):
        box = it.place("f", "f:1").sandbox
        assert box is not None
        it.release(box)
        met.append(box)
    assert len(set(met)) == 3
    assert met[3] == met[0]


def test_none_serves_before_all_are_ready_and_none_expires() -> None:
    it, clock = fleet()
    it.provision("f", "f:1", 2)
    numbers = [it.add("f:1") for _ in range(2)]
    assert it.place("f", "f:1").verdict is ServedAs.COLD
    it.open(numbers)
    clock.advance(1e6)
    assert it.place("f", "f:1").sandbox == numbers[0]


def test_what_is_provisioned_is_taken_from_what_others_may_use() -> None:
    it, _ = fleet(account_concurrency=3)
    ready(it, 2)
    assert it.place("g", "g:1").verdict is ServedAs.COLD
    assert it.place("g", "g:1").reason is ThrottleReason.ACCOUNT_CONCURRENCY
    assert it.place("f", "f:1").verdict is ServedAs.WARM
    it.withdraw("f:1")
    assert it.place("g", "g:1").verdict is ServedAs.COLD


def test_a_reservation_all_provisioned_leaves_nothing_for_other_versions() -> None:
    it, _ = fleet()
    it.reserve("f", 1)
    ready(it, 1)
    assert it.place("f", "f:latest").reason is ThrottleReason.RESERVED_CONCURRENCY
    assert it.place("f", "f:1").verdict is ServedAs.WARM


def test_calls_beyond_ten_a_second_for_each_spill_over() -> None:
    it, clock = fleet()
    ready(it, 1)
    for _ in range(10):
        placed = it.place("f", "f:1")
        assert placed.verdict is ServedAs.WARM
        it.release(placed.sandbox or 0)
    assert it.place("f", "f:1").verdict is ServedAs.COLD
    clock.advance(1.0)
    assert it.place("f", "f:1").verdict is ServedAs.WARM


def test_withdrawing_lets_busy_ones_and_inits_finish_and_keeps_none() -> None:
    it, _ = fleet()
    numbers = ready(it, 2)
    assert it.place("f", "f:1").sandbox == numbers[0]
    assert it.withdraw("f:1") == [numbers[1]]
    assert it.release(numbers[0]) is False
    it.provision("f", "f:1", 1)
    coming = it.add("f:1")
    it.withdraw("f:1")
    assert it.open([coming]) == [coming]
    assert it.sandboxes() == 0


def test_one_that_died_is_missing_until_another_is_ready() -> None:
    it, _ = fleet()
    ready(it, 2)
    box = it.place("f", "f:1").sandbox
    assert box is not None
    assert it.release(box, alive=False) is False
    assert it.missing("f:1") == 1
    it.open([it.add("f:1")])
    assert it.missing("f:1") == 0


STEPS = st.lists(
    st.sampled_from(["place", "other", "end", "die", "withdraw", "provision", "reserve", "free"]),
    max_size=40,
)


@given(steps=STEPS)
def test_whatever_happens_no_limit_is_passed_and_nothing_is_lost(steps: list[str]) -> None:
    it, _ = fleet(account_concurrency=6)
    claimed, busy = 0, []
    for step in steps:
        if step in ("place", "other"):
            placed = it.place("f", "f:1" if step == "place" else "f:2", rated=False)
            busy += [placed.sandbox] if placed.sandbox is not None else []
        elif step in ("end", "die") and busy:
            it.release(busy.pop(0) or 0, alive=step == "end")
            it.open([it.add("f:1") for _ in range(it.missing("f:1"))])
        elif step == "withdraw":
            it.withdraw("f:1")
            claimed = 0
        elif step == "provision" and not claimed:
            ready(it, 2)
            claimed = 2
        elif step in ("reserve", "free"):
            it.reserve("f", 4 if step == "reserve" else None)
        assert it.in_flight() == len(busy)
    for box in busy:
        it.release(box or 0)
    it.retire("f:1")
    it.retire("f:2")
    it.reserve("f", None)
    assert (it.sandboxes(), it.in_flight()) == (0, 0)
    assert sum(it.place("g", "g:1", rated=False).sandbox is not None for _ in range(8)) == 6
