"""``tuner prices``: show the price table, or refresh it from AWS's public price list."""

import datetime
from typing import TYPE_CHECKING, Any

import typer

from tuner.cli.show import write_document
from tuner.options.manage import PricesCommand

if TYPE_CHECKING:
    from tuner.billing.prices import Prices
    from tuner.billing.table import PriceTable


def prices(options: PricesCommand) -> None:
    """Shows all regions, or one in detail with --region."""
    from tuner.experiment.price_list import (
        fetch_offer,
        load_table,
        offer_url,
        read_offer,
        save_table,
    )

    if options.refresh or options.from_file:
        fresh = (
            read_offer(options.from_file)
            if options.from_file
            else fetch_offer(offer_url(options.region))
        )
        save_table(fresh)
    table = load_table()
    if options.json_to:
        write_document(_document(table, options.region), options.json_to)
    elif options.region:
        _show_region(table, options.region)
    else:
        _show_all(table)
    if options.refresh or options.from_file:
        newest = max(rates.source.dated for rates in fresh.rows.values())
        count = len(fresh.regions())
        regions = "1 region" if count == 1 else f"{count} regions"
        typer.echo(f"Saved the price list of {newest} for {regions}.", err=True)


def _show_all(table: "PriceTable") -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("region", "x86_64 $/GB-s", "arm64 $/GB-s", "$/million calls", "dated", box=None)
    for region in table.regions():
        by_arch = [table.rows.get((region, arch)) for arch in ("x86_64", "arm64")]
        x86, arm = (rates.amounts.get("gb_second") if rates else None for rates in by_arch)
        first = by_arch[0] or by_arch[1]
        if first is None or first.currency != "USD":
            amount = f"{_plain(x86)} {first.currency}" if first else "–"
            shown.add_row(region, amount, "–", "–", first.source.dated if first else "–")
            continue
        fee = first.amounts.get("request")
        per_million = "–" if fee is None else f"{fee * 1e6:.2f}"
        shown.add_row(region, _plain(x86), _plain(arm), per_million, first.source.dated)
    console = Console()
    console.print(shown)
    console.print("– is not known. Sources and further prices: tuner prices --region REGION.")


def _show_region(table: "PriceTable", region: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from tuner.billing.prices import price_advice
    from tuner.billing.prices import prices as find

    both = [find(region, arch, table) for arch in ("x86_64", "arm64")]
    shown = Table(f"{region}, US dollars", "x86_64", "arm64", box=None)
    for label, name in _LABELS.items():
        shown.add_row(label, *(_plain(getattr(found, name)) for found in both))
    for label, row in _tier_rows(both).items():
        shown.add_row(label, *row)
    console = Console()
    console.print(shown)
    for found in both:
        console.print(f"{found.arch}: {found.source} ({found.dated})", soft_wrap=True)
    for advice in dict.fromkeys(item for found in both for item in price_advice(found, _today())):
        console.print(advice.text, soft_wrap=True)


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


def _tier_rows(both: "list[Prices]") -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for column, found in enumerate(both):
        for tier in found.tiers:
            label = f"duration from {tier.from_gb_seconds / 1e9:g} billion GB-s a month"
            rows.setdefault(label, ["–", "–"])[column] = _plain(tier.gb_second_usd)
    return rows


def _plain(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:.12f}".rstrip("0").rstrip(".")


def _today() -> datetime.date:
    from tuner.clock import WallClock

    return datetime.datetime.fromtimestamp(WallClock().wall(), datetime.UTC).date()


def _document(table: "PriceTable", region: str | None) -> dict[str, Any]:
    from dataclasses import asdict

    from tuner.billing.prices import prices as find

    wanted = (region,) if region else table.regions()
    found = [find(name, arch, table) for name in wanted for arch in ("x86_64", "arm64")]
    return {"schema": "tuner.price-list/1", "prices": [asdict(item) for item in found]}
