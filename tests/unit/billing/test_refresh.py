"""An offer file of AWS's shape becomes the rows that it is about, and no others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.prices import price_table, prices
from tuner.billing.refresh import table_from_offer
from tuner.billing.table import Tier, table_from_toml, table_to_toml
from tuner.errors import UsageError

#: group, usage type, location, region, then the tiers as (beginRange, price).
PRODUCTS: list[tuple[str | None, str, str, str, list[tuple[str, str]]]] = [
    (
        "AWS-Lambda-Duration",
        "EUW2-Lambda-GB-Second",
        "EU (London)",
        "eu-west-2",
        [
            ("15000000000", "0.0000133334"),
            ("0", "0.0000166667"),
            ("6000000000", "0.0000150000"),
        ],
    ),
    ("AWS-Lambda-Duration-ARM", "EUW2-Lambda-GB-Second-ARM", "EU (London)", "eu-west-2",
     [("0", "0.0000133334")]),
    ("AWS-Lambda-Requests", "EUW2-Request", "EU (London)", "eu-west-2", [("0", "0.0000002")]),
    ("AWS-Lambda-Storage-Duration", "EUW2-Lambda-Storage-GB-Second", "EU (London)", "eu-west-2",
     [("0", "0.0000000358")]),
    ("AWS-Lambda-Duration-Provisioned", "EUW2-Lambda-Provisioned-GB-Second", "EU (London)",
     "eu-west-2", [("0", "0.0000112709")]),
    ("AWS-Lambda-Provisioned-Concurrency", "EUW2-Lambda-Provisioned-Concurrency", "EU (London)",
     "eu-west-2", [("0", "0.0000048304")]),
    ("AWS-Lambda-Edge-Duration", "EUW2-Lambda-Edge-GB-Second", "EU (London)", "eu-west-2",
     [("0", "0.00005001")]),
    (None, "EUW2-Lambda-SnapStart-Cached-GB-S", "EU (London)", "eu-west-2", [("0", "0.0000016")]),
    (None, "EUW2-Lambda-Managed-Instances-Request", "EU (London)", "eu-west-2", [("0", "9")]),
    ("AWS-Lambda-Duration", "Global-Lambda-GB-Second", "Any", "", [("0", "0.0000000000")]),
    ("AWS-Lambda-Requests", "Global-Request", "Any", "eu-west-2", [("0", "7")]),
]  # fmt: skip


def offer(products: Any = PRODUCTS, currency: str = "USD") -> dict[str, Any]:
    listed, terms = {}, {}
    for number, (group, usage, location, region, tiers) in enumerate(products):
        sku = f"SKU{number}"
        attributes = {"location": location, "regionCode": region, "usagetype": usage}
        if group:
            attributes["group"] = group
        listed[sku] = {"sku": sku, "productFamily": "Serverless", "attributes": attributes}
        terms[sku] = {
            f"{sku}.JRTCKXETXF": {
                "priceDimensions": {
                    f"{sku}.{step}": {
                        "beginRange": begin,
                        "endRange": "Inf",
                        "unit": "Lambda-GB-Second",
                        "pricePerUnit": {currency: price},
                    }
                    for step, (begin, price) in enumerate(tiers)
                }
            }
        }
    return {
        "formatVersion": "v1.0",
        "offerCode": "AWSLambda",
        "publicationDate": "2026-12-01T10:00:00Z",
        "products": listed,
        "terms": {"OnDemand": terms},
    }


def test_groups_are_matched_whole_and_tiers_are_sorted() -> None:
    table = table_from_offer(offer())
    rates = table.rows["eu-west-2", "x86_64"]
    assert rates.amounts == {
        "gb_second": 0.0000166667,
        "request": 0.0000002,
        "ephemeral_gb_second": 0.0000000358,
        "provisioned_duration_gb_second": 0.0000112709,
        "provisioned_capacity_gb_second": 0.0000048304,
        "snap_start_cache_gb_second": 0.0000016,
    }
    assert rates.tiers == (Tier(6e9, 0.000015), Tier(15e9, 0.0000133334))
    assert rates.source.dated == "2026-12-01"
    assert table.rows["eu-west-2", "arm64"].amounts["gb_second"] == 0.0000133334


def test_the_free_tier_and_other_services_of_the_offer_are_left_out() -> None:
    assert table_from_offer(offer()).regions() == ("eu-west-2",)


def test_refreshed_prices_take_the_place_of_the_packaged_ones() -> None:
    fresh = table_from_toml(table_to_toml(price_table().updated(table_from_offer(offer()))))
    london = prices("eu-west-2", "x86_64", fresh)
    assert london.dated == "2026-12-01"
    assert len(london.tiers) == 2
    assert prices("us-east-1", "arm64", fresh) == prices("us-east-1", "arm64")


def test_a_chinese_offer_keeps_its_currency() -> None:
    chinese = [
        ("AWS-Lambda-Duration", "CNN1-Lambda-GB-Second", "China", "cn-north-1", [("0", "0.0001")])
    ]
    table = price_table().updated(table_from_offer(offer(chinese, "CNY")))
    assert table.rows["cn-north-1", "x86_64"].currency == "CNY"
    assert prices("cn-north-1", "x86_64", table).assumed


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"offerCode": "AmazonEC2"},
        {**offer(), "terms": {}},
        {**offer(), "publicationDate": "soon"},
        {**offer(), "products": {}},
        offer(PRODUCTS[-1:]),
        offer([("AWS-Lambda-Duration", "x", "y", "eu-west-2", [("0", "dear")])]),
        offer([("AWS-Lambda-Duration", "x", "y", "eu-west-2", [("0", "NaN")])]),
    ],
)
def test_what_is_no_price_list_of_lambda_is_a_usage_error(bad: Any) -> None:
    with pytest.raises(UsageError) as caught:
        table_from_offer(bad, "index.json")
    assert caught.value.thing == "index.json"
    assert len(str(caught.value).splitlines()) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(JSON, st.sampled_from(["products", "terms", "publicationDate", "offerCode", "attributes"]))
def test_no_json_escapes_as_anything_but_a_usage_error(value: Any, place: str) -> None:
    document = offer(PRODUCTS[1:2])
    if place == "attributes":
        document["products"]["SKU0"]["attributes"]["regionCode"] = value
    else:
        document[place] = value
    try:
        table = table_from_offer(document)
    except UsageError:
        return
    assert table_from_toml(table_to_toml(table)) == table
