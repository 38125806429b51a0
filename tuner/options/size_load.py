"""What a sweep's options ask of each size under load. Raises only UsageError.

The options are those of ``tuner load`` and are read by the same code.
"""

from typing import TypeVar

from tuner.engine.batches import MOST_CALLS, SizeLoad
from tuner.engine.engine import Mode
from tuner.errors import UsageError
from tuner.options.load import LoadSpec, load_spec
from tuner.options.load_options import LoadOptions
from tuner.options.option import options_of
from tuner.options.sweep import SizeLoads, SweepOptions
from tuner.records import FunctionFacts
from tuner.targets.names import Kind
from tuner.units import format_seconds

Sweeping = TypeVar("Sweeping", bound=SweepOptions)


def read_load(options: SweepOptions) -> LoadSpec | None:
    """The load that each size is put under, ``None`` without one; checked against the limits."""
    given = {name: getattr(options, name) for name in options_of(SizeLoads)}
    if options.profile_load is None and options.rate is None:
        for name, value in given.items():
            if value is not None:
                fix = "Give --profile-load steady or --rate 20 with it."
                flag = options_of(SizeLoads)[name].flag
                raise UsageError(flag, "is for a load on each size", fix)
        return None
    if options.name.kind is Kind.REPLAY:
        reason = "is a recording, which knows neither queues nor throttles"
        raise UsageError(options.target, reason, "Leave --profile-load and --rate out.")
    shared = {name: getattr(options, name) for name in ("slo", "max_cost", "seed")}
    spec = load_spec(LoadOptions(options.target, mode=Mode.SYNC.value, **shared, **given))
    if spec.profile.mode == Mode.ASYNC.value:
        reason = "sends events, whose answers contain no duration"
        raise UsageError(f"load {spec.profile.name}", reason, "Run `tuner load` with it.")
    _check_room(spec, options)
    spec.check_files()
    return spec


def with_profile(options: Sweeping) -> Sweeping:
    """The options with the objectives and the event that the profile suggests, if none is given."""
    spec = read_load(options)
    if spec is None:
        return options
    event = options.event if options.has_payload else spec.event
    return options.but(event=event, slo=options.slo or spec.profile.slo)


def size_load(options: SweepOptions, facts: FunctionFacts) -> SizeLoad | None:
    """The load on each size of this function."""
    spec = read_load(options)
    if spec is None:
        return None
    return SizeLoad(spec.profile, spec.sending(facts, options.seed), spec.rules)


def takes_too_much(options: SweepOptions, facts: FunctionFacts) -> str | None:
    """Say why to ask before the load begins: it may take other functions' concurrency."""
    spec = read_load(options)
    return None if spec is None else spec.too_many(facts)


def _check_room(spec: LoadSpec, options: SweepOptions) -> None:
    """Refuse what cannot be: loads that are too large to keep, or longer than the limits."""
    profile, limit = spec.profile, options.limit
    calls = profile.calls or 0.0
    if calls > MOST_CALLS:
        reason = f"is {calls:,.0f} calls a size; a sweep keeps each, at most {MOST_CALLS:,}"
        raise UsageError(f"load {profile.name}", reason, "Scale it with --rate and --duration.")
    if limit.seconds is not None and limit.seconds <= profile.duration_s:
        lasts = format_seconds(profile.duration_s)
        most, fix = format_seconds(limit.seconds), "Allow more time, or set a shorter --duration."
        raise UsageError(f"--max-time {most}", f"ends within one load of {lasts}", fix)
    if limit.invocations is not None and limit.invocations <= calls:
        reason = f"ends within one load of {calls:,.0f} calls"
        fix = "Allow more, or scale the load with --rate and --duration."
        raise UsageError(f"--invocations {limit.invocations}", reason, fix)
