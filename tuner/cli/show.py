"""How a command hands over its answer: the terminal, the report's file, JSON, the exit code."""

import json
import sys
from pathlib import Path

from tuner.decide.result import Sweep
from tuner.errors import TunerError, UsageError
from tuner.records import RunState


def hand_over(result: Sweep, *, output: Path | None, json_to: str | None, quiet: bool) -> Sweep:
    """Write the report and the JSON, print the answer; nothing measured is lost on the way.

    What cannot be written is an error only after everything else was shown.
    """
    failures: list[TunerError] = []
    if output is not None:
        from tuner.report.pages import with_report

        try:
            result = with_report(result, output)
        except TunerError as error:
            failures.append(error)
    if json_to is not None:
        try:
            write_json(result, json_to)
        except TunerError as error:
            failures.append(error)
    if json_to != "-":
        _print(result, quiet)
    elif result.recommendation is None and result.run.command == "sweep":
        from tuner.report.answer import answer

        print(f"tuner: {result.run.target}: {answer(result).sentence}", file=sys.stderr)
    if failures:
        raise failures[0]
    return result


def _print(result: Sweep, quiet: bool) -> None:
    from rich.console import Console

    from tuner.report.answer import answer
    from tuner.report.terminal import print_report

    console = Console(highlight=False)
    if quiet:
        said = answer(result)
        rest = f": {said.rest}" if said.rest else ""
        console.print(f"{said.headline}{rest}", markup=False, soft_wrap=True)
    else:
        print_report(result, console)


def write_json(result: Sweep, to: str) -> None:
    """Write ``tuner.sweep/1`` to a file, or stdout for ``-``."""
    from tuner.report.sweep_document import document

    text = json.dumps(document(result), indent=2, allow_nan=False, ensure_ascii=False)
    if to == "-":
        sys.stdout.write(f"{text}\n")
        return
    try:
        Path(to).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        fix = "The run is stored: `tuner recommend last --json FILE` writes it again."
        raise UsageError(f"--json {to}", f"cannot be written: {error.strerror}", fix) from None


def exit_code(result: Sweep) -> int:
    """What the contract says of this result."""
    if result.run.state is RunState.INTERRUPTED:
        return 130
    if result.recommendation is None:
        seen = result.run.command == "cold" and any(size.cold.n for size in result.sizes)
        return (3 if result.run.state is RunState.PARTIAL else 0) if seen else 1
    if result.recommendation.meets_slo is False:
        return 99
    return 3 if result.run.state is RunState.PARTIAL else 0
