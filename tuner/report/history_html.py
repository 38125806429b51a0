"""The history of a suite as one HTML file; ``page.py`` says what such a file is."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuner.report.chart_history import history_chart
from tuner.report.history_series import Detect, Document
from tuner.report.history_view import HistoryView, history_view
from tuner.report.page import render_page, write_page

#: How ``page.file_name`` ends: with the run's id, a ULID.
_REPORT = re.compile(r"-([0-9A-HJKMNP-TV-Z]{26})\.html", re.ASCII)


def render_history(documents: Sequence[Document], reports: dict[str, str], detect: Detect) -> str:
    """The page of a suite's history; ``history_view`` says what is handed in."""
    view = history_view(documents, reports, detect)
    return render_page("history.html", lambda: history_charts(view), view=view)


def history_charts(view: HistoryView) -> dict[str, Any]:
    """The Vega-Lite charts by the id of their place in the page."""
    return {
        place.name: history_chart(place.series, number)
        for number, case in enumerate(view.cases)
        for place in case.charts
    }


def reports_in(folder: Path) -> dict[str, str]:
    """The file of each run's report that is in a folder, by the run's id."""
    found = {}
    if folder.is_dir():
        for path in folder.iterdir():
            match = _REPORT.search(path.name)
            if match and match.end() == len(path.name):
                found[match[1]] = path.name
    return found


def write_history(documents: Sequence[Document], output_dir: Path | str, detect: Detect) -> Path:
    """Write ``history-SUITE.html`` and return its path. Raises TunerError if it cannot be."""
    folder = Path(output_dir)
    suite = re.sub(r"[^\w.-]+", "-", documents[-1]["suite"], flags=re.ASCII).strip("-.") or "suite"
    page = render_history(documents, reports_in(folder), detect)
    return write_page(page, folder / f"history-{suite[:80]}.html")
