"""Loads of a run: told apart among its samples, and the same figures whenever they are made."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_sample
from tuner.decide.load_plan import terms_of
from tuner.engine.batches import Sending, SizeLoad
from tuner.engine.engine import Shortfall
from tuner.engine.profiles.pace import Constant
from tuner.engine.profiles.profile import Phase, Profile
from tuner.measure.load_figures import LoadTally, figures_of
from tuner.records import Outcome, Purpose, Sample, Setting
from tuner.store.documents import LOADS, Ending, LoadFacts, SizeLoads, calm, stored_loads
from tuner.store.plain import plain

LOAD = SizeLoad(Profile("rate", phases=(Phase(Constant(10.0), 2.0),)), Sending(5))
ASKED = terms_of(LOAD)

LOADED = Setting(512, load="rate")

times = st.floats(0, 1e6)
loads = st.builds(
    LoadFacts,
    setting=st.builds(Setting, st.integers(128, 10_240), load=st.text(max_size=9)),
    start_s=times,
    asked=st.none() | times,
    dropped=st.dictionaries(st.text(max_size=9), st.integers(0, 10**9), max_size=2),
    ending=st.sampled_from(Ending),
    note=st.none() | st.text(max_size=9),
    stopped_s=st.none() | times,
)


def sample(call: int, memory_mb: int = 512, load: str = "rate", round_number: int = 2) -> Sample:
    throttled = call % 4 == 0
    return a_sample(
        memory_mb,
        load=load,
        call=call,
        round=round_number,
        purpose=Purpose.LOAD if load else Purpose.WARM,
        outcome=Outcome.THROTTLED if throttled else Outcome.OK,
        due_s=100.0 + call / 10.0,
        took_s=0.05,
        ran_ms=None if throttled else 40.0,
    )


@given(st.lists(loads, max_size=3))
def test_what_is_kept_of_loads_is_the_same_after_storing(found: list[LoadFacts]) -> None:
    kept = SizeLoads(ASKED, tuple(found))
    assert stored_loads({LOADS: plain(kept)}) == kept


@given(st.dictionaries(st.text(max_size=6), st.none() | st.integers() | st.text(max_size=3)))
def test_a_document_that_is_none_of_loads_is_no_loads(body: dict[str, object]) -> None:
    assert stored_loads({LOADS: body}) is None
    assert stored_loads({}) is None


def test_the_figures_of_a_size_are_of_its_own_calls_only() -> None:
    mine = [sample(call) for call in range(20, 40)]
    before = [sample(7, round_number=1), sample(8, round_number=1)]
    others = [*before, sample(45, load="other"), sample(25, 256), sample(30, load="")]
    facts = LoadFacts(LOADED, 102.0, 22.0, {"no free connection": 2})
    figures = figures_of(facts, ASKED.seconds, [*others, *mine, *others])
    tally = LoadTally(102.0)
    for each in mine:
        tally.add(each)
    expected = tally.figures(2.0, 22.0, Shortfall(), None)
    assert (figures.calls, figures.outcomes) == (20, expected.outcomes)
    assert figures.outcomes[Outcome.THROTTLED] == 5
    assert figures.latency.percentile_ms(50.0) == expected.latency.percentile_ms(50.0)
    assert figures.dropped == {"no free connection": 2}
    assert figures.asked_rps == 11.0


def test_a_load_that_was_cut_short_has_its_own_length() -> None:
    facts = LoadFacts(LOADED, 102.0, 5.0, ending=Ending.CUT, note="stopped", stopped_s=0.5)
    figures = figures_of(facts, ASKED.seconds, [sample(call) for call in range(20, 25)])
    assert figures.seconds == 0.5
    assert figures.achieved_rps == 10.0


def test_samples_under_load_stay_out_of_the_curve_unless_all_are() -> None:
    alone, loaded = sample(1, load=""), sample(2)
    assert calm([alone, loaded]) == [alone]
    assert calm([loaded]) == [loaded]


def test_a_closed_load_says_users_and_no_rate() -> None:
    closed = replace(LOAD, profile=Profile("users", users=4, think_s=1.0, closed_s=9.0))
    asked = terms_of(closed)
    assert (asked.users, asked.think_s, asked.seconds) == (4, 1.0, 9.0)
    assert (asked.arrival, asked.peak_rps) == (None, None)
