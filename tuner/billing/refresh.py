"""AWS's price list as a price table: a parsed bulk offer file in, rows out.

Reads the shape of ``offers/v1.0/aws/AWSLambda/current/{region}/index.json`` (and of the file of
all regions). Fetching it is done elsewhere. Products are matched by their whole ``group`` or
usage type, never by part of it: "Duration" is also in the groups of storage, provisioned
concurrency and Lambda@Edge.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from tuner.billing.table import PriceTable, Rates, Source, Tier
from tuner.errors import UsageError

#: group -> (architectures, name in the table). The architecture is a suffix of the group.
_GROUPS = {
    f"AWS-Lambda-{group}{suffix}": (arch, name)
    for suffix, arch in (("", "x86_64"), ("-ARM", "arm64"))
    for group, name in (
        ("Duration", "gb_second"),
        ("Requests", "request"),
        ("Storage-Duration", "ephemeral_gb_second"),
        ("Provisioned-Concurrency", "provisioned_capacity_gb_second"),
        ("Duration-Provisioned", "provisioned_duration_gb_second"),
    )
}
#: Usage types without the region's prefix, for products whose group is not documented.
_USAGE_TYPES = {
    "Lambda-SnapStart-Cached-GB-S": "snap_start_cache_gb_second",
    "Lambda-SnapStart-Restored-GB": "snap_start_restore_gb",
}


def table_from_offer(offer: Any, name: str = "price list") -> PriceTable:
    """The rows that an offer file (parsed JSON) holds, on-demand terms only.

    ``name`` is the file's or address, for errors. Raises UsageError if it is not an AWSLambda
    offer or holds no price of Lambda. A row is kept only with its price per GB-second.
    """
    try:
        if offer["offerCode"] != "AWSLambda":
            raise _unusable(name, f"is an offer of {offer['offerCode']!r}, not of AWSLambda")
        dated = date.fromisoformat(str(offer["publicationDate"])[:10]).isoformat()
        found = _collect(offer["products"], offer["terms"]["OnDemand"])
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = f"is not an AWS offer file: {type(error).__name__} {str(error)[:80]}"
        raise _unusable(name, reason) from None
    source = Source(dated, f"AWS Price List, AWSLambda offer of {dated}")
    rows = {
        (region, arch): Rates(
            currency,
            source,
            {rate: steps[0].gb_second_usd for rate, steps in row.items()},
            tuple(row["gb_second"][1:]),
        )
        for (region, arch, currency), row in found.items()
        if "gb_second" in row
    }
    if not rows:
        raise _unusable(name, "holds no price of Lambda's duration")
    return PriceTable(rows)


def _unusable(name: str, reason: str) -> UsageError:
    return UsageError(name, reason, "Download the AWSLambda offer again, as `index.json`.")


def _collect(
    products: Mapping[str, Any], terms: Mapping[str, Any]
) -> dict[tuple[str, str, str], dict[str, Sequence[Tier]]]:
    """The steps of each price by its name, of each region, architecture and currency."""
    found: dict[tuple[str, str, str], dict[str, Sequence[Tier]]] = {}
    for sku, product in products.items():
        attributes = product["attributes"]
        region = attributes.get("regionCode")
        # The free tier is an ordinary product of location "Any", at a price of 0.
        if not isinstance(region, str) or not region or attributes.get("location") == "Any":
            continue
        for arch, rate in _meters(attributes):
            for currency, steps in _steps(terms.get(sku, {})):
                found.setdefault((region, arch, currency), {})[rate] = steps
    return found


def _meters(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The architectures and names in the table that a product's price is for."""
    if attributes.get("group") in _GROUPS:
        yield _GROUPS[attributes["group"]]
        return
    usage = attributes.get("usagetype", "")
    # Outside us-east-1 a prefix such as EUW2- stands before the usage type.
    bare = usage if usage.startswith("Lambda-") else usage.partition("-")[2]
    if bare in _USAGE_TYPES:
        yield from ((arch, _USAGE_TYPES[bare]) for arch in ("x86_64", "arm64"))


def _steps(term: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Tier]]]:
    """A product's prices above 0 by currency, each from its first tier up."""
    dimensions = [d for offer in term.values() for d in offer["priceDimensions"].values()]
    currencies = sorted({code for dimension in dimensions for code in dimension["pricePerUnit"]})
    for currency in currencies:
        steps = sorted(
            (float(d.get("beginRange", 0)), float(d["pricePerUnit"][currency]))
            for d in dimensions
            if currency in d["pricePerUnit"]
        )
        paid = [Tier(begin, price) for begin, price in steps if 0 < price < 1e6]
        if paid:
            yield currency, paid
