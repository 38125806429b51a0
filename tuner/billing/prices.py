"""Prices of a region and architecture, ready for arithmetic and with their date and source.

Takes rows from the price table. When a region's own on-demand price is not known, us-east-1's is
used and said to be assumed; every other price that is not known stays ``None``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tuner.billing.table import ARCHES, FreeTier, PriceTable, Tier, day_of, price_table
from tuner.errors import UsageError
from tuner.records import Advice

__all__ = ["PriceTable", "Prices", "price_advice", "price_table", "prices"]

#: Its price level is that of most regions, so it stands in for one that is not known.
FALLBACK_REGION = "us-east-1"


@dataclass(frozen=True)
class Prices:
    """Prices of one region and architecture in US dollars; ``None`` where not known.

    ``gb_second_usd`` is the first tier's; ``tiers`` are the further ones, ascending. ``dated`` is
    an ISO date, or a year alone. ``assumed`` says that the region's own price is not known, and
    ``note`` what was used instead.
    """

    region: str
    arch: str
    gb_second_usd: float
    request_usd: float
    dated: str
    source: str
    ephemeral_gb_second_usd: float | None = None
    provisioned_capacity_gb_second_usd: float | None = None
    provisioned_duration_gb_second_usd: float | None = None
    savings_no_upfront_gb_second_usd: float | None = None
    savings_all_upfront_gb_second_usd: float | None = None
    snap_start_cache_gb_second_usd: float | None = None
    snap_start_restore_gb_usd: float | None = None
    logs_gb_usd: float | None = None
    tiers: tuple[Tier, ...] = ()
    free_tier: FreeTier | None = None
    currency: str = "USD"
    assumed: bool = False
    note: str | None = None

    def facts(self) -> dict[str, str | float]:
        """Return the prices for a report."""
        names = ("region", "arch", "currency", "gb_second_usd", "request_usd", "dated", "source")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, "note": self.note} if self.note else shown


def prices(region: str, arch: str, table: PriceTable | None = None) -> Prices:
    """The prices of a region and architecture ("x86_64" or "arm64"), always in US dollars.

    Where a price is missing, or is not in dollars, us-east-1's is ``assumed``, with a ``note``.
    ``table`` defaults to the packaged one. Raises UsageError for another architecture.
    """
    if arch not in ARCHES:
        raise UsageError(f"architecture {arch!r}", "is unknown", "Use x86_64 or arm64.")
    table, usual = table or price_table(), price_table()
    fallback = table.rows.get((FALLBACK_REGION, arch)) or usual.rows[FALLBACK_REGION, arch]
    own, note = table.rows.get((region, arch)), None
    if own is None or own.currency != "USD" or "gb_second" not in own.amounts:
        why = "is not in dollars" if own and own.currency != "USD" else "is not in the table"
        note = f"The {arch} price of {region} {why}; that of {FALLBACK_REGION} is used."
        own = fallback
    elif "request" not in own.amounts:
        why = f"The request fee of {region} is not in the table"
        note = f"{why}; that of {FALLBACK_REGION} is used."
    amounts = {"request": fallback.amounts["request"], **own.amounts}
    known: dict[str, Any] = {f"{name}_usd": amount for name, amount in amounts.items()}
    source = own.source_of("gb_second")
    return Prices(
        region,
        arch,
        dated=source.dated,
        source=source.text,
        tiers=own.tiers,
        free_tier=table.free_tier or usual.free_tier,
        assumed=note is not None,
        note=note,
        **known,
    )


#: Duration prices have changed in some region about once a year; older ones deserve a look.
OLD_AFTER_DAYS = 400


def price_advice(used: Prices, today: date, ephemeral_mb: int = 512) -> tuple[Advice, ...]:
    """Return warnings about the prices used; ``today`` is handed in, never read."""
    advice = []
    if used.note:
        text = f"{used.note} `tuner prices --refresh` may know the right one."
        advice.append(Advice("price-assumed", text))
    if (today - day_of(used.dated)).days > OLD_AFTER_DAYS:
        text = f"The prices of {used.region} date from {used.dated}; run `tuner prices --refresh`."
        advice.append(Advice("price-old", text))
    if ephemeral_mb > 512 and used.ephemeral_gb_second_usd is None:
        text = f"The price of /tmp above 512 MB in {used.region} is unknown and left out;"
        advice.append(Advice("price-ephemeral", f"{text} run `tuner prices --refresh`."))
    return tuple(advice)
