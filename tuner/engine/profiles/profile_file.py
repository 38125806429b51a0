"""Reads a profile from TOML, with every complaint about it at once, and finds profiles by name.

The form is documented by example in ``loadprofiles/``. A recorded phase names a CSV of calls per
minute, or of the moments of calls. Checks of objectives and stop conditions are handed in.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.billing import arrivals
from tuner.engine.profiles.pace import Bursts, Constant, Moments, Ramp, Shape, Sine, Steps
from tuner.engine.profiles.profile import ARRIVALS, MODES, Phase, Profile
from tuner.engine.profiles.values import Checks, Values, shown
from tuner.engine.retry import POLICIES
from tuner.errors import UsageError
from tuner.files import SETTINGS_BYTES, read_text

#: In the working directory, and looked in before the bundled ones.
FOLDER = Path("loadprofiles")
_FIX = "See loadprofiles/*.toml for examples."


def bundled() -> Path:
    """Return the folder that comes with tuner: in the package, or at the top of a checkout."""
    installed = Path(__file__).parents[1] / "bundled"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "loadprofiles"


def profile_names() -> list[str]:
    """Names of the profiles that can be named here."""
    return names_in("", ".toml")


def load_profile(name: str, checks: Checks | None = None) -> Profile:
    """Return the profile of a name or a file. Raises UsageError."""
    path = find_file(name, "", ".toml", "load profile")
    return read_profile(read_text(path, fix=_FIX, most=SETTINGS_BYTES), path, checks)


def find_file(name: str, folder: str, suffix: str, kind: str) -> Path:
    """Return the file itself, or the one of this name, the user's own before a bundled one."""
    if name.endswith(suffix) or "/" in name:
        return Path(name)
    for path in (root / folder / f"{name}{suffix}" for root in (FOLDER, bundled())):
        if path.is_file():
            return path
    fix = f"There are: {', '.join(names_in(folder, suffix))}; or name a file."
    raise UsageError(f"{kind} {name[:60]!r}", "does not exist", fix)


def names_in(folder: str, suffix: str) -> list[str]:
    """Names of the user's own files in a folder of ``loadprofiles`` and of the bundled ones."""
    roots = (FOLDER / folder, bundled() / folder)
    return sorted({path.stem for root in roots for path in root.glob(f"*{suffix}")})


def read_profile(text: str, path: Path, checks: Checks | None = None) -> Profile:
    """Read a profile's TOML; ``path`` is its own, for files that it names. Raises UsageError."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(str(path), f"is not TOML: {error}", _FIX) from None
    values = Values(checks or {})
    profile = _profile(values, table, path)
    if values.complaints:
        count = len(values.complaints)
        head = f"has {count} mistakes" if count > 1 else "has a mistake"
        raise UsageError(str(path), f"{head}: {'; '.join(values.complaints)}", _FIX)
    return profile


def _profile(values: Values, table: dict[str, Any], path: Path) -> Profile:
    closed = "users" in table
    values.unknown(table, _CLOSED_KEYS if closed else _OPEN_KEYS, "")
    return Profile(
        name=path.stem,
        about=values.text(table, "about", ""),
        phases=() if closed else _phases(values, table, path.parent),
        arrival=values.choice(table, "arrival", ARRIVALS) or "constant",
        users=values.whole(table, "users", 0, 10_000) if closed else 0,
        think_s=values.seconds(table, "think", "", 0.0, zero=True) if closed else 0.0,
        closed_s=values.seconds(table, "duration", "", None) if closed else 0.0,
        retry=values.choice(table, "retry", tuple(POLICIES)),
        mode=values.choice(table, "mode", MODES),
        drain_s=values.seconds(table, "drain", "", None) if "drain" in table else None,
        event=values.text(table, "event", "") or None,
        max_concurrency=values.whole(table, "max_concurrency", 0, 100_000) or None,
        slo=values.texts(table, "slo"),
        stop_on=values.texts(table, "stop_on"),
    )


def _phases(values: Values, table: dict[str, Any], folder: Path) -> tuple[Phase, ...]:
    listed = table.get("phases")
    if not isinstance(listed, list) or not listed or not all(isinstance(p, dict) for p in listed):
        values.complain("needs [[phases]], or users for a closed model")
        return ()
    phases = [
        _phase(values, entry, f"phase {number}: ", folder) for number, entry in enumerate(listed, 1)
    ]
    found = tuple(phase for phase in phases if phase is not None)
    if len(found) == len(phases) and not sum(p.calls for p in found):
        values.complain("no phase sends any calls")
    return found


def _phase(values: Values, entry: dict[str, Any], where: str, folder: Path) -> Phase | None:
    kind = entry.get("shape")
    if not isinstance(kind, str) or kind not in _KEYS:
        values.complain(f"{where}shape {shown(kind)} is not one of {', '.join(_KEYS)}")
        return None
    values.unknown(entry, {"shape", "duration", *_KEYS[kind]}, where)
    if kind == "file":
        return _recorded(values, entry, where, folder)
    duration_s = values.seconds(entry, "duration", where, None)
    return Phase(_shape(values, entry, where, duration_s), duration_s)


def _shape(values: Values, entry: dict[str, Any], where: str, duration_s: float) -> Shape:
    def rate(key: str, zero: bool = True) -> float:
        return values.rate(entry, key, where, zero)

    match entry["shape"]:
        case "constant":
            return Constant(rate("rate", zero=False))
        case "ramp":
            return Ramp(rate("from"), rate("to"), duration_s)
        case "sine":
            low, high = rate("low"), rate("high", zero=False)
            if low > high:
                values.complain(f"{where}low is above high")
            period_s = values.seconds(entry, "period", where, duration_s)
            return Sine((low + high) / 2, abs(high - low) / 2, period_s)
        case "bursts":
            if "size" not in entry:
                values.complain(f"{where}size is missing")
            size = values.whole(entry, "size", 1, 100_000, where)
            return Bursts(size, values.seconds(entry, "every", where, None))
    return Constant(0.0)


def _recorded(values: Values, entry: dict[str, Any], where: str, folder: Path) -> Phase | None:
    name = entry.get("file")
    if not isinstance(name, str) or not name:
        values.complain(f"{where}file is missing: CSV with a column per_minute or timestamp")
        return None
    try:
        shape, length_s = read_arrivals(read_text(folder / name, name, ""), name)
    except UsageError as error:
        values.complain(f"{where}{error.thing} {error.reason}")
        return None
    duration_s = values.seconds(entry, "duration", where, length_s)
    if isinstance(shape, Moments):
        shape = Moments(tuple(at_s for at_s in shape.at_s if at_s < duration_s))
    return Phase(shape, duration_s)


_COMMON_KEYS = {"about", "retry", "mode", "drain", "event", "max_concurrency", "slo", "stop_on"}
_OPEN_KEYS = {*_COMMON_KEYS, "arrival", "phases"}
_CLOSED_KEYS = {*_COMMON_KEYS, "users", "think", "duration"}
#: The keys of each shape, beside ``shape`` and ``duration``.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "constant": ("rate",),
    "ramp": ("from", "to"),
    "sine": ("low", "high", "period"),
    "bursts": ("size", "every"),
    "pause": (),
    "file": ("file",),
}


def read_arrivals(text: str, name: str) -> tuple[Steps | Moments, float]:
    """Return the shape and its length in seconds, of any file that ``--traffic`` reads too.

    Raises UsageError that names the line.
    """
    found = arrivals.read_arrivals(text, name)
    if isinstance(found, arrivals.Counts):
        steps = tuple((found.period_s, count / found.period_s) for count in found.calls)
        return Steps(steps), found.period_s * len(steps)
    moments = tuple(at_s - found.at_s[0] for at_s in found.at_s)
    return Moments(moments), max(1.0, moments[-1] + 1e-6)
