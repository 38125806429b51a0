"""The timetable of a suite, in the words of crontab, systemd and EventBridge Scheduler.

cronsim reads cron's five fields (Debian's dialect); here its sets of minutes, hours and days are
written again. What not all schedulers can express is refused, never approximated.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from tuner.errors import UsageError
from tuner.units import parse_seconds

_MINUTES_A_DAY = 24 * 60
#: Away from the full hour, when shared runners queue, and where night is quiet in most regions.
_AT = "03:17"
_NAMED = {
    "hour": 60,
    "hourly": 60,
    "day": _MINUTES_A_DAY,
    "daily": _MINUTES_A_DAY,
    "night": _MINUTES_A_DAY,
    "nightly": _MINUTES_A_DAY,
    "week": 7 * _MINUTES_A_DAY,
    "weekly": 7 * _MINUTES_A_DAY,
}
_WEEKDAYS = ("weekday", "weekdays")
_EVERY_FIX = "Write it like 6h, 12h, day, weekday or week, or use --cron '17 3 * * 1-5'."
_CRON_FIX = "Write minute, hour, day, month, weekday, like '17 3 * * 1-5'."
#: crontab(5) knows steps of ``*`` and of ranges only.
_BARE_STEP = re.compile(r"(?:^|[ ,])\w+/", re.ASCII)
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclass(frozen=True)
class Timetable:
    """Five cron fields that were understood, and the zone they are in: None is the machine's."""

    cron: str
    timezone: str | None = None

    def on_calendar(self) -> tuple[str, ...]:
        """The same as values of systemd's OnCalendar: two where cron means day *or* weekday."""
        sets = _read(self.cron)
        zone = f" {self.timezone}" if self.timezone else ""
        clock = (
            f"{_listed(sets.hours, range(24), 2)}:{_listed(sets.minutes, range(60), 2)}:00{zone}"
        )
        months, days = _listed(sets.months, range(1, 13), 2), _listed(sets.days, range(1, 32), 2)
        weekdays = ",".join(_DAYS[day] for day in _weekdays(sets))
        every_day = len(_weekdays(sets)) == 7
        on_days, on_weekdays = f"*-{months}-{days} {clock}", f"{weekdays} *-{months}-* {clock}"
        if sets.day_and:
            return (on_days if every_day else f"{weekdays} {on_days}",)
        return (on_days, on_weekdays)

    def event_bridge(self) -> str:
        """The same as EventBridge Scheduler's expression; raises UsageError where it has none."""
        sets = _read(self.cron)
        days = _listed(sets.days, range(1, 32))
        weekdays = ",".join(_DAYS[day].upper() for day in _weekdays(sets))
        if len(_weekdays(sets)) == 7:
            which = f"{days} {{}} ?"
        elif days == "*":
            which = f"? {{}} {weekdays}"
        else:
            reason = "names days of the month and weekdays; EventBridge allows only one of both"
            raise _bad_cron(self.cron, reason, "Name one of them.")
        clock = f"{_listed(sets.minutes, range(60))} {_listed(sets.hours, range(24))}"
        return f"cron({clock} {which.format(_listed(sets.months, range(1, 13)))} *)"

    def next_runs(self, after: datetime, count: int) -> list[datetime]:
        """The next times, in the timetable's zone or that of ``after``."""
        zone = ZoneInfo(self.timezone) if self.timezone else after.tzinfo
        times = CronSim(self.cron, after.astimezone(zone))
        return [next(times) for _ in range(count)]

    def shortest_gap(self) -> timedelta:
        """The shortest time between two runs, over some days that hold every hour."""
        times = self.next_runs(datetime(2027, 1, 1, tzinfo=UTC), 300)
        return min(b - a for a, b in pairwise(times))


def timetable(
    every: str | None = None,
    cron: str | None = None,
    at: str | None = None,
    zone: str | None = None,
) -> Timetable:
    """Read ``--every`` (a day by default) or ``--cron``, ``--at`` and ``--timezone``."""
    if zone is not None and zone not in available_timezones():
        fix = "Write it like Europe/Berlin or UTC."
        raise UsageError(f"--timezone {zone[:40]}", "is not a known time zone", fix)
    if cron is None:
        return Timetable(_cron_of("day" if every is None else every, at), zone)
    if every is not None or at is not None:
        raise UsageError("--cron", "cannot be combined with --every or --at", "Use one of them.")
    return Timetable(_checked(cron), zone)


def _cron_of(every: str, at: str | None) -> str:
    """``every`` as cron fields: parts of an hour or a day that divide it, a day, or a week."""
    hour, minute = _clock(at or _AT)
    word = every.strip().lower()
    if word in _WEEKDAYS:
        return f"{minute} {hour} * * 1-5"
    minutes = _NAMED.get(word) or parse_seconds(word, "--every") / 60
    if minutes == 7 * _MINUTES_A_DAY:
        return f"{minute} {hour} * * 1"
    if minutes == _MINUTES_A_DAY:
        return f"{minute} {hour} * * *"
    if at is not None and minutes < _MINUTES_A_DAY:
        raise UsageError(
            f"--at {at[:20]}", "needs --every day or week", "Leave it out, or use --cron."
        )
    if minutes % 60 == 0 and 24 % (minutes // 60) == 0:
        hours = int(minutes // 60)
        return f"{minute} * * * *" if hours == 1 else f"{minute} */{hours} * * *"
    if minutes == int(minutes) and 60 % minutes == 0:
        return "* * * * *" if minutes == 1 else f"*/{int(minutes)} * * * *"
    raise UsageError(f"--every {every[:20]}", "does not divide a day evenly", _EVERY_FIX)


def _clock(at: str) -> tuple[int, int]:
    try:
        time = datetime.strptime(at.strip(), "%H:%M")
    except ValueError:
        fix = "Write it like 03:17."
        raise UsageError(f"--at {at[:20]}", "is not a time of day", fix) from None
    return time.hour, time.minute


def _checked(cron: str) -> str:
    """Cron fields that every scheduler here understands, or UsageError."""
    fields = cron.upper().split()
    if len(fields) != 5:
        raise _bad_cron(cron, f"has {len(fields)} fields instead of five", _CRON_FIX)
    text = " ".join(fields)
    sets = _read(text)
    if not all(isinstance(day, int) and day >= 0 for day in (*sets.days, *sets.weekdays)):
        raise _bad_cron(cron, "uses L or #, which plain cron does not support", _CRON_FIX)
    if _BARE_STEP.search(text):
        raise _bad_cron(cron, "has a step without a range", "Write 5-59/15 for 5/15.")
    try:
        next(sets)
    except StopIteration:
        raise _bad_cron(cron, "never occurs", _CRON_FIX) from None
    if 7 in sets.weekdays and fields[4] != "*":  # GitHub has no seventh day
        fields[4] = ",".join(map(str, _weekdays(sets)))
    return " ".join(fields)


def _read(cron: str) -> CronSim:
    if not cron.isascii():  # digits of other scripts
        raise _bad_cron(cron, "contains non-ASCII characters", _CRON_FIX)
    try:
        return CronSim(cron, datetime(2027, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        reason = f"is not understood: {str(error)[:1].lower()}{str(error)[1:]}"
        raise _bad_cron(cron, reason, _CRON_FIX) from None


def _bad_cron(cron: str, reason: str, fix: str) -> UsageError:
    return UsageError(f"--cron {cron[:40]!r}", reason, fix)


def _weekdays(sets: CronSim) -> list[int]:
    """0 is Sunday; cron's 7 is Sunday too."""
    return sorted({day % 7 for day in sets.weekdays if isinstance(day, int)})


def _listed(values: Iterable[int], universe: range, width: int = 1) -> str:
    """``*`` for all, else numbers with commas."""
    chosen = sorted(values)
    if len(chosen) == len(universe):
        return "*"
    return ",".join(f"{value:0{width}d}" for value in chosen)
