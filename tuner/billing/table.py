"""The price table as it stands: TOML in and out, nothing filled in and nothing computed.

The packaged table is ``prices.toml`` beside this file; a refreshed one has the same form. A price
that is not in the table is absent, and what to do then is decided in ``prices.py``.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from tuner.errors import UsageError

SCHEMA = "tuner.prices/1"
ARCHES = ("x86_64", "arm64")

#: The prices of a region and architecture by their names in the table: per GB-second, request
#: or GB.
RATE_NAMES = (
    "gb_second",
    "request",
    "ephemeral_gb_second",
    "provisioned_capacity_gb_second",
    "provisioned_duration_gb_second",
    "savings_no_upfront_gb_second",
    "savings_all_upfront_gb_second",
    "snap_start_cache_gb_second",
    "snap_start_restore_gb",
    "logs_gb",
)


@dataclass(frozen=True)
class Source:
    """Source of a price; ``dated`` is an ISO date, or a year alone."""

    dated: str
    text: str


@dataclass(frozen=True)
class Tier:
    """From ``from_gb_seconds`` a month on, duration costs ``gb_second_usd``."""

    from_gb_seconds: float
    gb_second_usd: float


@dataclass(frozen=True)
class FreeTier:
    """Free use each month for the whole account; never covers provisioned concurrency."""

    requests: float
    gb_seconds: float


@dataclass(frozen=True)
class Rates:
    """One region's row for one architecture. ``sourced`` names the prices of another source."""

    currency: str
    source: Source
    amounts: Mapping[str, float] = field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()
    sourced: Mapping[str, Source] = field(default_factory=dict)

    def source_of(self, name: str) -> Source:
        """Return the source of the price of this name."""
        return self.sourced.get(name, self.source)


@dataclass(frozen=True)
class PriceTable:
    """All rows, by (region, architecture)."""

    rows: Mapping[tuple[str, str], Rates]
    free_tier: FreeTier | None = None

    def regions(self) -> tuple[str, ...]:
        """The regions that have any price, sorted."""
        return tuple(sorted({region for region, _ in self.rows}))

    def updated(self, newer: "PriceTable") -> "PriceTable":
        """This table with every price that ``newer`` knows; the others keep their source.

        A row of ``newer`` that is older than this table's is passed over.
        """
        rows = dict(self.rows)
        for key, fresh in newer.rows.items():
            old = rows.get(key)
            if old and day_of(fresh.source.dated) < day_of(old.source_of("gb_second").dated):
                continue
            rows[key] = fresh
            if old and old.currency == fresh.currency:
                kept = {n: old.source_of(n) for n in old.amounts if n not in fresh.amounts}
                rows[key] = replace(
                    fresh,
                    amounts={**old.amounts, **fresh.amounts},
                    tiers=fresh.tiers or old.tiers,
                    sourced={**kept, **fresh.sourced},
                )
        return PriceTable(rows, newer.free_tier or self.free_tier)


@cache
def price_table() -> PriceTable:
    """The table that comes with the package."""
    return table_from_toml(files("tuner.billing").joinpath("prices.toml").read_text("utf-8"))


def table_from_toml(text: str, name: str = "prices.toml") -> PriceTable:
    """Read a table; raises UsageError if it is not one. ``name`` is the file's, for errors."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(name, f"is not TOML: {error}") from None
    if document.get("schema") != SCHEMA:
        raise _unusable(name, f"is not a price table of the form {SCHEMA}")
    try:
        sources = {
            key: Source(str(entry["dated"]), str(entry["text"]))
            for key, entry in document["sources"].items()
        }
        for source in sources.values():
            day_of(source.dated)  # one that cannot be read is to be met here, not in a run
        rows = {
            (region, arch): _rates({**entry, **entry[arch]}, sources)
            for region, entry in document["regions"].items()
            for arch in ARCHES
            if arch in entry
        }
        free = document.get("free_tier")
        free_tier = FreeTier(float(free["requests"]), float(free["gb_seconds"])) if free else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(name, f"cannot be used: {type(error).__name__} {error}") from None
    return PriceTable(rows, free_tier)


def day_of(dated: str) -> date:
    """The day that a source's date stands for: a year alone counts to its end."""
    return date(int(dated), 12, 31) if len(dated) == 4 else date.fromisoformat(dated)


def _unusable(name: str, reason: str) -> UsageError:
    return UsageError(name, reason, "Run `tuner prices --refresh`, or remove the file.")


def _rates(entry: Mapping[str, Any], sources: Mapping[str, Source]) -> Rates:
    amounts = {name: float(entry[name]) for name in RATE_NAMES if name in entry}
    if not all(0.0 < amount < 1e6 for amount in amounts.values()):
        raise ValueError("a price is not above zero")
    named = entry.get("sourced", {})
    return Rates(
        currency=str(entry.get("currency", "USD")),
        source=sources[entry["source"]],
        amounts=amounts,
        tiers=tuple(Tier(float(start), float(price)) for start, price in entry.get("tiers", ())),
        sourced={name: sources[named[name]] for name in amounts if name in named},
    )


def table_to_toml(table: PriceTable) -> str:
    """Write a table so that :func:`table_from_toml` reads the same one back."""
    every = (each for r in table.rows.values() for each in (r.source, *r.sourced.values()))
    keys = {each: f"source-{number}" for number, each in enumerate(dict.fromkeys(every), 1)}
    lines = [f'schema = "{SCHEMA}"', "", "[sources]"]
    for source, key in keys.items():
        lines.append(f"{key} = {{ dated = {_text(source.dated)}, text = {_text(source.text)} }}")
    if table.free_tier:
        lines += ["", "[free_tier]"]
        lines += [f"{name} = {value!r}" for name, value in asdict(table.free_tier).items()]
    lines += ["", "[regions]"]
    for (region, arch), rates in sorted(table.rows.items(), key=lambda item: item[0]):
        lines += ["", f"[regions.{_text(region)}.{arch}]", f"source = {_text(keys[rates.source])}"]
        lines.append(f"currency = {_text(rates.currency)}")
        lines += [f"{name} = {amount!r}" for name, amount in rates.amounts.items()]
        if rates.tiers:
            lines.append(f"tiers = {[list(astuple(tier)) for tier in rates.tiers]!r}")
        if rates.sourced:
            pairs = (f"{name} = {_text(keys[source])}" for name, source in rates.sourced.items())
            lines.append(f"sourced = {{ {', '.join(pairs)} }}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A text of TOML, which has the escapes of JSON but must escape DEL as well."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
