"""Results of the Python API: documents, pages, tables, and a few lines to read.

Each wraps one conclusion and adds nothing to it: ``to_dict`` is the document that ``--json``
writes, ``view`` what is said of it, ``report`` the page, ``to_frame`` its rows as a table.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.api.rows import Row, flat, frame, gates, notebook
from tuner.errors import GateFailed, Interrupted, Partial
from tuner.options.output import REPORTS
from tuner.records import Outcome, RunState

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.api.startup_forecast import Forecasts
    from tuner.decide.account import Survey
    from tuner.decide.load_result import Load
    from tuner.decide.result import Recommendation, Sweep
    from tuner.report.elements import View
    from tuner.report.forecast_document import TrafficForecast
    from tuner.suites.result import BenchResult as BenchResult_
    from tuner.suites.result import CompareResult as CompareResult_


class Result(ABC):
    """A result of any kind."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The result as a JSON document, with its ``schema``."""

    @abstractmethod
    def view(self) -> "View":
        """All that is said about it, for a page and the terminal."""

    @property
    def headline(self) -> str:
        """The answer in a few words."""
        return self.view().answer.headline

    @property
    def sentence(self) -> str:
        """The answer in a sentence."""
        return self.view().answer.sentence

    @property
    def exit_code(self) -> int:
        """The exit code of its command."""
        return 0

    @abstractmethod
    def rows(self) -> list[Row]:
        """The result's rows, one flat dictionary for each."""

    @property
    @abstractmethod
    def _name(self) -> str:
        """How its page is called, without an ending."""

    def report(self, path: str | Path = REPORTS) -> Path:
        """Write the result as an HTML page and return its path.

        ``path`` is a folder, or a file that ends in .html, or in .md for Markdown. Raises
        :class:`tuner.errors.TunerError` if it cannot be written.
        """
        from tuner.report.markdown import view_markdown
        from tuner.report.page import render, write_page

        where = Path(path)
        if where.suffix == ".md":
            return write_page(view_markdown(self.view()), where)
        page = render(self.view())
        return write_page(page, where if where.suffix == ".html" else where / f"{self._name}.html")

    def written(self, folder: str | Path) -> "Result":
        """The result with its report in this folder."""
        self.report(folder)
        return self

    def to_frame(self) -> Any:
        """The rows as a DataFrame, of pandas or else polars; raises TunerError without both."""
        return frame(self.rows())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence}>"

    def _repr_html_(self) -> str:
        """The result in a notebook: the answer and a table."""
        return notebook(self.sentence, self.rows())

    def print(self, console: "Console") -> None:
        """Print what a person needs to decide, and where the report is."""
        from tuner.report.terminal import print_view

        print_view(self.view(), console, self.to_dict().get("report"))


def _exit_code(state: str, *, answered: bool, met: bool) -> int:
    if state == RunState.INTERRUPTED:
        return Interrupted.exit_code
    if not answered:
        return 1
    if not met:
        return GateFailed.exit_code
    return Partial.exit_code if state == RunState.PARTIAL else 0


@dataclass(frozen=True, repr=False)
class SweepResult(Result):
    """A sweep, or cold starts, measured and answered."""

    sweep: "Sweep"

    @property
    def recommendation(self) -> "Recommendation | None":
        """The answer; ``None`` when no invocation ended with a duration."""
        return self.sweep.recommendation

    @property
    def run(self) -> str:
        """The stored run's id."""
        return self.sweep.run.run

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.sweep/1``."""
        from tuner.report.sweep_document import document

        return document(self.sweep)

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.report.sweep_view import sweep_view

        return sweep_view(self.sweep)

    def print(self, console: "Console") -> None:
        """Print it, and which run it is."""
        from tuner.report.terminal import print_report

        print_report(self.sweep, console)

    @property
    def exit_code(self) -> int:
        """1 without an answer, 3 with a part of the data, 99 where an objective is missed, 130."""
        sweep, pick = self.sweep, self.sweep.recommendation
        asked = sweep.run.command == "cold", sweep.run.facts.invoke_only
        counts = [(size.cold.n, size.warm.n) for size in sweep.sizes]
        seen = any(a and n for each in counts for a, n in zip(asked, each, strict=True))
        answered, met = pick is not None or seen, pick is None or pick.meets_slo is not False
        return _exit_code(sweep.run.state, answered=answered, met=met)

    def rows(self) -> list[Row]:
        """One row for each size: what was measured and what it costs."""
        return [flat(size) for size in self.to_dict()["sizes"]]

    def written(self, folder: str | Path) -> "SweepResult":
        """The result with its report in this folder."""
        return SweepResult(replace(self.sweep, report=str(self.report(folder))))

    @property
    def _name(self) -> str:
        from tuner.report.page import file_name

        return Path(file_name(self.sweep.run.facts.name, self.run)).stem


class LoadResult(Result):
    """A load, sent and judged; or a stored one."""

    def __init__(self, load: "Load | None" = None, document: Mapping[str, Any] | None = None):
        from tuner.report.load_document import load_document

        self.load = load
        self._document = dict(load_document(load) if load is not None else document or {})

    @property
    def run(self) -> str:
        """The stored run's id."""
        return str(self._document["run"])

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.load/1``."""
        return dict(self._document)

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.report.load_view import load_view

        return load_view(self._document)

    def print(self, console: "Console") -> None:
        """Print it, and which run it is."""
        from tuner.report.terminal import print_view, run_line

        document = self._document
        of = run_line(self.run, "load", str(document["target"]))
        print_view(self.view(), console, document.get("report"), of)

    @property
    def exit_code(self) -> int:
        """1 where no call succeeded, 3 with a part of the data or no limit found, 99 for a missed
        objective, 130."""
        outcomes = self._document["outcomes"]
        answered = any(outcomes.get(each) for each in (Outcome.OK, Outcome.CHECK_FAILED))
        limit = self._document.get("limit")
        met = all(each["met"] for each in self._document["slo"])
        met |= limit is not None and limit["fails_at_rps"] is None  # missed by this machine
        return _exit_code(self._document["state"], answered=answered, met=met)

    def rows(self) -> list[Row]:
        """One row for each second of the load."""
        return [flat(second) for second in self._document["timeline"]]

    def written(self, folder: str | Path) -> "LoadResult":
        """The result with its report in this folder."""
        path = str(self.report(folder))
        if self.load is not None:
            return LoadResult(replace(self.load, report=path))
        return LoadResult(document={**self._document, "report": path})

    @property
    def _name(self) -> str:
        from tuner.report.page import file_name

        return Path(file_name(self._document["name"], self.run)).stem


@dataclass(frozen=True, repr=False)
class CompareResult(Result):
    """Two stored runs, with verdicts."""

    comparison: "CompareResult_"

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.compare/1``."""
        from tuner.suites.document import compare_document

        return compare_document(self.comparison)

    @property
    def exit_code(self) -> int:
        """99 where something regressed, else 0."""
        return self.comparison.exit_code

    def rows(self) -> list[Row]:
        """One row for each size and gate."""
        return list(gates(self.to_dict()["sizes"], {}))

    @property
    def _name(self) -> str:
        return f"compare-{self.comparison.before.id}-{self.comparison.after.id}"

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.suites.view import compare_view

        return compare_view(self.comparison)


@dataclass(frozen=True, repr=False)
class BenchResult(Result):
    """A suite, run and judged."""

    bench: "BenchResult_"

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.bench/1``."""
        from tuner.suites.document import bench_document

        return bench_document(self.bench)

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 99 for a confirmed regression."""
        return self.bench.exit_code

    def rows(self) -> list[Row]:
        """One row for each case, size and gate."""
        cases = self.to_dict()["cases"]
        return [row for case in cases for row in gates(case["sizes"], {"case": case["name"]})]

    @property
    def _name(self) -> str:
        return f"bench-{self.bench.bench}"

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.suites.view import bench_view

        return bench_view(self.bench)


@dataclass(frozen=True, repr=False)
class PlanResult(Result):
    """Forecast of a sweep, or of a comparison of ways to start."""

    forecast: "Forecasts"

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.plan/1``."""
        return self.forecast.to_dict()

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.api.forecast_view import forecast_view

        return forecast_view(self.forecast)

    def rows(self) -> list[Row]:
        """The forecast as one row."""
        return [flat(self.to_dict())]

    @property
    def _name(self) -> str:
        return "plan"


@dataclass(frozen=True, repr=False)
class ForecastResult(Result):
    """What a traffic does to a configuration."""

    forecast: "TrafficForecast"

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.forecast/1``."""
        from tuner.report.forecast_document import forecast_document

        return forecast_document(self.forecast)

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.report.forecast_view import forecast_view

        return forecast_view(self.forecast)

    def rows(self) -> list[Row]:
        """One row for each moment."""
        return [flat(moment) for moment in self.to_dict()["timeline"]]

    def written(self, folder: str | Path) -> "ForecastResult":
        """The result with its page in this folder."""
        return ForecastResult(replace(self.forecast, report=str(self.report(folder))))

    @property
    def _name(self) -> str:
        from tuner.report.page import file_name

        return Path(file_name(self.forecast.function, "forecast")).stem


@dataclass(frozen=True, repr=False)
class FleetResult(Result):
    """Functions in production, and what is worth doing about them."""

    survey: "Survey"

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.fleet/1``."""
        from tuner.report.fleet_document import fleet_document

        return fleet_document(self.survey)

    def to_csv(self) -> str:
        """One line for each function."""
        from tuner.report.fleet_document import fleet_csv

        return fleet_csv(self.survey)

    @property
    def exit_code(self) -> int:
        """3 where a source was missing, 130 after Ctrl-C."""
        return _exit_code(self.survey.state, answered=True, met=True)

    def view(self) -> "View":
        """All that is said about it."""
        from tuner.report.fleet_view import fleet_view

        return fleet_view(self.survey)

    def rows(self) -> list[Row]:
        """One row for each function."""
        return [flat(function) for function in self.to_dict()["functions"]]

    def written(self, folder: str | Path) -> "FleetResult":
        """The result with its page in this folder."""
        return FleetResult(replace(self.survey, report=str(self.report(folder))))

    @property
    def _name(self) -> str:
        return f"fleet-{self.survey.region}"
