"""The price table: refreshed, as a document, and as rows for people."""

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from tuner.billing.prices import Prices, price_advice, prices
from tuner.clock import WallClock
from tuner.experiment.price_list import (
    fetch_offer,
    load_table,
    offer_url,
    read_offer,
    save_table,
)
from tuner.options.manage import PricesCommand
from tuner.units import counted

_ARCHES = ("x86_64", "arm64")
_UNKNOWN = "–"
_LABELS = {
    "duration, per GB-second": "gb_second_usd",
    "request, each": "request_usd",
    "/tmp above 512 MB, per GB-second": "ephemeral_gb_second_usd",
    "provisioned, kept, per GB-second": "provisioned_capacity_gb_second_usd",
    "provisioned, duration, per GB-second": "provisioned_duration_gb_second_usd",
    "Savings Plan, no upfront, per GB-second": "savings_no_upfront_gb_second_usd",
    "Savings Plan, all upfront, per GB-second": "savings_all_upfront_gb_second_usd",
    "SnapStart kept, per GB-second": "snap_start_cache_gb_second_usd",
    "SnapStart restored, per GB": "snap_start_restore_gb_usd",
    "CloudWatch Logs, per GB": "logs_gb_usd",
}


@dataclass(frozen=True)
class Listed:
    """Prices for people: a table, and remarks below it."""

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str]


def refreshed(options: PricesCommand) -> str | None:
    """Fetch or read a newer price list, if that is asked for; what was saved, in words."""
    if options.from_file:
        fresh = read_offer(options.from_file)
    elif options.refresh:
        fresh = fetch_offer(offer_url(options.region))
    else:
        return None
    save_table(fresh)
    newest = max(rates.source.dated for rates in fresh.rows.values())
    regions = counted(len(fresh.regions()), "region")
    return f"Saved the price list of {newest} for {regions}."


def price_document(region: str | None) -> dict[str, Any]:
    """The document ``tuner.price-list/1`` of a region, or of all."""
    table = load_table()
    wanted = (region,) if region else table.regions()
    found = [prices(name, arch, table) for name in wanted for arch in _ARCHES]
    return {"schema": "tuner.price-list/1", "prices": [asdict(item) for item in found]}


def prices_listed(region: str | None) -> Listed:
    """All prices of a region; the most important ones of all regions without one."""
    return _all_regions() if region is None else _one_region(region)


def _all_regions() -> Listed:
    table, rows = load_table(), list[tuple[str, ...]]()
    for region in table.regions():
        by_arch = [table.rows.get((region, arch)) for arch in _ARCHES]
        x86, arm = (rates.amounts.get("gb_second") if rates else None for rates in by_arch)
        first = by_arch[0] or by_arch[1]
        if first is None or first.currency != "USD":
            amount = f"{_plain(x86)} {first.currency}" if first else _UNKNOWN
            dated = first.source.dated if first else _UNKNOWN
            rows.append((region, amount, _UNKNOWN, _UNKNOWN, dated))
            continue
        fee = first.amounts.get("request")
        per_million = _UNKNOWN if fee is None else f"{fee * 1e6:.2f}"
        rows.append((region, _plain(x86), _plain(arm), per_million, first.source.dated))
    head = ("region", "x86_64 $/GB-s", "arm64 $/GB-s", "$/million calls", "dated")
    note = f"{_UNKNOWN} is not known. Sources and further prices: tuner prices --region REGION."
    return Listed(head, rows, [note])


def _one_region(region: str) -> Listed:
    table = load_table()
    both = [prices(region, arch, table) for arch in _ARCHES]
    rows = [
        (label, *(_plain(getattr(found, name)) for found in both))
        for label, name in _LABELS.items()
    ]
    today = datetime.datetime.fromtimestamp(WallClock().wall(), datetime.UTC).date()
    notes = [f"{found.arch}: {_dated(found)}" for found in both]
    advice = dict.fromkeys(item for found in both for item in price_advice(found, today))
    notes += [item.text for item in advice]
    return Listed((f"{region}, US dollars", *_ARCHES), [*rows, *_tiers(both)], notes)


def _dated(found: Prices) -> str:
    """The source, with its date where it does not say that itself."""
    told = found.dated in found.source
    return found.source if told else f"{found.source} ({found.dated})"


def _tiers(both: list[Prices]) -> list[tuple[str, ...]]:
    rows: dict[str, list[str]] = {}
    for column, found in enumerate(both):
        for tier in found.tiers:
            label = f"duration from {tier.from_gb_seconds / 1e9:g} billion GB-s a month"
            rows.setdefault(label, [_UNKNOWN] * 2)[column] = _plain(tier.gb_second_usd)
    return [(label, *row) for label, row in rows.items()]


def _plain(amount: float | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:.12f}".rstrip("0").rstrip(".")
