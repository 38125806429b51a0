"""A sweep as a reader sees it: every word and number of the report, ready to be placed.

All arithmetic and wording of the report happens here and in the modules it gathers; templates,
charts and the terminal only arrange.
"""

from dataclasses import dataclass, replace

from tuner.decide.result import Sweep
from tuner.records import Advice, RunState
from tuner.report.answer import answer
from tuner.report.elements import Answer, Fact, Table
from tuner.report.load_tables import load_sentence, load_table
from tuner.report.method import date_time, method
from tuner.report.month import month_fact, month_facts, month_table
from tuner.report.sweep_series import (
    ColdBar,
    OverMemory,
    TradeOff,
    cold_bars,
    cost_series,
    latency_series,
    trade_off,
)
from tuner.report.sweep_tables import (
    arch_table,
    cold_table,
    runner_up_table,
    size_table,
    startup_facts,
    startup_table,
)


@dataclass(frozen=True)
class SweepView:
    """The report of a sweep; ``None`` and empty tuples are sections that are left out."""

    name: str
    subtitle: str
    state: str  # a remark if the run did not end as planned, else ""
    question: str  # what the answer answers
    answer: Answer
    latency: OverMemory
    cost: OverMemory
    trade_off: TradeOff
    cold: tuple[ColdBar, ...]
    architectures: Table | None
    sizes: Table
    loads: Table | None
    loads_said: str
    cold_starts: Table | None
    variants: Table | None
    variant_facts: tuple[Fact, ...]
    runners_up: Table | None
    month: Table | None
    month_facts: tuple[Fact, ...]
    warnings: tuple[Advice, ...]
    method: tuple[Fact, ...]
    power_tuning_url: str | None

    @property
    def title(self) -> str:
        """The page's title."""
        return f"{self.name}: {self.answer.headline}"


def sweep_view(sweep: Sweep) -> SweepView:
    """Word everything there is to say about a sweep."""
    said = answer(sweep)
    return SweepView(
        name=sweep.run.facts.name,
        subtitle=_subtitle(sweep),
        state=_state(sweep),
        question="Cold starts" if sweep.run.command == "cold" else "Recommended memory size",
        answer=replace(said, facts=(*said.facts, *month_fact(sweep))),
        latency=latency_series(sweep),
        cost=cost_series(sweep),
        trade_off=trade_off(sweep),
        cold=cold_bars(sweep),
        architectures=arch_table(sweep),
        sizes=_sizes(sweep),
        loads=load_table(sweep),
        loads_said=load_sentence(sweep),
        cold_starts=cold_table(sweep),
        variants=startup_table(sweep),
        variant_facts=startup_facts(sweep),
        runners_up=runner_up_table(sweep),
        month=month_table(sweep),
        month_facts=month_facts(sweep),
        warnings=sweep.warnings,
        method=method(sweep),
        power_tuning_url=_power_tuning(sweep),
    )


def _sizes(sweep: Sweep) -> Table:
    """The table of sizes; of a run that makes no warm calls only what failed."""
    table = size_table(sweep)
    if sweep.run.command != "cold":
        return table
    return replace(table, rows=tuple(row for row in table.rows if row.status == "failed"))


def latency_text(view: SweepView) -> str:
    """What the latency chart shows, for those who do not see it."""
    return _described("Warm duration over memory", view.latency, view.answer)


def cost_text(view: SweepView) -> str:
    """What the cost chart shows, for those who do not see it."""
    return _described("Cost per million invocations over memory", view.cost, view.answer)


def _described(what: str, chart: OverMemory, said: Answer) -> str:
    points = [point for point in chart.points if not point.series.endswith("p95")]
    if not points:
        return f"{what}: nothing was measured."
    first, last = points[0].text, points[-1].text
    values = f"from {first} to {last}" if len(points) > 1 else first
    return f"{what}, {values}. {said.sentence}. The table below has all values."


def _subtitle(sweep: Sweep) -> str:
    facts = sweep.run.facts
    target = sweep.run.target if sweep.run.target != facts.name else None
    parts = (target, facts.runtime, facts.arch, facts.region, date_time(sweep.run.started_at))
    return " · ".join(part for part in parts if part)


def _state(sweep: Sweep) -> str:
    words = {
        RunState.PARTIAL: "Partial data",
        RunState.INTERRUPTED: "Interrupted",
        RunState.FAILED: "Failed",
        RunState.RUNNING: "Unfinished",
        RunState.DONE: "",
    }
    word, note = words[sweep.run.state], sweep.run.note
    return f"{word}: {note}" if word and note else word


def _power_tuning(sweep: Sweep) -> str | None:
    url = sweep.power_tuning_url
    return url if url and url.startswith("https://") else None
