"""The report of a sweep as one HTML file; ``page.py`` says what such a file is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.decide.result import Sweep
from tuner.report.chart_choice import cold_chart, trade_off_chart
from tuner.report.chart_memory import cost_chart, latency_chart
from tuner.report.page import file_name, render_page, write_page
from tuner.report.view import SweepView, cost_text, latency_text, sweep_view


def render_html(sweep: Sweep) -> str:
    """The page of a sweep."""
    view = sweep_view(sweep)
    texts = {"latency_text": latency_text(view), "cost_text": cost_text(view)}
    return render_page("sweep.html", lambda: charts(view), view=view, **texts)


def charts(view: SweepView) -> dict[str, Any]:
    """The Vega-Lite charts that a sweep has data for, by the id of their place in the page."""
    found = {}
    if view.latency.points or view.latency.lines:
        found["latency"] = latency_chart(view.latency)
    if view.cost.points or view.cost.lines:
        found["cost"] = cost_chart(view.cost)
    if len(view.trade_off.spots) > 1:
        found["trade-off"] = trade_off_chart(view.trade_off)
    if view.cold:
        found["cold"] = cold_chart(view.cold)
    return found


def write_report(sweep: Sweep, output_dir: Path | str) -> Path:
    """Write ``NAME-RUNID.html`` and return its path; an older one of this run is replaced.

    The file appears whole or not at all. Raises :class:`TunerError` if it cannot be written.
    """
    path = Path(output_dir) / file_name(sweep.run.facts.name, sweep.run.run)
    return write_page(render_html(sweep), path)


def with_report(result: Sweep, output: Path) -> Sweep:
    """Write the report and note where it is."""
    return replace(result, report=str(write_report(result, output)))
