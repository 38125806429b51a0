"""What tests look up in a view, and the page that it becomes."""

from typing import Any

from tuner.decide.result import Sweep
from tuner.report.elements import Section, Table, View
from tuner.report.page import render
from tuner.report.sweep_view import sweep_view


def page_of(sweep: Sweep) -> str:
    """The page of a sweep."""
    return render(sweep_view(sweep))


def charts_of(view: View) -> dict[str, dict[str, Any]]:
    """Every chart of a view as Vega-Lite, by name."""
    return {figure.name: figure.draw() for figure in view.figures}


def section(view: View, title: str) -> Section:
    """The section of this title."""
    return next(each for each in view.sections if each.title == title)


def tables_of(view: View) -> dict[str, Table]:
    """Every table of a view by its caption."""
    return {table.caption: table for each in view.sections for table in each.tables}
