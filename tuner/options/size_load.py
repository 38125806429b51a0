"""What a sweep's options ask of each size under load. Raises UsageError, or NotFound for a profile.

The options are those of ``tuner load`` and are read by the same code.
"""

from dataclasses import replace

from tuner.engine.engine import Mode
from tuner.errors import UsageError
from tuner.measure.batches import MOST_CALLS, SizeLoad
from tuner.options.load import LoadOptions, Wish, read_wish, sending, too_many
from tuner.options.meaning import read_limit
from tuner.options.options import SweepOptions
from tuner.records import FunctionFacts
from tuner.targets.names import Kind, parse_target
from tuner.units import format_seconds


def read_load(options: SweepOptions) -> Wish | None:
    """The load that each size is put under, ``None`` without one; checked against the limits."""
    if options.profile_load is None and options.rate is None:
        for name in ("duration", "retry", "max_concurrency"):
            if getattr(options, name) is not None:
                option = f"--{name.replace('_', '-')}"
                fix = "Give --profile-load steady or --rate 20 with it."
                raise UsageError(option, "is of a load on each size", fix)
        return None
    if parse_target(options.target).kind is Kind.REPLAY:
        reason = "is a recording, which knows neither queues nor throttles"
        raise UsageError(options.target, reason, "Leave --profile-load and --rate out.")
    wish = read_wish(
        LoadOptions(
            common=options,
            profile_load=options.profile_load,
            rate=options.rate,
            duration=options.duration,
            retry=options.retry,
            max_concurrency=options.max_concurrency,
            mode=Mode.SYNC.value,
        )
    )
    if wish.profile.mode == Mode.ASYNC.value:
        reason = "is of events, whose answers tell no duration of a size"
        raise UsageError(f"load {wish.profile.name}", reason, "Run `tuner load` with it.")
    _check_room(wish, options)
    return wish


def with_profile(options: SweepOptions, wish: Wish | None) -> SweepOptions:
    """The options with the objectives and the event that the profile suggests, if none is given."""
    if wish is None:
        return options
    given = options.event or options.payloads or options.payload != "{}"
    event = options.event if given else wish.event
    return replace(options, event=event, slo=options.slo or wish.profile.slo)


def size_load(options: SweepOptions, facts: FunctionFacts) -> SizeLoad | None:
    """The load on each size of this function."""
    wish = read_load(options)
    if wish is None:
        return None
    return SizeLoad(wish.profile, sending(wish, facts, options.seed), wish.rules)


def takes_too_much(options: SweepOptions, facts: FunctionFacts) -> str | None:
    """Why the load should be asked about first: it may take other functions' concurrency."""
    wish = read_load(options)
    return None if wish is None else too_many(wish, facts)


def _check_room(wish: Wish, options: SweepOptions) -> None:
    """Refuse what cannot be: loads that are too large to keep, or longer than the limits."""
    profile, limit = wish.profile, read_limit(options)
    calls = profile.calls or 0.0
    if calls > MOST_CALLS:
        reason = f"is {calls:,.0f} calls a size; a sweep keeps each, at most {MOST_CALLS:,}"
        raise UsageError(f"load {profile.name}", reason, "Scale it with --rate and --duration.")
    if limit.seconds is not None and limit.seconds <= profile.duration_s:
        lasts = format_seconds(profile.duration_s)
        fix = "Allow more time, or shorten the load with --duration."
        raise UsageError(f"--max-time {options.max_time}", f"ends within one load of {lasts}", fix)
    if limit.invocations is not None and limit.invocations <= calls:
        reason = f"ends within one load of {calls:,.0f} calls"
        fix = "Allow more, or scale the load with --rate and --duration."
        raise UsageError(f"--invocations {limit.invocations}", reason, fix)
