"""Prices of a region and architecture, ready for arithmetic and with their date and source.

Takes rows from the price table. When a region's own on-demand price is not known, us-east-1's is
used and said to be assumed; every other price that is not known stays ``None``.
"""

from dataclasses import dataclass
from datetime import date

from tuner.billing.table import ARCHES, FreeTier, PriceTable, Rates, Tier, day_of, price_table
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
        shown: dict[str, str | float] = {
            "region": self.region,
            "arch": self.arch,
            "currency": self.currency,
            "gb_second_usd": self.gb_second_usd,
            "request_usd": self.request_usd,
            "dated": self.dated,
            "source": self.source,
        }
        return {**shown, "note": self.note} if self.note else shown


def prices(region: str, arch: str, table: PriceTable | None = None) -> Prices:
    """The prices of a region and architecture ("x86_64" or "arm64"), always in US dollars.

    A region (or architecture in it) whose price is missing, or is not in dollars, gets
    us-east-1's with ``assumed=True`` and a ``note``. ``table`` defaults to the packaged one.
    Raises UsageError for another architecture.
    """
    if arch not in ARCHES:
        raise UsageError(f"architecture {arch!r}", "is unknown", "Use x86_64 or arm64.")
    table = table or price_table()
    own = table.rows.get((region, arch))
    usual = table.rows.get((FALLBACK_REGION, arch)) or price_table().rows[FALLBACK_REGION, arch]
    free = table.free_tier or price_table().free_tier
    if own is None or own.currency != "USD" or "gb_second" not in own.amounts:
        why = "is not in dollars" if own and own.currency != "USD" else "is not in the table"
        note = f"The {arch} price of {region} {why}; that of {FALLBACK_REGION} is used."
        return _priced((region, arch), usual, usual.amounts["request"], free, note)
    if "request" in own.amounts:
        return _priced((region, arch), own, own.amounts["request"], free, None)
    note = f"The request fee of {region} is not in the table; that of {FALLBACK_REGION} is used."
    return _priced((region, arch), own, usual.amounts["request"], free, note)


def _priced(
    key: tuple[str, str], rates: Rates, request: float, free: FreeTier | None, note: str | None
) -> Prices:
    amount = rates.amounts.get
    return Prices(
        region=key[0],
        arch=key[1],
        gb_second_usd=rates.amounts["gb_second"],
        request_usd=request,
        dated=rates.source_of("gb_second").dated,
        source=rates.source_of("gb_second").text,
        ephemeral_gb_second_usd=amount("ephemeral_gb_second"),
        provisioned_capacity_gb_second_usd=amount("provisioned_capacity_gb_second"),
        provisioned_duration_gb_second_usd=amount("provisioned_duration_gb_second"),
        savings_no_upfront_gb_second_usd=amount("savings_no_upfront_gb_second"),
        savings_all_upfront_gb_second_usd=amount("savings_all_upfront_gb_second"),
        snap_start_cache_gb_second_usd=amount("snap_start_cache_gb_second"),
        snap_start_restore_gb_usd=amount("snap_start_restore_gb"),
        logs_gb_usd=amount("logs_gb"),
        tiers=rates.tiers,
        free_tier=free,
        assumed=note is not None,
        note=note,
    )


#: Duration prices have changed in some region about once a year; older ones deserve a look.
OLD_AFTER_DAYS = 400


def price_advice(used: Prices, today: date, ephemeral_mb: int = 512) -> tuple[Advice, ...]:
    """Return warnings about the prices used; ``today`` is handed in, never read."""
    advice = []
    if used.note:
        advice.append(
            Advice("price-assumed", f"{used.note} `tuner prices --refresh` may know the right one.")
        )
    if (today - day_of(used.dated)).days > OLD_AFTER_DAYS:
        text = f"The prices of {used.region} date from {used.dated}; run `tuner prices --refresh`."
        advice.append(Advice("price-old", text))
    if ephemeral_mb > 512 and used.ephemeral_gb_second_usd is None:
        text = f"The price of /tmp above 512 MB in {used.region} is unknown and left out;"
        advice.append(Advice("price-ephemeral", f"{text} run `tuner prices --refresh`."))
    return tuple(advice)
