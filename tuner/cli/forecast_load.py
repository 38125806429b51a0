"""What a sweep's loads will be: how many sizes, and how many calls each. Nothing is invoked."""

from tuner.decide.goal import parse_slo
from tuner.decide.load_plan import MOST, MOST_WITHOUT_SLO
from tuner.decide.load_result import LOAD_SCOPES, load_words
from tuner.engine.profiles.profile import Profile
from tuner.measure.batches import MOST_CALLS, terms_of
from tuner.options.meaning import read_limit
from tuner.options.options import SweepOptions
from tuner.options.size_load import size_load
from tuner.planning.estimate import Known, duration_ms
from tuner.planning.work import LoadWork, Range
from tuner.records import FunctionFacts


def forecast_load(
    options: SweepOptions, facts: FunctionFacts, sizes: tuple[int, ...], known: Known
) -> tuple[LoadWork, str] | None:
    """The loads on sizes, and what each is in words; ``None`` if none is asked for."""
    load = size_load(options, facts)
    if load is None:
        return None
    profile = load.profile
    work = LoadWork(_sizes(options, sizes), _calls(profile, sizes, known), profile.duration_s)
    return work, load_words(terms_of(load))


def _sizes(options: SweepOptions, sizes: tuple[int, ...]) -> Range:
    """How many will be loaded, which is known beforehand of a grid only; a limit may leave none."""
    limit = read_limit(options)
    count = Range(len(sizes), len(sizes))
    if options.method != "grid":
        judged = any(parse_slo(text).scope in LOAD_SCOPES for text in options.slo)
        count = Range(min(1 if judged else 2, len(sizes)), MOST if judged else MOST_WITHOUT_SLO)
        count = Range(count.low, min(count.high, len(sizes)))
    if (limit.invocations, limit.cost_usd, limit.seconds) != (None, None, None):
        count = Range(0, count.high)
    return count


def _calls(profile: Profile, sizes: tuple[int, ...], known: Known) -> Range:
    """Calls of one load; those of a closed model depend on how long they take."""
    calls = profile.calls
    if calls is not None:
        # A Poisson load's number of calls is by chance, with its mean as its variance.
        off = 4.0 * calls**0.5 if profile.arrival == "poisson" else 0.0
        return Range(max(0.0, calls - off), calls + off)
    took = [duration_ms(size, known) for size in sizes]
    low, high = min(t.low for t in took) / 1000.0, max(t.high for t in took) / 1000.0
    turns = profile.users * profile.duration_s
    fewest = max(profile.users, turns / (high + profile.think_s))
    most = min(MOST_CALLS, turns / (low + profile.think_s))
    return Range(min(fewest, most), most)
