"""Views as files: reports of sweeps, the history of a suite, and pictures."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.decide.result import Sweep
from tuner.errors import TunerError, UsageError, unwritable
from tuner.report.history_series import Document
from tuner.report.history_view import history_view
from tuner.report.page import file_name, render, write_page
from tuner.report.style import LIGHT, painted
from tuner.report.sweep_view import sweep_view

#: How ``page.file_name`` ends: with the run's id, a ULID.
_REPORT = re.compile(r"-([0-9A-HJKMNP-TV-Z]{26})\.html\Z", re.ASCII)
#: Pixels across a picture, before its scale.
_WIDTH = 760


def write_report(sweep: Sweep, output_dir: Path | str) -> Path:
    """Write ``NAME-RUNID.html`` and return its path; an older one of this run is replaced.

    The file appears whole or not at all. Raises :class:`TunerError` if it cannot be written.
    """
    path = Path(output_dir) / file_name(sweep.run.facts.name, sweep.run.run)
    return write_page(render(sweep_view(sweep)), path)


def with_report(result: Sweep, output: Path) -> Sweep:
    """Write the report and note where it is."""
    return replace(result, report=str(write_report(result, output)))


def write_history(documents: Sequence[Document], output_dir: Path | str) -> Path:
    """Write ``history-SUITE.html`` and return its path. Raises TunerError if it cannot be."""
    folder = Path(output_dir)
    suite = re.sub(r"[^\w.-]+", "-", documents[-1]["suite"], flags=re.ASCII).strip("-.") or "suite"
    page = render(history_view(documents, reports_in(folder)))
    return write_page(page, folder / f"history-{suite[:80]}.html")


def reports_in(folder: Path) -> dict[str, str]:
    """The file of each run's report that is in a folder, by the run's id."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return {match[1]: path.name for path in paths if (match := _REPORT.search(path.name))}


def write_missing_reports(
    documents: Sequence[Document], answer: Callable[[str], Sweep], output: Path, most: int
) -> int:
    """Write reports of runs that have none in ``output``, of the newest bench first.

    At most ``most``; a run that ``answer`` cannot answer from is skipped, such as one that is no
    longer in the store or has lost its samples. Returns how many were written.
    """
    known, written = reports_in(output), 0
    runs = (
        side["run"]
        for document in reversed(documents)
        for case in document["cases"]
        for side in (case["after"], case["before"])
        if side is not None
    )
    for run in dict.fromkeys(runs):
        if written < most and run not in known:
            with suppress(TunerError):
                with_report(answer(run), output)
                written += 1
    return written


def write_image(sweep: Sweep, chart: str, path: Path) -> Path:
    """Draw the chart ``latency``, ``cost``, ``trade-off`` or ``cold`` into a .png or .svg file.

    vl-convert, the ``images`` extra, runs a JavaScript engine inside this process (about 150 MB),
    so only what asks for a picture draws one. Raises :class:`UsageError` for an unknown chart or
    ending, :class:`TunerError` if the extra is not installed or the file cannot be written.
    """
    found = {figure.name: figure for figure in sweep_view(sweep).figures}
    if chart not in found:
        names = ", ".join(found) or "none"
        raise UsageError(f"chart {chart!r}", "this run has no such chart", f"There are: {names}.")
    draw = found[chart].alone or found[chart].draw
    content = _drawn(draw(), path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise unwritable(f"picture {path}", error, "Name another path.") from error
    return path


def _drawn(chart: dict[str, Any], path: Path) -> bytes:
    try:
        import vl_convert
    except ImportError as error:
        fix = "Install it: pip install 'tuner[images]'"
        raise TunerError(f"picture {path.name}", "vl-convert is not installed", fix) from error
    spec = {**painted(chart), "width": _WIDTH, "background": LIGHT["paper"]}
    del spec["autosize"]
    if path.suffix.lower() == ".svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    if path.suffix.lower() == ".png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=2))
    raise UsageError(
        f"picture {path.name}", "neither .png nor .svg", "End its name in one of them."
    )
