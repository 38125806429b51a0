"""Reads a profile from TOML, with every complaint about it at once, and finds profiles by name.

The form is documented by example in ``loadprofiles/``. Objectives and conditions to stop on are
checked by whoever knows them and hands the check in.
"""

import csv
import io
import math
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.engine.profiles.pace import Bursts, Constant, Ramp, Shape, Sine, Steps
from tuner.engine.profiles.profile import ARRIVALS, MODES, Moments, Phase, Profile
from tuner.engine.profiles.values import Checks, Values, shown
from tuner.engine.retry import POLICIES
from tuner.errors import NotFound, UsageError

#: In the working directory, and looked in before the bundled ones.
FOLDER = Path("loadprofiles")
_FIX = "See loadprofiles/*.toml for examples."


def bundled() -> Path:
    """The folder that comes with the tuner: in the package, or at the top of a checkout."""
    installed = Path(__file__).parents[1] / "bundled"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "loadprofiles"


def profile_names() -> list[str]:
    """The profiles that can be named here."""
    return sorted({path.stem for folder in (FOLDER, bundled()) for path in folder.glob("*.toml")})


def load_profile(name: str, checks: Checks | None = None) -> Profile:
    """The profile of a name or a file. Raises UsageError or NotFound."""
    path = _find(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise UsageError(str(path), f"cannot be read: {why}", _FIX) from None
    return read_profile(text, path, checks)


def _find(name: str) -> Path:
    if name.endswith(".toml") or "/" in name:
        return Path(name)
    for folder in (FOLDER, bundled()):
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    fix = f"There are: {', '.join(profile_names())}; or name a file."
    raise NotFound(f"load profile {name[:60]!r}", "does not exist", fix)


def read_profile(text: str, path: Path, checks: Checks | None = None) -> Profile:
    """Read a profile's TOML; ``path`` is its own, for files that it names. Raises UsageError."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(str(path), f"is not TOML: {error}", _FIX) from None
    values = Values(checks or {})
    profile = _Reader(path.parent, values).profile(table, path.stem)
    if values.complaints:
        told = "; ".join(values.complaints)
        count = len(values.complaints)
        head = f"has {count} mistakes: " if count > 1 else "has a mistake: "
        raise UsageError(str(path), f"{head}{told}", _FIX)
    return profile


class _Reader:
    """Reads tables into parts of a profile; ``folder`` is where files that they name are."""

    def __init__(self, folder: Path, values: Values) -> None:
        self._folder = folder
        self._values = values

    def profile(self, table: dict[str, Any], name: str) -> Profile:
        """The whole file."""
        closed = "users" in table
        self._values.unknown(table, _CLOSED_KEYS if closed else _OPEN_KEYS, "")
        return Profile(
            name=name,
            about=self._values.text(table, "about", ""),
            phases=() if closed else self._phases(table),
            arrival=self._values.choice(table, "arrival", ARRIVALS) or "constant",
            users=self._values.whole(table, "users", 0, 10_000) if closed else 0,
            think_s=self._values.seconds(table, "think", "", 0.0, zero=True) if closed else 0.0,
            closed_s=self._values.seconds(table, "duration", "", None) if closed else 0.0,
            retry=self._values.choice(table, "retry", tuple(POLICIES)),
            mode=self._values.choice(table, "mode", MODES),
            drain_s=self._values.seconds(table, "drain", "", None) if "drain" in table else None,
            event=self._values.text(table, "event", "") or None,
            max_concurrency=self._values.whole(table, "max_concurrency", 0, 100_000) or None,
            slo=self._values.texts(table, "slo"),
            stop_on=self._values.texts(table, "stop_on"),
        )

    def _phases(self, table: dict[str, Any]) -> tuple[Phase, ...]:
        listed = table.get("phases")
        if (
            not isinstance(listed, list)
            or not listed
            or not all(isinstance(p, dict) for p in listed)
        ):
            self._values.complain("needs [[phases]], or users for a closed model")
            return ()
        phases = [self._phase(entry, f"phase {number}: ") for number, entry in enumerate(listed, 1)]
        found = tuple(phase for phase in phases if phase is not None)
        if len(found) == len(phases) and not sum(p.shape.due_before(p.duration_s) for p in found):
            self._values.complain("asks for no call at all")
        return found

    def _phase(self, entry: dict[str, Any], where: str) -> Phase | None:
        kind = entry.get("shape")
        if not isinstance(kind, str) or kind not in _SHAPES:
            known = ", ".join(_SHAPES)
            self._values.complain(f"{where}shape {shown(kind)} is not one of {known}")
            return None
        keys, make = _SHAPES[kind]
        self._values.unknown(entry, {"shape", "duration", *keys}, where)
        if kind == "file":
            return self._recorded(entry, where)
        duration_s = self._values.seconds(entry, "duration", where, None)
        shape = make(self, entry, where, duration_s)
        return Phase(shape, duration_s)

    def _constant(self, entry: dict[str, Any], where: str, _duration_s: float) -> Shape:
        return Constant(self._values.rate(entry, "rate", where))

    def _pause(self, _entry: dict[str, Any], _where: str, _duration_s: float) -> Shape:
        return Constant(0.0)

    def _ramp(self, entry: dict[str, Any], where: str, duration_s: float) -> Shape:
        low = self._values.rate(entry, "from", where, zero=True)
        return Ramp(low, self._values.rate(entry, "to", where, zero=True), duration_s)

    def _sine(self, entry: dict[str, Any], where: str, duration_s: float) -> Shape:
        low = self._values.rate(entry, "low", where, zero=True)
        high = self._values.rate(entry, "high", where)
        if low > high:
            self._values.complain(f"{where}low is above high")
        period_s = self._values.seconds(entry, "period", where, duration_s)
        return Sine((low + high) / 2, abs(high - low) / 2, period_s)

    def _bursts(self, entry: dict[str, Any], where: str, _duration_s: float) -> Shape:
        if "size" not in entry:
            self._values.complain(f"{where}size is missing")
        size = self._values.whole(entry, "size", 1, 100_000, where)
        return Bursts(size, self._values.seconds(entry, "every", where, None))

    def _recorded(self, entry: dict[str, Any], where: str) -> Phase | None:
        name = entry.get("file")
        if not isinstance(name, str) or not name:
            self._values.complain(
                f"{where}file is missing: CSV with a column per_minute or timestamp"
            )
            return None
        try:
            text = (self._folder / name).read_text(encoding="utf-8-sig")
            shape, length_s = read_arrivals(text, name)
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "is not text"
            self._values.complain(f"{where}{name} cannot be read: {why}")
            return None
        except UsageError as error:
            self._values.complain(f"{where}{error.thing} {error.reason}")
            return None
        return _cut(shape, self._values.seconds(entry, "duration", where, length_s))


_COMMON_KEYS = {
    *("about", "retry", "mode", "drain", "event", "max_concurrency", "slo", "stop_on"),
}
_OPEN_KEYS = {*_COMMON_KEYS, "arrival", "phases"}
_CLOSED_KEYS = {*_COMMON_KEYS, "users", "think", "duration"}
_Maker = Callable[[_Reader, dict[str, Any], str, float], Shape]
_SHAPES: Mapping[str, tuple[tuple[str, ...], _Maker]] = {
    "constant": (("rate",), _Reader._constant),
    "ramp": (("from", "to"), _Reader._ramp),
    "sine": (("low", "high", "period"), _Reader._sine),
    "bursts": (("size", "every"), _Reader._bursts),
    "pause": ((), _Reader._pause),
    "file": (("file",), _Reader._pause),
}


def _cut(shape: Steps | Moments, duration_s: float) -> Phase:
    """A recorded shape, no longer than this."""
    if isinstance(shape, Moments):
        shape = Moments(tuple(at_s for at_s in shape.at_s if at_s < duration_s))
    return Phase(shape, duration_s)


_ARRIVALS_FIX = (
    "Give CSV with a column per_minute (calls of each minute) or timestamp (one call a row)."
)
_MILLISECONDS_FROM = 1e11  # seconds since 1970 reach this in the year 5138


def read_arrivals(text: str, name: str) -> tuple[Steps | Moments, float]:
    """The shape and how long it lasts in seconds. Raises UsageError that names the line.

    ``timestamp`` is ISO 8601 (UTC if it says nothing else), or seconds, or milliseconds since 1970.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = [(key or "").strip().lower() for key in reader.fieldnames or ()]
    kind = next((key for key in ("per_minute", "timestamp") if key in columns), None)
    if kind is None:
        raise UsageError(name, "has neither a column per_minute nor timestamp", _ARRIVALS_FIX)
    read = _calls_of if kind == "per_minute" else _moment_of
    place = columns.index(kind)
    values = []
    try:
        for row in reader:
            cells = [cell for cell in row.values() if not isinstance(cell, list)]
            values.append(read(str(cells[place] or ""), f"{name}, line {reader.line_num}"))
    except csv.Error as error:
        raise UsageError(
            f"{name}, line {reader.line_num}", f"is not CSV: {error}", _ARRIVALS_FIX
        ) from None
    if not values or (kind == "per_minute" and not any(values)):
        raise UsageError(name, "has no calls", _ARRIVALS_FIX)
    if kind == "per_minute":
        return Steps(tuple((60.0, count / 60.0) for count in values)), 60.0 * len(values)
    values.sort()
    moments = tuple(value - values[0] for value in values)
    return Moments(moments), max(1.0, moments[-1] + 1e-6)


def _calls_of(text: str, where: str) -> float:
    try:
        count = float(text)
    except ValueError:
        count = math.nan
    if not (math.isfinite(count) and count >= 0):
        raise UsageError(where, f"{text[:30]!r} is not a number of calls", _ARRIVALS_FIX)
    return count


def _moment_of(text: str, where: str) -> float:
    try:
        seconds = float(text)
        if math.isfinite(seconds) and abs(seconds) < 1e15:
            return seconds / 1000.0 if abs(seconds) >= _MILLISECONDS_FROM else seconds
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(where, f"{text[:30]!r} is not a moment", _ARRIVALS_FIX) from None
