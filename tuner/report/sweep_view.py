"""A sweep as a reader sees it: its sections, in order, with their figures and tables."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from tuner.decide.result import Sweep
from tuner.report.answer import answer
from tuner.report.elements import Answer, Figure, Link, Section, Table, View, state_text
from tuner.report.load_tables import errors_section, load_sentence, size_load_table
from tuner.report.method import date_time, method_section
from tuner.report.month import month_fact, month_section
from tuner.report.one_size import one_size_answer, only_size, unchosen
from tuner.report.opportunities import opportunities_section, with_opportunities
from tuner.report.sweep_charts import cold_chart, cost_chart, latency_chart, trade_off_chart
from tuner.report.sweep_series import (
    OverMemory,
    cold_bars,
    cost_series,
    latency_series,
    payload_series,
    trade_off,
)
from tuner.report.sweep_tables import (
    PARETO,
    arch_table,
    choice_table,
    cold_table,
    payload_sentence,
    payload_table,
    runner_up_table,
    size_table,
    startup_facts,
    startup_table,
)
from tuner.report.verdict import verdict
from tuner.units import counted, format_memory


def sweep_view(sweep: Sweep) -> View:
    """Word everything there is to say about a sweep."""
    only, name = only_size(sweep), sweep.run.facts.name
    said = answer(sweep) if only is None else one_size_answer(sweep, only)
    sweep = sweep if only is None else unchosen(sweep)
    cold = sweep.run.command == "cold"
    chosen = "Recommended memory size" if only is None else "Measured memory size"
    return View(
        name=name,
        subtitle=_subtitle(sweep),
        title=f"{name}: {said.headline}",
        question="Cold starts" if cold else chosen,
        answer=replace(with_opportunities(said, sweep), facts=(*said.facts, *month_fact(sweep))),
        sections=tuple(_sections(sweep, said)),
        state=state_text(sweep.run.state, sweep.run.note),
        warnings=tuple(advice.text for advice in sweep.warnings),
        link=_power_tuning(sweep),
        verdict=verdict(sweep),
    )


def _sections(sweep: Sweep, said: Answer) -> Iterator[Section]:
    if (table := arch_table(sweep)) is not None:
        yield Section(
            "Architectures",
            note="Measured side by side in the same rounds. Each has its own curve and prices; the "
            "best size of each is compared. “~” marks estimates of the curve.",
            tables=(table,),
        )
    if figures := tuple(_over_memory(sweep, said)):
        yield Section("Duration and cost over memory", figures=figures, column=True)
    yield from opportunities_section(sweep)
    if (table := choice_table(sweep)) is not None:
        told = any(cell.detail for row in table.rows for cell in row.cells)
        now = format_memory(sweep.current_mb)
        note = f"In small type: against the current {now}." if told else ""
        folded = "Cheapest, balanced and fastest" if sweep.what_if is not None else ""
        where = f" on {sweep.arch}" if sweep.beside else ""
        yield Section(f"Choices{where}", note=note, tables=(table,), folded=folded)
    if (sizes := _sizes(sweep)).rows:
        yield Section(
            "All sizes",
            note="Duration is what Lambda reports for warm calls. Ranges in small type are 90 % "
            "intervals of these calls alone; that of the answer also holds what runs differ by. "
            f"“–” means unknown, “~” estimated. {PARETO}",
            tables=(sizes,),
            folded=counted(len(sizes.rows), "size"),
        )
    yield from errors_section(cause for each in sweep.each for cause in each.causes)
    yield from _payloads(sweep, said)
    if (loads := size_load_table(sweep)) is not None:
        yield Section(
            "Sizes under load",
            lead=load_sentence(sweep),
            note="Latency counts from the moment a call was due; duration is what Lambda reports "
            "for warm calls. Objectives on latency, throttles and errors are judged here, all "
            "others by the curve fitted to calls without load.",
            tables=(loads,),
        )
    yield from _choice(sweep)
    yield from month_section(sweep)
    yield from _starts(sweep)
    yield method_section(sweep)


def _over_memory(sweep: Sweep, said: Answer) -> Iterator[Figure]:
    latency, cost = latency_series(sweep), cost_series(sweep)
    safe = latency.safe_mb is not None and latency.safe_mb[0] < latency.safe_mb[1]
    if latency.points or latency.lines:
        yield Figure(
            "latency",
            "Points are measured, with their 90 % intervals"
            + ("; lines are the fitted curve." if latency.lines else ".")
            + (" The green band is the safe range." if safe else ""),
            described("Warm duration over memory", latency, said),
            partial(latency_chart, latency),
            tall=True,
        )
    if cost.points or cost.lines:
        yield Figure(
            "cost",
            "With the request fee and INIT." + (_BAND if cost.lines else ""),
            described("Cost per million invocations over memory", cost, said),
            partial(cost_chart, cost, labels=not latency.points),
            tall=True,
            alone=partial(cost_chart, cost),
        )


#: The intervals of points are of their calls alone, as those of the table.
_BAND = (
    " The band around the curve is its 90 % interval, which holds what runs differ by, as that of "
    "the answer does; those of the points are of their calls alone."
)


def described(what: str, chart: OverMemory, said: Answer) -> str:
    """Describe a chart over memory to those who do not see it."""
    points = [point for point in chart.points if not point.series.endswith("p95")]
    if not points:
        return f"{what}: nothing was measured."
    first, last = points[0].text, points[-1].text
    values = f"from {first} to {last}" if len(points) > 1 else first
    return f"{what}, {values}. {said.sentence}. The table below has all values."


def _payloads(sweep: Sweep, said: Answer) -> Iterator[Section]:
    if (table := payload_table(sweep)) is not None:
        series = payload_series(sweep)
        figure = Figure(
            "payloads",
            "Points are measured; each payload has a curve of its own, fitted to its calls alone.",
            described("Warm duration over memory, by payload", series, said),
            partial(latency_chart, series),
            tall=True,
        )
        yield Section(table.caption, payload_sentence(sweep), figures=(figure,), tables=(table,))


def _sizes(sweep: Sweep) -> Table:
    """The table of sizes; of a run that makes no warm calls only what failed."""
    table, cold = size_table(sweep), sweep.run.command == "cold"
    rows = tuple(row for row in table.rows if row.status == "failed" or not cold)
    return replace(table, rows=rows)


def _choice(sweep: Sweep) -> Iterator[Section]:
    spots, others = trade_off(sweep), runner_up_table(sweep)
    figure = Figure(
        "trade-off",
        "Mean duration and cost of each measured size, with 90 % intervals; lower left is better. "
        f"The ring is the size chosen above. {PARETO} The steps join those sizes.",
        "Cost per million over mean duration, one point a size. The table of all sizes has the "
        "values.",
        partial(trade_off_chart, spots),
    )
    figures, tables = (figure,) if len(spots) > 1 else (), (others,) if others else ()
    if figures or tables:
        title, others_are = "Cost against speed", "The next best sizes" if figures else ""
        yield Section(title, figures=figures, tables=tables, folded=others_are)


def _starts(sweep: Sweep) -> Iterator[Section]:
    if (colds := cold_table(sweep)) is not None:
        bars = cold_bars(sweep)
        figure = Figure(
            "cold",
            "Medians of both parts.",
            "Median cold start by size, INIT and first call. The table below has the values.",
            partial(cold_chart, bars),
        )
        yield Section(
            "Cold starts",
            note="INIT is the time to start the runtime and load the code; the first call follows "
            "it. Total is both together.",
            figures=(figure,) if bars else (),
            tables=(colds,),
            folded="Cold starts by size" if bars else "",
        )
    if (ways := startup_table(sweep)) is not None:
        yield Section(
            "Ways to start",
            note="The first answer is what the caller of a new sandbox waits for. "
            "Provisioned sandboxes run INIT before they are called; SnapStart restores a snapshot "
            "instead.",
            tables=(ways,),
            facts=startup_facts(sweep),
        )


def _subtitle(sweep: Sweep) -> str:
    facts = sweep.run.facts
    target = sweep.run.target if sweep.run.target != facts.name else None
    parts = (target, facts.runtime, facts.arch, facts.region, date_time(sweep.run.started_at))
    return " · ".join(part for part in parts if part)


def _power_tuning(sweep: Sweep) -> Link | None:
    url, label = sweep.power_tuning_url, "Show this in the style of AWS Lambda Power Tuning"
    hint = "the link contains the numbers; the page sends them nowhere"
    return Link(label, url, hint) if url and url.startswith("https://") else None
