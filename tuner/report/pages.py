"""The report of a sweep as one HTML file; ``page.py`` says what such a file is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.decide.result import Sweep
from tuner.errors import TunerError, UsageError
from tuner.report.history_series import Document
from tuner.report.history_view import HistoryView, history_view
from tuner.report.load_view import LoadView, load_view
from tuner.report.page import file_name, render_page, write_page
from tuner.report.style import LIGHT, painted
from tuner.report.sweep_charts import cold_chart, cost_chart, latency_chart, trade_off_chart
from tuner.report.sweep_view import SweepView, cost_text, latency_text, sweep_view
from tuner.report.time_charts import (
    flight_chart,
    history_chart,
    queue_chart,
    rate_chart,
    time_chart,
)


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


#: How ``page.file_name`` ends: with the run's id, a ULID.
_REPORT = re.compile(r"-([0-9A-HJKMNP-TV-Z]{26})\.html", re.ASCII)


def render_history(documents: Sequence[Document], reports: dict[str, str]) -> str:
    """The page of a suite's history; ``history_view`` says what is handed in."""
    view = history_view(documents, reports)
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


def write_history(documents: Sequence[Document], output_dir: Path | str) -> Path:
    """Write ``history-SUITE.html`` and return its path. Raises TunerError if it cannot be."""
    folder = Path(output_dir)
    suite = re.sub(r"[^\w.-]+", "-", documents[-1]["suite"], flags=re.ASCII).strip("-.") or "suite"
    page = render_history(documents, reports_in(folder))
    return write_page(page, folder / f"history-{suite[:80]}.html")


_WIDTH = 760


def write_image(sweep: Sweep, chart: str, path: Path) -> Path:
    """Draw the chart ``latency``, ``cost``, ``trade-off`` or ``cold`` into a .png or .svg file.

    Raises :class:`UsageError` for an unknown chart or ending, :class:`TunerError` if the file
    cannot be written.
    """
    found = charts(sweep_view(sweep))
    if chart not in found:
        names = ", ".join(found) or "none"
        raise UsageError(f"chart {chart!r}", "this run has no such chart", f"There are: {names}.")
    content = _drawn(found[chart], path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise TunerError(f"picture {path}", reason, "Name another path.") from error
    return path


def _drawn(chart: dict[str, Any], path: Path) -> bytes:
    import vl_convert

    spec = {**painted(chart), "width": _WIDTH, "background": LIGHT["paper"]}
    del spec["autosize"]
    if path.suffix.lower() == ".svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    if path.suffix.lower() == ".png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=2))
    raise UsageError(
        f"picture {path.name}", "neither .png nor .svg", "End its name in one of them."
    )


def write_missing_reports(
    documents: Sequence[Mapping[str, Any]], store_url: str | None, output: Path, most: int
) -> int:
    """Write reports of runs that have none in ``output``, of the newest bench first.

    At most ``most``; a run of which no report can be made is passed over, such as one that is no
    longer in the store or has lost its samples. Gives how many.
    """
    from tuner.experiment.recommend import recommend_run

    known, written = reports_in(output), 0
    for run in _runs(documents):
        if written >= most:
            break
        if run in known:
            continue
        try:
            with_report(recommend_run(run, store_url, among=None), output)
        except TunerError:
            continue
        written += 1
    return written


def _runs(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Both runs of every case, the newest bench first, each once."""
    seen = set()
    for document in reversed(documents):
        for case in document["cases"]:
            for side in (case["after"], case["before"]):
                if side is not None and side["run"] not in seen:
                    seen.add(side["run"])
                    yield side["run"]
