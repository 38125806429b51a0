"""A forecast in words, for the terminal and the page of ``tuner plan``."""

from collections.abc import Iterator

from tuner.api.forecast import Forecast
from tuner.api.startup_forecast import Forecasts, StartupForecast
from tuner.planning.usual import Usual
from tuner.planning.work import Range
from tuner.records import Backend
from tuner.report.elements import Answer, Fact, Section, View
from tuner.targets.choices import WHY, Isolation
from tuner.units import format_memory, format_ms, format_seconds, format_usd


def forecast_view(found: Forecasts) -> View:
    """All that is said before a run begins."""
    most = "an unknown amount" if found.most_usd is None else format_usd(found.most_usd)
    if isinstance(found, Forecast):
        often, facts = found.usual, tuple(_facts(found))
        calls, took = found.estimate.invocations, found.estimate.seconds
        rest = f"usually {_usual(often)}; at most {round(calls.high):,} invocations"
        rest += f" in {format_seconds(took.high)}"
        title = f"{found.target}: sizes from {format_memory(found.sizes_mb[0])} to "
        title += f"{format_memory(found.sizes_mb[-1])}; {_state(found)}"
    else:
        size, facts = format_memory(found.memory_mb), tuple(_startup_facts(found))
        rest = f"{len(found.ways)} ways to start at {size}"
        free = "; nothing is billed here" if found.facts.backend is Backend.LOCAL else ""
        title = f"{found.target}: ways to start at {size} in {found.facts.region}{free}"
    return View(
        name=found.target,
        subtitle="Forecast",
        title=title,
        question="What it takes",
        answer=Answer(f"At most {most}", rest, "good"),
        sections=(Section("Forecast", facts=facts), *_details(found)),
    )


def _facts(found: Forecast) -> Iterator[Fact]:
    likely, work = found.estimate, found.work
    logs = "an unknown amount" if not likely.logs_usd else _money(likely.logs_usd)
    local = found.facts.backend is Backend.LOCAL
    free = " on AWS; nothing is billed here" if local else ""
    yield Fact("usually", _usual(found.usual))
    yield Fact(
        "invocations", f"{_count(likely.invocations)}, {_count(work.cold)} of them cold starts"
    )
    if found.architectures:
        arches = " and ".join(found.architectures)
        yield Fact("measured on", f"{arches}, on a temporary copy for each")
    if found.load is not None:
        loads, words = found.load
        yield Fact(
            "under load", f"{_count(loads.sizes)} sizes, {_count(loads.calls)} calls each: {words}"
        )
    why = "in the local Lambda; nothing on AWS is touched" if local else WHY[found.isolation]
    yield Fact("isolation", f"{found.isolation}: {why}")
    if found.isolation is Isolation.IN_PLACE:
        changes = f"{_count(work.versions)} or more of memory on $LATEST, restored at the end"
        yield Fact("changes", changes)
    else:
        yield Fact("versions", f"{_count(work.versions)} published, and deleted at the end")
    yield Fact("time", _time(likely.seconds))
    cost = _money(likely.cost_usd)
    yield Fact("cost", f"{cost} for the function, {logs} for its logs in CloudWatch{free}")
    if found.check is not None:
        most, wait = found.check
        waited = f", waited for up to {format_seconds(wait.high)}" if wait.high else ""
        figures = f"at most {format_usd(most.high)} for CloudWatch's figures after it{waited}"
        yield Fact("cross-check", figures)
    yield Fact("based on", found.known.source)


def _usual(often: Usual) -> str:
    """What it usually takes, and what was assumed for that."""
    calls = f"about {round(often.invocations):,} invocations in {format_seconds(often.seconds)}"
    told = f"{calls} for {format_usd(often.cost_usd)}"
    if often.assumed_ms is None:
        return told
    return f"{told}, if a call takes {format_ms(often.assumed_ms)} at {often.memory_mb:,} MB"


def _startup_facts(found: StartupForecast) -> Iterator[Fact]:
    for way in found.ways:
        kept = "an unknown price" if way.kept_usd is None else _money(way.kept_usd)
        calls = f"{way.calls.low:.0f} to {way.calls.high:.0f} calls, {_time(way.seconds)}"
        cost = f"{_money(way.calls_usd)} for calls, {kept} for what is kept"
        yield Fact(way.variant, f"{calls}; {cost}")
    yield Fact("based on", found.source)
    yield Fact("prices", found.prices)


def _details(found: Forecasts) -> Iterator[Section]:
    """What only `tuner plan` shows: calls of the control plane, and what could go wrong."""
    if isinstance(found, Forecast):
        calls = tuple(Fact(name, _count(count)) for name, count in found.calls.items())
        yield Section(
            "Calls of the control plane (AWS allows 15 a second per account)", facts=calls
        )
        yield Section("What could go wrong", warnings=tuple(each.text for each in found.risks))


def _state(found: Forecast) -> str:
    facts = found.facts
    where = "the local Lambda" if facts.backend is Backend.LOCAL else facts.region
    return f"now {format_memory(facts.memory_mb)} on {facts.arch} in {where}"


def _count(span: Range) -> str:
    low, high = round(span.low), round(span.high)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _time(span: Range) -> str:
    return f"{format_seconds(span.low)} to {format_seconds(span.high)}"


def _money(span: Range) -> str:
    if span.low == span.high:
        return format_usd(span.low)
    return f"{format_usd(span.low)} to {format_usd(span.high)}"
