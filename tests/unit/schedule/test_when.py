"""Timetables: what is understood, and that every scheduler is told the same times."""

import re
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.schedules import checked
from tuner.errors import UsageError
from tuner.schedule.when import Timetable, timetable

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
CRONS = [
    "17 3 * * *",
    "*/15 * * * *",
    "0 */6 * * 1-5",
    "5,35 8-18/2 * jan-mar mon,wed",
    "30 4 1,15 * *",
    "30 4 1,15 * 5",
    "0 0 */10 * 7",
    "59 23 31 12 *",
]


@pytest.mark.parametrize(
    ("every", "at", "cron"),
    [
        ("15m", None, "*/15 * * * *"),
        ("hour", None, "17 * * * *"),
        ("6h", None, "17 */6 * * *"),
        ("day", None, "17 3 * * *"),
        ("1d", "22:05", "5 22 * * *"),
        ("nightly", "02:00", "0 2 * * *"),
        ("weekday", "06:30", "30 6 * * 1-5"),
        ("7d", None, "17 3 * * 1"),
        ("week", None, "17 3 * * 1"),
    ],
)
def test_every_becomes_fields_of_cron(every: str, at: str | None, cron: str) -> None:
    assert timetable(every, at=at).cron == cron


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"every": "7h"}, "does not divide a day"),
        ({"every": "36h"}, "does not divide a day"),
        ({"every": "90s"}, "does not divide a day"),
        ({"every": "soon"}, "is not a time"),
        ({"every": "6h", "at": "03:00"}, "needs --every day"),
        ({"at": "25:00"}, "not a time of day"),
        ({"cron": "17 3 * *"}, "has 4 fields"),
        ({"cron": "0 17 3 * * *"}, "has 6 fields"),
        ({"cron": "61 3 * * *"}, "bad minute"),
        ({"cron": "17 3 L * *"}, "plain cron does not support"),
        ({"cron": "17 3 * * MON#2"}, "plain cron does not support"),
        ({"cron": "17 3 30 2 *"}, "bad day-of-month"),
        ({"cron": "5/15 * * * *"}, "step without a range"),
        ({"cron": "17 3 * * *", "every": "day"}, "Use one of them"),
        ({"zone": "Mars/Olympus"}, "not a known time zone"),
    ],
)
def test_what_cannot_be_a_timetable_is_refused_with_the_reason(
    options: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        timetable(**options)


@given(st.text(max_size=30) | st.from_regex(r"[0-9*/,LW#a-z -]{1,24}", fullmatch=True))
def test_any_cron_is_understood_or_refused(text: str) -> None:
    try:
        found = timetable(cron=text)
    except UsageError as error:
        assert len(str(error).splitlines()) <= 2
    else:
        assert len(found.next_runs(NEW_YEAR, 2)) == 2
        assert found.on_calendar()


def test_sunday_is_said_as_every_scheduler_knows_it() -> None:
    assert timetable(cron="0 3 * * 7").cron == "0 3 * * 0"
    assert timetable(cron="0 3 * * fri-7").cron == "0 3 * * 0,5,6"
    assert timetable(cron="0 3 1 jan mon").cron == "0 3 1 JAN MON"


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """A field of cron: all, steps, a number, a range, a list of these."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.tuples(span | st.just("*"), st.integers(1, 9)).map(lambda s: f"{s[0]}/{s[1]}")
    one = number.map(str) | span | step | number.map(lambda n: f"{n}/2")
    return st.just("*") | st.lists(one, min_size=1, max_size=3).map(",".join)


CRON = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)


@examples(15)
@given(st.lists(CRON, min_size=5, max_size=20))
def test_what_is_understood_is_understood_by_crontab_too(texts: list[str]) -> None:
    lines = ["17 3 * * * true\n"]
    for text in texts:
        try:
            lines.append(f"{timetable(cron=text).cron} true\n")
        except UsageError as error:
            assert "step without a range" in str(error) or "bad day-of-month" in str(error)
    with tempfile.NamedTemporaryFile("w", suffix=".cron") as file:
        file.writelines(lines)
        file.flush()
        checked(["crontab", "-n", file.name], "Debian package cron")


@given(st.text(max_size=12))
def test_any_every_is_understood_or_refused(text: str) -> None:
    try:
        assert timetable(every=text or "x").next_runs(NEW_YEAR, 1)
    except UsageError as error:
        assert str(error).startswith("--every")


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_systemd_would_start_at_the_times_of_cron(cron: str, zone: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian package systemd)")
    table = timetable(cron=cron, zone=zone)
    base = NEW_YEAR - timedelta(seconds=1)
    words = ["systemd-analyze", "calendar", "--iterations=8", "--base-time=2026-12-31 23:59:59 UTC"]
    found = set()
    for line in table.on_calendar():
        said = subprocess.run([*words, line], capture_output=True, text=True, check=True).stdout
        for match in re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", said):
            found.add(datetime.fromisoformat(f"{match}+00:00"))
    assert sorted(found)[:8] == table.next_runs(base, 8)


@pytest.mark.parametrize(
    ("cron", "expression"),
    [
        ("17 3 * * *", "cron(17 3 * * ? *)"),
        ("17 3 * * 1-5", "cron(17 3 ? * MON,TUE,WED,THU,FRI *)"),
        ("0 */12 1,15 6-8 *", "cron(0 0,12 1,15 6,7,8 ? *)"),
        ("0 3 * * 7", "cron(0 3 ? * SUN *)"),
    ],
)
def test_event_bridge_is_told_the_same(cron: str, expression: str) -> None:
    assert timetable(cron=cron).event_bridge() == expression


def test_event_bridge_is_not_told_what_it_cannot_say() -> None:
    with pytest.raises(UsageError, match="EventBridge allows only one"):
        timetable(cron="0 3 1 * 5").event_bridge()


def test_the_shortest_gap_is_found_inside_a_day() -> None:
    assert Timetable("0,10 3 * * *").shortest_gap() == timedelta(minutes=10)
    assert Timetable("*/2 * * * *").shortest_gap() == timedelta(minutes=2)
