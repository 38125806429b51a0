"""What was sent beside what CloudWatch counted of it: the records of a cross-check.

Light to import, since every answer may hold one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.records import Advice
from tuner.store.plain import record

#: The document of a run that keeps what was compared.
DOCUMENT = "cross-check"
#: With ``--cross-check``: so long after the last call figures are waited for, seconds. They are
#: whole by then: CloudWatch has Lambda's within a minute or two.
WAIT_S = 180.0
#: Between two questions while it is waited, seconds.
PAUSE_S = 20.0
#: Without it: asked once, and not waited for.
GLANCE_S = 0.0


@dataclass(frozen=True)
class Seen:
    """What CloudWatch counted in some minutes. ``concurrency`` is the highest of a minute."""

    invocations: int
    errors: int
    throttles: int
    mean_ms: float | None
    concurrency: float | None


@dataclass(frozen=True)
class Row:
    """One version or alias. What the client does not know is ``None``.

    ``unsure`` requests may have run, ``unsure_throttles`` may have been throttled by Lambda.
    ``within`` are the minutes of the run; ``seen`` has one more on either side.
    """

    arch: str
    qualifier: str | None
    memory_mb: int
    ran: int
    unsure: int
    errors: int | None
    throttles: int | None
    unsure_throttles: int
    mean_ms: float | None
    at_once: int | None
    within: Seen
    seen: Seen


@dataclass(frozen=True)
class TraceRow:
    """What X-Ray's traces come to: how many were ``read``, how many are of requests sent from here.

    ``service_ms`` is what Lambda itself adds to a warm call, ``dwell_ms`` how long events waited,
    both in the median.
    """

    read: int
    matched: int
    with_init: int
    service_ms: float | None
    dwell_ms: float | None


@dataclass(frozen=True)
class CrossCheck:
    """What was compared, when (seconds since 1970), and whether the figures were whole by then.

    ``traces`` is ``None`` of a function that is not traced, or whose traces could not be read.
    """

    asked_at: float
    settled: bool
    rows: tuple[Row, ...] = ()
    traces: TraceRow | None = None
    advice: tuple[Advice, ...] = ()


def patience_s(asked: bool | None) -> float | None:
    """How long an option says that figures are waited for; ``None``: they are not asked for."""
    if asked is None:
        return GLANCE_S
    return WAIT_S if asked else None


def stored_check(documents: Mapping[str, Mapping[str, Any]]) -> CrossCheck | None:
    """The cross-check among a run's documents; ``None`` if it has none that can be read."""
    try:
        return record(CrossCheck, documents[DOCUMENT]) if DOCUMENT in documents else None
    except ValueError:
        return None
