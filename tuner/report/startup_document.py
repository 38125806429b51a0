"""One way to start as JSON: an entry of ``variants`` in ``tuner.sweep/1``."""

from typing import Any

from tuner.decide.startups import StartupRow
from tuner.report.document import order_statistics


def startup(row: StartupRow) -> dict[str, Any]:
    """Money in US dollars; a break-even that does not exist, or is not known, is ``None``."""
    pays = None
    if row.pays is not None:
        pays = {
            "requests_per_second": row.pays.per_second,
            "cold_share_at_one_per_second": row.pays.cold_share,
        }
    return {
        "variant": row.variant,
        "memory_mb": row.memory_mb,
        "status": row.status,
        "reason": row.reason,
        "n": row.n,
        "spilled": row.spilled,
        "ready_seconds": row.ready_s,
        "first_ms": order_statistics(row.first_ms),
        "init_ms": order_statistics(row.init_ms),
        "restore_ms": order_statistics(row.restore_ms),
        "duration_ms": order_statistics(row.duration_ms),
        "warm_duration_ms": order_statistics(row.warm_ms),
        "call_usd_per_million": None if row.call_usd is None else row.call_usd * 1e6,
        "start_usd_per_million": None if row.start_usd is None else row.start_usd * 1e6,
        "kept_usd_per_hour": row.kept_usd_per_hour,
        "break_even": pays,
    }
