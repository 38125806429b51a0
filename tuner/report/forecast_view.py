"""The forecast of a traffic as a reader sees it: its sections, in order."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from tuner.planning.forecast import QUANTILES
from tuner.planning.production import Outcome
from tuner.planning.remedies import NEAR, Remedy, limit_share
from tuner.report.elements import Answer, Cell, Fact, Figure, Log, Row, Section, Table, View
from tuner.report.forecast_document import TrafficForecast
from tuner.report.time_charts import flight_chart, traffic_chart
from tuner.units import (
    UNKNOWN,
    counted,
    format_memory,
    format_ms,
    format_seconds,
    format_share,
    format_usd,
    listed,
)

_TOLD = ("mean", "p50", "p95", "p99", "p99.9", "max")


def forecast_view(forecast: TrafficForecast) -> View:
    """Word everything there is to say about a forecast."""
    said, name = _answer(forecast), forecast.function
    return View(
        name=name,
        subtitle=f"Forecast · {format_memory(forecast.subject.memory_mb)} · {forecast.traffic}",
        title=f"{name} under {forecast.traffic}: {said.headline}",
        question="Under this traffic",
        answer=said,
        sections=tuple(_sections(forecast)),
    )


def _answer(forecast: TrafficForecast) -> Answer:
    found = forecast.outcome
    most = _count(found.concurrency.get("max", 0.0))
    headline = f"{most} concurrent call{'' if most == '1' else 's'} at the peak"
    near = limit_share(forecast.subject, found)
    if near >= NEAR:
        headline += f", {format_share(near)} of the limit"
    throttled = found.throttled_share
    reasons = listed(found.throttles) if found.throttles else ""
    parts = (
        f"{format_share(throttled)} throttled ({reasons})" if found.throttles else "none throttled",
        f"{format_share(found.cold_share)} cold starts",
        f"callers wait {_waits(found)}",
        f"{format_usd(found.bill.total_usd)} for {format_seconds(found.span_s)}",
    )
    warn = found.throttles or near >= NEAR
    tone = "bad" if throttled > 0.001 else "warn" if warn else "good"
    return Answer(headline, "; ".join(parts), tone, tuple(_facts(forecast)))


def _shown(found: Outcome) -> tuple[str, ...]:
    """The median, and the highest percentile up to p99 that the calls can show."""
    tail = [name for name in ("p99", "p95", "p90") if name in found.wait_ms]
    return ("p50", *tail[:1])


def _waits(found: Outcome) -> str:
    return ", ".join(f"{n} {format_ms(found.wait_ms.get(n))}" for n in _shown(found))


def _facts(forecast: TrafficForecast) -> Iterator[Fact]:
    found, subject = forecast.outcome, forecast.subject
    allowed = subject.allowed
    yield Fact("Memory", format_memory(subject.memory_mb), forecast.chosen)
    yield Fact("Calls", f"{found.calls:,.0f}", forecast.traffic)
    counts = f"{found.cold:,.0f} cold"
    ready = f", {found.provisioned:,.0f} in provisioned sandboxes" if allowed.provisioned else ""
    yield Fact("Served", f"{found.served:,.0f}", f"{counts}{ready}")
    most = _count(found.sandboxes_max)
    yield Fact(
        "Sandboxes at the peak", most, "with those of before; as many connections to a database"
    )
    limits = f"{allowed.limits.account_concurrency:,} of the account"
    reserved = "" if allowed.reserved is None else f", {allowed.reserved:,} reserved"
    kept = f", {allowed.provisioned:,} provisioned" if allowed.provisioned else ""
    yield Fact("Concurrency allowed", f"{limits}{reserved}{kept}")
    yield Fact("Per month", format_usd(forecast.month_usd()), _repeated(forecast))


def _repeated(forecast: TrafficForecast) -> str:
    """What a month is taken to be."""
    crowd = ", with its flash crowd" if forecast.flash else ""
    return f"if each {format_seconds(forecast.outcome.span_s)} of it is like this{crowd}"


def _sections(forecast: TrafficForecast) -> Iterator[Section]:
    found = forecast.outcome
    moments = [_moment(asdict(each)) for each in found.timeline]
    step_s = found.span_s / max(1, len(moments))
    figures = (
        Figure(
            "traffic",
            "Calls, cold starts and throttles a second.",
            "Calls, cold starts and throttles a second over the time.",
            partial(traffic_chart, [_per_second(each, step_s) for each in moments]),
        ),
        Figure(
            "flight",
            "Calls in flight, on average.",
            "Calls in flight over the time.",
            partial(flight_chart, moments),
        ),
    )
    yield Section("Over time", figures=figures, column=True)
    few = tuple(_few(forecast))
    table = _spread_table(found)
    yield Section("Concurrency and waits", note=_NOTE, tables=(table,), warnings=few)
    if found.throttles:
        yield Section("Throttles", tables=(_throttle_table(found),))
    note = f"{_BILL} A month is taken {_repeated(forecast)}."
    yield Section("The bill", tables=(_bill_table(forecast),), note=note)
    if forecast.remedies:
        guessed = tuple(_unmeasured(each.name, each.assumed) for each in forecast.remedies)
        yield Section(
            "What would change it",
            tables=(_remedy_table(forecast),),
            warnings=tuple(filter(None, guessed)),
        )
    for remedy in forecast.remedies:
        if remedy.request:
            log = Log("Text for Service Quotas or AWS Support", remedy.request)
            yield Section("Request for a higher limit", log=log)
    yield Section("How it was made", facts=tuple(_method(forecast)), brief=())


_NOTE = (
    "The first rate has gone on for some minutes before. What callers wait is INIT and duration, "
    "without the network; throttled calls are left out."
)
_BILL = "Prices of the first tier; throttled calls are free. Logs are START, END and REPORT alone."


def _few(forecast: TrafficForecast) -> Iterator[str]:
    """Which waits too few calls were measured for, and what was assumed."""
    subject = forecast.subject
    missing = [name for name in _TOLD if not subject.tells(QUANTILES.get(name, 0.0))]
    if missing:
        needed = math.ceil(1.0 / (1.0 - QUANTILES[missing[0]]) - 1e-9)
        yield (
            f"{subject.calls:,} warm calls were measured at this size: {missing[0]} of the waits "
            f"needs {needed:,}{', and those above it more' if missing[1:] else ''}."
        )
    if subject.assumed:
        yield _unmeasured(format_memory(subject.memory_mb), subject.assumed)


def _unmeasured(size: str, assumed: str) -> str:
    return f"No cold start was measured at {size}. Assumed: {assumed}." if assumed else ""


def _moment(moment: dict[str, Any]) -> dict[str, Any]:
    return {**moment, "second": round(moment["second"], 3)}


def _per_second(moment: Mapping[str, Any], step_s: float) -> dict[str, Any]:
    rates = {name: moment[name] / step_s for name in ("calls", "cold", "throttled")}
    return {**moment, **rates}


def _spread_table(found: Outcome) -> Table:
    rows = (
        Row("Calls in flight", tuple(Cell(_count(found.concurrency.get(n))) for n in _TOLD)),
        Row("Callers wait", tuple(Cell(format_ms(found.wait_ms.get(name))) for name in _TOLD)),
    )
    return Table("Concurrency and waits", ("", *_TOLD), rows)


def _count(value: float | None) -> str:
    """Calls or sandboxes; those of a fluid, and means, have parts."""
    if value is None:
        return UNKNOWN
    if value < 0.95:
        return f"{value:.2g}"
    whole = value >= 9.95 or abs(value - round(value)) < 0.05
    return f"{value:,.0f}" if whole else f"{value:.1f}"


def _throttle_table(found: Outcome) -> Table:
    rows = tuple(
        Row(reason.capitalize(), (Cell(f"{count:,.0f}"), Cell(format_share(count / found.calls))))
        for reason, count in found.throttles.items()
    )
    return Table("Throttles by reason", ("Reason", "Calls", "Of all"), rows)


def _bill_table(forecast: TrafficForecast) -> Table:
    bill, span_s = forecast.outcome.bill, forecast.outcome.span_s
    month = forecast.month_usd() / bill.total_usd if bill.total_usd else 0.0
    meters = {
        "Requests": bill.requests_usd,
        "Duration": bill.duration_usd,
        "INIT": bill.init_usd,
        "Provisioned": bill.provisioned_usd,
        "Logs": bill.logs_usd,
        "Total": bill.total_usd,
    }
    rows = tuple(
        Row(name, (Cell(format_usd(usd)), Cell(format_usd(None if usd is None else usd * month))))
        for name, usd in meters.items()
        if usd != 0.0
    )
    return Table("The bill by meter", ("Meter", format_seconds(span_s), "A month of it"), rows)


def _remedy_table(forecast: TrafficForecast) -> Table:
    now = Row("as it is", (*_cells(forecast, forecast.outcome), Cell("")))
    rows = tuple(_remedy(forecast, each) for each in forecast.remedies)
    waits = tuple(f"Wait {name}" for name in _shown(forecast.outcome))
    columns = ("Change", "Throttled", "Cold", *waits, "Sandboxes", "Per month", "What")
    narrow = ("Change", "Throttled", waits[-1], "Sandboxes", "Per month")
    return Table("What would change it", columns, (now, *rows), narrow, ("What",))


def _remedy(forecast: TrafficForecast, remedy: Remedy) -> Row:
    count = "" if remedy.count is None else f": {remedy.count:,}"
    return Row(f"{remedy.name}{count}", (*_cells(forecast, remedy.outcome), Cell(remedy.text)))


def _cells(forecast: TrafficForecast, found: Outcome) -> tuple[Cell, ...]:
    return (
        Cell(format_share(found.throttled_share)),
        Cell(format_share(found.cold_share)),
        *(Cell(format_ms(found.wait_ms.get(name))) for name in _shown(forecast.outcome)),
        Cell(_count(found.sandboxes_max)),
        Cell(format_usd(forecast.month_usd(found))),
    )


def _method(forecast: TrafficForecast) -> Iterator[Fact]:
    subject, found = forecast.subject, forecast.outcome
    how = "each call placed on virtual time" if found.placed else "as a fluid, since calls are many"
    yield Fact("Method", how, f"seed {forecast.seed}")
    count = subject.calls
    calls = "" if count is None else counted(count, "warm call")
    yield Fact("Durations", forecast.source, calls)
    yield Fact("Prices", f"{subject.prices.region}, {subject.prices.arch}", subject.prices.dated)
