"""The report of a load as one HTML file; ``page.py`` says what such a file is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.report.chart_load import flight_chart, queue_chart, rate_chart, time_chart
from tuner.report.load_view import LoadView, load_view
from tuner.report.page import file_name, render_page, write_page


def render_load(document: Mapping[str, Any]) -> str:
    """The page of a load, from its ``tuner.load/1``."""
    view = load_view(document)
    return render_page("load.html", lambda: load_charts(view), view=view)


def load_charts(view: LoadView) -> dict[str, Any]:
    """The Vega-Lite charts that a load has data for, by the id of their place in the page."""
    if len(view.moments) < 2:
        return {}
    good = "answered" if view.events is None else "accepted"
    found = {"rates": rate_chart(view.moments, good), "flight": flight_chart(view.moments)}
    if view.events is not None and len(view.events.moments) > 1:
        found["queue"] = queue_chart(view.events.moments)
    if any(moment["p50_ms"] is not None for moment in view.moments):
        found["times"] = time_chart(view.moments)
    return found


def write_load_report(document: Mapping[str, Any], output_dir: Path | str) -> Path:
    """Write ``NAME-RUNID.html`` and return its path. Raises TunerError if it cannot be written."""
    path = Path(output_dir) / file_name(document["name"], document["run"])
    return write_page(render_load(document), path)
