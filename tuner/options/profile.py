"""When calls are due, as a user asks for it: a rate, users, a profile, a search for the limit.

Text in, a :class:`Profile` out. Raises only UsageError, and NotFound for a profile.
"""

from dataclasses import dataclass, replace

from tuner.engine.profiles.pace import Constant
from tuner.engine.profiles.profile import ARRIVALS, Phase, Profile
from tuner.engine.profiles.profile_file import load_profile
from tuner.engine.profiles.values import HIGHEST_PER_S, Checks
from tuner.errors import UsageError
from tuner.units import parse_rate, parse_seconds

#: A search for the limit tries each rate for so long.
STEP_S = 10.0
#: How long a load lasts unless ``--duration`` or a profile says otherwise.
DURATION_S = 30.0


@dataclass(frozen=True)
class ProfileAsked:
    """The options as written, under the names that they have on the command line."""

    rate: str | None = None
    duration: str | None = None
    arrival: str | None = None
    users: int | None = None
    think: str | None = None
    profile_load: str | None = None
    find_limit: bool = False


def _search(options: ProfileAsked, rate: float | None, duration: float | None) -> Profile:
    """The first step of a search for the limit."""
    if options.users is not None or options.profile_load is not None:
        reason = "tries rates of its own"
        raise UsageError("--find-limit", reason, "Leave --users and --profile-load out.")
    arrival = choice("--arrival", options.arrival or "poisson", ARRIVALS)
    return Profile("find-limit", "", (Phase(Constant(rate or 1.0), duration or STEP_S),), arrival)


def read_profile_wish(options: ProfileAsked, checks: Checks) -> Profile:
    """Read them; ``checks`` are those of a profile's file. Raises UsageError or NotFound."""
    rate = None if options.rate is None else parse_rate(options.rate, "--rate")
    duration = None if options.duration is None else parse_seconds(options.duration, "--duration")
    if rate is not None and rate > HIGHEST_PER_S:
        fix = "Write it like 500 or 500rps."
        raise UsageError(f"--rate {options.rate}", f"is above {HIGHEST_PER_S:,.0f}/s", fix)
    if options.find_limit:
        return _search(options, rate, duration)
    named = [
        option
        for option, value in (
            ("--users", options.users),
            ("--profile-load", options.profile_load),
            ("--rate", None if options.profile_load else options.rate),
        )
        if value is not None
    ]
    if len(named) != 1:
        reason = f"cannot have {' and '.join(named)}" if named else "needs to know what to send"
        fix = "Give --rate 50 (open model), --users 20 (closed) or --profile-load steady."
        raise UsageError("load", reason, fix)
    if options.think is not None and options.users is None:
        raise UsageError("--think", "is a pause of users", "Give it with --users.")
    if options.profile_load is not None:
        return _from_file(options, rate, duration, checks)
    if options.users is not None:
        return _closed(options, duration or DURATION_S)
    assert rate is not None
    arrival = choice("--arrival", options.arrival or "constant", ARRIVALS)
    phase = Phase(Constant(rate), duration or DURATION_S)
    return Profile("rate", "", (phase,), arrival)


def _from_file(
    options: ProfileAsked, rate: float | None, duration: float | None, checks: Checks
) -> Profile:
    assert options.profile_load is not None
    found = load_profile(options.profile_load, checks)
    if found.users and rate is not None:
        reason = "is of users, who have no rate"
        raise UsageError(f"profile {found.name}", reason, "Leave --rate out.")
    scaled = found.scaled(rate, duration)
    if options.arrival is None:
        return scaled
    return replace(scaled, arrival=choice("--arrival", options.arrival, ARRIVALS))


def _closed(options: ProfileAsked, duration_s: float) -> Profile:
    assert options.users is not None
    if not 1 <= options.users <= 10_000:
        raise UsageError(f"--users {options.users}", "is not between 1 and 10,000", "")
    if options.arrival is not None:
        raise UsageError("--arrival", "is of an open model", "Leave it out, or give --rate.")
    think = (options.think or "0").strip()
    think_s = 0.0 if think in ("0", "0s") else parse_seconds(think, "--think")
    return Profile("users", users=options.users, think_s=think_s, closed_s=duration_s)


def choice(option: str, value: str, known: tuple[str, ...]) -> str:
    """The value if it is known; else a UsageError that lists what is."""
    if value not in known:
        fix = f"Choose one of: {', '.join(known)}."
        raise UsageError(f"{option} {value[:40]!r}", "is not known", fix)
    return value
