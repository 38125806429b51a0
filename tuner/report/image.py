"""One chart of a report as a picture, for slides and chats: PNG or SVG, by vl-convert.

vl-convert runs a JavaScript engine inside this process (about 150 MB); that is why no command
draws pictures unless it is asked to.
"""

from pathlib import Path
from typing import Any

from tuner.decide.result import Sweep
from tuner.errors import TunerError, UsageError
from tuner.report.html import charts
from tuner.report.palette import LIGHT, painted
from tuner.report.view import sweep_view

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
