"""A sweep or a load as OpenMetrics text, for Prometheus and what reads its formats.

A run is over, so it is imported (``promtool tsdb create-blocks-from openmetrics``), not scraped.
Format: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tuner.report.metrics import Family, families

#: What a file of metrics ends in.
ENDING = ".prom"


def open_metrics(document: Mapping[str, Any]) -> str:
    """The text of a ``tuner.sweep/1`` or ``tuner.load/1`` document."""
    lines = (line for family in families(document) for line in _lines(family))
    return "".join(f"{line}\n" for line in (*lines, "# EOF"))


def _lines(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} gauge"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {_escaped(family.help)}"
    for point in family.points:
        shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in point.labels)
        yield f"{family.name}{{{shown}}} {point.value!r} {point.at_s:.3f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
