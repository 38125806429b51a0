"""Profiles: due times of every shape, scaling, reading with all complaints, finding by name."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.engine.profiles.pace import Constant, Moments, Ramp
from tuner.engine.profiles.profile import Phase, Profile
from tuner.engine.profiles.profile_file import (
    bundled,
    load_profile,
    profile_names,
    read_arrivals,
    read_profile,
)
from tuner.errors import UsageError

PATH = Path("mine.toml")
CONSTANT = '[[phases]]\nshape = "constant"\nrate = "10rps"\nduration = "2s"\n'


@pytest.mark.parametrize("name", sorted(path.stem for path in bundled().glob("*.toml")))
def test_every_bundled_profile_can_be_read_and_its_calls_come_in_order(name: str) -> None:
    profile = load_profile(name)
    assert profile.about
    if profile.users:
        assert (profile.calls, profile.duration_s > 0) == (None, True)
        return
    short = profile.scaled(20.0, 30.0)
    due = list(short.due_times(Random(1)))
    assert short.duration_s == pytest.approx(30.0)
    assert all(earlier <= later for earlier, later in pairwise(due))
    assert 0.0 <= due[0] <= due[-1] <= 30.0
    assert len(due) == pytest.approx(short.calls, abs=5 + 4 * short.calls**0.5)


def test_phases_follow_one_another() -> None:
    text = CONSTANT + '[[phases]]\nshape = "pause"\nduration = "3s"\n' + CONSTANT
    due = list(read_profile(text, PATH).due_times(Random(0)))
    by_second = Counter(int(at_s) for at_s in due)
    assert by_second == {0: 10, 1: 10, 5: 10, 6: 10}


def test_a_profile_is_scaled_to_a_highest_rate_and_a_duration() -> None:
    spike = load_profile("spike").scaled(100.0, 7.0)
    assert spike.peak_per_s == pytest.approx(100.0)
    assert spike.duration_s == pytest.approx(7.0)
    assert spike.calls == pytest.approx(load_profile("spike").calls / 10 / 2)


def test_a_ramp_keeps_its_slope_over_its_stretched_time() -> None:
    profile = Profile("x", phases=(Phase(Ramp(0.0, 10.0, 4.0), 4.0),)).scaled(None, 8.0)
    assert profile.calls == 40.0
    assert profile.phases == (Phase(Ramp(0.0, 10.0, 8.0), 8.0),)


def test_a_closed_model_has_users_and_no_due_times() -> None:
    profile = read_profile('users = 3\nthink = "250ms"\nduration = "1m"\n', PATH)
    assert (profile.users, profile.think_s, profile.duration_s) == (3, 0.25, 60.0)
    assert list(profile.due_times(Random(0))) == []


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = """
        arival = "poisson"
        retry = "often"
        stop_on = ["errors"]
        [[phases]]
        shape = "constant"
        rate = "0rps"
        duration = "1 fortnight"
        [[phases]]
        shape = "zigzag"
        [[phases]]
        shape = "sine"
        low = "1000000000rps"
        high = "10rps"
        duration = "1m"
    """

    def refuse(text: str) -> None:
        raise UsageError(f"stop_on {text!r}", "has no limit")

    with pytest.raises(UsageError) as caught:
        read_profile(text, PATH, {"stop_on": refuse})
    told = str(caught.value)
    for part in (
        "8 mistakes",
        "'arival' is not a known key",
        "retry 'often' is not one of none",
        "stop_on 'errors' has no limit",
        "phase 1: rate '0rps' has to be above zero",
        "phase 1: duration '1 fortnight' has an unknown unit",
        "phase 2: shape 'zigzag' is not one of constant",
        "phase 3: low '1000000000rps' is above 100,000/s",
        "phase 3: low is above high",
    ):
        assert part in told, told
    assert len(told.splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs [[phases]]"),
        ("phases = [1]", "needs [[phases]]"),
        ("users = 0", "users 0 is not a number from 1"),
        ("users = true\nduration='1s'", "users True"),
        ('[[phases]]\nshape = "pause"\nduration = "1s"', "no phase sends any calls"),
        ('[[phases]]\nshape = "constant"', "rate is missing"),
        ('[[phases]]\nshape = "file"', "file is missing"),
        ('[[phases]]\nshape = "file"\nfile = "none.csv"', "none.csv cannot be read"),
        ('[[phases]]\nshape = "bursts"\nduration = "1s"', "size is missing"),
        ("phases = [", "is not TOML"),
    ],
)
def test_a_profile_that_cannot_be_used_says_why(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=r"mine\.toml") as caught:
        read_profile(text, PATH)
    assert says in str(caught.value)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 200_000)
    | st.sampled_from(["", "1rps", "5m", "0", "constant", "ramp", "bursts", "poisson", "x" * 99]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    [
        "about",
        "arrival",
        "retry",
        "users",
        "think",
        "duration",
        "slo",
        "stop_on",
        "max_concurrency",
        "event",
        "phases",
    ]
)
_PHASE_KEYS = st.sampled_from(
    ["shape", "rate", "from", "to", "low", "high", "period", "size", "every", "duration", "x"]
)


@given(
    top=st.dictionaries(_KEYS, _VALUES, max_size=5),
    phases=st.lists(st.dictionaries(_PHASE_KEYS, _VALUES, max_size=6), max_size=3),
)
def test_any_table_is_read_or_refused_in_two_lines(
    top: dict[str, Any], phases: list[dict[str, Any]]
) -> None:
    lines = [f"{key} = {_toml(value)}" for key, value in top.items() if key != "phases"]
    for phase in phases:
        lines += ["[[phases]]", *(f"{key} = {_toml(value)}" for key, value in phase.items())]
    try:
        profile = read_profile("\n".join(lines), PATH)
    except UsageError as error:
        assert len(str(error).splitlines()) <= 2
    else:
        assert profile.users or profile.calls


def _toml(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_a_profile_of_the_working_directory_comes_before_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loadprofiles").mkdir()
    (tmp_path / "loadprofiles" / "spike.toml").write_text('about = "mine"\n' + CONSTANT)
    (tmp_path / "loadprofiles" / "own.toml").write_text(CONSTANT)
    assert load_profile("spike").about == "mine"
    assert load_profile("loadprofiles/own.toml").name == "own"
    assert {"own", "steady", "soak"} <= set(profile_names())
    with pytest.raises(UsageError, match="burst-cold"):
        load_profile("burts-cold")
    with pytest.raises(UsageError, match="cannot be read"):
        load_profile("none.toml")


def test_calls_per_minute_of_a_csv_become_steps(tmp_path: Path) -> None:
    (tmp_path / "traffic.csv").write_text("minute,per_minute\n1,60\n2,0\n3,120\n")
    text = '[[phases]]\nshape = "file"\nfile = "traffic.csv"\n'
    profile = read_profile(text, tmp_path / "mine.toml")
    due = list(profile.due_times(Random(0)))
    assert Counter(round(at_s, 3) // 60 for at_s in due) == {0: 60, 2: 120}
    assert profile.peak_per_s == pytest.approx(2.0)


def test_recorded_moments_are_sent_as_they_came_and_may_be_stretched() -> None:
    text = "timestamp\n2026-01-31T09:00:01Z\n2026-01-31T09:00:00Z\n2026-01-31T11:00:03+02:00\n"
    shape, length_s = read_arrivals(text, "a.csv")
    assert isinstance(shape, Moments)
    profile = Profile("x", phases=(Phase(shape, length_s),), arrival="poisson")
    assert list(profile.due_times(Random(0))) == [0.0, 1.0, 3.0]
    assert list(profile.scaled(None, 2 * length_s).due_times(Random(0))) == [0.0, 2.0, 6.0]


def test_a_recording_is_cut_to_the_duration_asked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("timestamp\n1000.0\n1001.0\n1009.0\n")
    text = '[[phases]]\nshape = "file"\nfile = "a.csv"\nduration = "5s"\n'
    profile = read_profile(text, tmp_path / "mine.toml")
    assert (profile.duration_s, profile.calls) == (5.0, 2.0)


@given(st.text(max_size=80))
def test_any_csv_of_arrivals_is_read_or_refused_by_name(text: str) -> None:
    for head in ("timestamp\n", "per_minute\n", ""):
        try:
            shape, length_s = read_arrivals(head + text, "a.csv")
        except UsageError as error:
            assert "a.csv" in error.thing
        else:
            assert length_s > 0
            assert shape.due_before(length_s) > 0


def test_scaling_leaves_a_constant_rate_constant() -> None:
    profile = Profile("x", phases=(Phase(Constant(5.0), 10.0),)).scaled(8.0, None)
    assert profile.phases == (Phase(Constant(8.0), 10.0),)


def test_a_profile_of_events_says_how_long_they_are_followed() -> None:
    profile = read_profile('mode = "async"\ndrain = "90s"\n' + CONSTANT, PATH)
    assert (profile.mode, profile.drain_s) == ("async", 90.0)
    assert (load_profile("steady").mode, load_profile("steady").drain_s) == (None, None)
    with pytest.raises(UsageError, match=r"mode .* sync, async.*drain"):
        read_profile('mode = "later"\ndrain = "soon"\n' + CONSTANT, PATH)


@given(st.floats(0.0, 40.0))
def test_calls_due_before_a_moment_are_those_of_the_phases_until_then(at_s: float) -> None:
    profile = Profile("p", phases=(Phase(Constant(4.0), 10.0), Phase(Ramp(0.0, 8.0, 20.0), 20.0)))
    due = profile.due_before(at_s)
    assert due is not None
    assert due == pytest.approx(4 * min(at_s, 10) + 0.2 * min(max(0, at_s - 10), 20) ** 2)
    assert profile.due_before(None) == profile.calls == 120.0
    assert Profile("u", users=3, closed_s=5.0).due_before(at_s) is None
