"""How a command hands over its answer: the terminal, the report's file, JSON, the exit code."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tuner.errors import TunerError, UsageError
from tuner.records import RunState

if TYPE_CHECKING:
    from tuner.api.results import LoadResult, SweepResult
    from tuner.decide.load_result import Load
    from tuner.options.output import Shown

R = TypeVar("R", "SweepResult", "LoadResult")


def hand_over(result: R, shown: "Shown", output: Path | None) -> R:
    """Write the report and the JSON, print the answer; nothing measured is lost on the way.

    What cannot be written is an error only after everything else was shown.
    """
    failures: list[TunerError] = []
    if output is not None:
        try:
            result = result.written(output)
        except TunerError as error:
            failures.append(error)
    if shown.json_to is not None:
        try:
            write_document(result.to_dict(), shown.json_to, _STORED)
        except TunerError as error:
            failures.append(error)
    if shown.json_to != "-":
        _print(result, shown.quiet)
    elif (missing := _no_answer(result)) is not None:
        print(f"tuner: {missing}", file=sys.stderr)
    if failures:
        raise failures[0]
    return result


def _print(result: "SweepResult | LoadResult", quiet: bool) -> None:
    from rich.console import Console

    from tuner.api.results import SweepResult
    from tuner.report.terminal import print_load, print_report

    console = Console(highlight=False)
    if quiet:
        console.print(result.headline, markup=False, soft_wrap=True)
    elif isinstance(result, SweepResult):
        print_report(result.sweep, console)
    else:
        print_load(result.to_dict(), console)


def _no_answer(result: "SweepResult | LoadResult") -> str | None:
    """Say why a sweep has no answer, where stdout is for its JSON."""
    from tuner.api.results import SweepResult

    if not isinstance(result, SweepResult) or result.sweep.run.command != "sweep":
        return None
    return None if result.recommendation else f"{result.sweep.run.target}: {result.headline}"


_STORED = "The run is stored: `tuner report last --json FILE` writes it again."


def write_document(document: Mapping[str, Any], to: str, fix: str = "Choose another file.") -> None:
    """Write a document as JSON, to stdout for ``-``; raises UsageError where that fails."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    if to == "-":
        sys.stdout.write(f"{text}\n")
        return
    try:
        Path(to).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--json {to}", f"cannot be written: {error.strerror}", fix) from None


def exit_code(result: "SweepResult") -> int:
    """Return the exit code of a sweep, or of cold starts."""
    sweep = result.sweep
    partial = 3 if sweep.run.state is RunState.PARTIAL else 0
    if sweep.run.state is RunState.INTERRUPTED:
        return 130
    if sweep.recommendation is None:
        seen = sweep.run.command == "cold" and any(size.cold.n for size in sweep.sizes)
        return partial if seen else 1
    return 99 if sweep.recommendation.meets_slo is False else partial


def load_exit_code(load: "Load") -> int:
    """Return the exit code of a load."""
    from tuner.records import Outcome

    if load.run.state is RunState.INTERRUPTED:
        return 130
    if not load.figures.outcomes[Outcome.OK]:
        return 1
    if load.met is False:
        return 99
    return 3 if load.run.state is RunState.PARTIAL else 0
