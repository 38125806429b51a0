"""The price table says what is known, from where and when, and what was assumed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.prices import price_advice, price_table, prices
from tuner.billing.table import (
    RATE_NAMES,
    FreeTier,
    PriceTable,
    Rates,
    Source,
    Tier,
    table_from_toml,
    table_to_toml,
)
from tuner.errors import UsageError

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("region", "arch", "gb_second", "per_million"),
    [
        ("us-east-1", "x86_64", 0.0000166667, 0.20),
        ("us-east-1", "arm64", 0.0000133334, 0.20),
        ("eu-central-2", "x86_64", 0.0000183334, 0.22),
        ("ap-east-1", "arm64", 0.0000183, 0.28),
        ("ap-southeast-5", "x86_64", 0.000015, 0.18),
        ("af-south-1", "arm64", 0.00001768, 0.27),
    ],
)
def test_a_known_region_has_its_own_prices(
    region: str, arch: str, gb_second: float, per_million: float
) -> None:
    found = prices(region, arch)
    assert found.gb_second_usd == gb_second
    assert found.request_usd * 1e6 == pytest.approx(per_million)
    assert not found.assumed
    assert found.note is None
    assert found.dated and found.source


def test_prices_that_differ_by_region_are_not_carried_over() -> None:
    sao_paulo = prices("sa-east-1", "x86_64")
    assert sao_paulo.provisioned_capacity_gb_second_usd == 0.0000066372
    assert sao_paulo.ephemeral_gb_second_usd == 5.86e-8
    assert sao_paulo.tiers == ()
    assert sao_paulo.snap_start_restore_gb_usd is None
    assert prices("sa-east-1", "arm64").provisioned_capacity_gb_second_usd is None


@pytest.mark.parametrize(
    ("region", "arch", "words"),
    [
        ("mx-central-1", "x86_64", "not in the table"),
        ("ca-west-1", "arm64", "not in the table"),
        ("cn-north-1", "x86_64", "not in dollars"),
        ("us-gov-east-1", "x86_64", "request fee"),
    ],
)
def test_a_missing_price_is_assumed_and_said_so(region: str, arch: str, words: str) -> None:
    found = prices(region, arch)
    assert found.assumed
    assert found.note and words in found.note and "us-east-1" in found.note
    assert found.gb_second_usd == prices("us-east-1", arch).gb_second_usd
    assert price_advice(found, TODAY)[0].code == "price-assumed"


def test_an_unknown_architecture_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="mips"):
        prices("us-east-1", "mips")


def test_every_region_is_priced_above_zero_and_arm_below_x86() -> None:
    table = price_table()
    assert len(table.regions()) >= 34
    for (region, arch), rates in table.rows.items():
        assert all(amount > 0 for amount in rates.amounts.values())
        if arch == "arm64":
            x86 = table.rows[region, "x86_64"].amounts["gb_second"]
            assert 0.75 < rates.amounts["gb_second"] / x86 < 0.85


def test_each_price_names_its_source_and_date() -> None:
    rates = price_table().rows["us-east-1", "x86_64"]
    assert "Savings" in rates.source_of("savings_no_upfront_gb_second").text
    assert rates.source_of("gb_second").dated == "2026-09-19"
    assert prices("us-east-1", "x86_64").facts()["dated"] == "2026-09-19"


def test_old_prices_and_missing_storage_prices_bring_advice() -> None:
    fresh, old = prices("us-east-1", "x86_64"), prices("ap-southeast-5", "x86_64")
    assert price_advice(fresh, TODAY) == ()
    assert [item.code for item in price_advice(old, TODAY)] == ["price-old"]
    gov = prices("us-gov-west-1", "x86_64")
    assert "price-ephemeral" in [item.code for item in price_advice(gov, TODAY, 1024)]


def test_a_newer_table_replaces_only_what_it_knows() -> None:
    newer = PriceTable(
        {("us-east-1", "x86_64"): Rates("USD", Source("2027-01-01", "new"), {"gb_second": 2e-5})}
    )
    both = price_table().updated(newer)
    changed = prices("us-east-1", "x86_64", both)
    assert changed.gb_second_usd == 2e-5
    assert changed.dated == "2027-01-01"
    assert changed.request_usd == 2e-7
    assert both.rows["us-east-1", "x86_64"].source_of("request").dated == "2026-09-19"
    assert prices("eu-west-1", "x86_64", both) == prices("eu-west-1", "x86_64")


def test_the_packaged_table_survives_writing_and_reading() -> None:
    assert table_from_toml(table_to_toml(price_table())) == price_table()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
AMOUNT = st.floats(1e-12, 1e3)
SOURCES = st.builds(Source, st.sampled_from(["2024", "2026-09-19"]), TEXT)
RATES = st.builds(
    Rates,
    currency=st.sampled_from(["USD", "CNY"]),
    source=SOURCES,
    amounts=st.dictionaries(st.sampled_from(RATE_NAMES), AMOUNT, min_size=1),
    tiers=st.lists(st.builds(Tier, AMOUNT, AMOUNT), max_size=2).map(tuple),
)
REGION = st.text("abcdefgh-12", min_size=1, max_size=8)


@given(
    st.dictionaries(st.tuples(REGION, st.sampled_from(["x86_64", "arm64"])), RATES, max_size=4),
    st.none() | st.builds(FreeTier, AMOUNT, AMOUNT),
)
def test_any_table_reads_back_what_was_written(
    rows: dict[tuple[str, str], Rates], free: FreeTier | None
) -> None:
    table = PriceTable(rows, free)
    assert table_from_toml(table_to_toml(table)) == table


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = [",
        'schema = "other/1"',
        'schema = "tuner.prices/1"',
        'schema = "tuner.prices/1"\nsources = 5\nregions = {}',
        'schema = "tuner.prices/1"\n[sources.a]\ndated = "soon"\ntext = ""\n[regions]',
        'schema = "tuner.prices/1"\n[sources]\n[regions.r]\nx86_64 = 5',
        'schema = "tuner.prices/1"\n[sources]\na = { dated = "2024", text = "t" }\n'
        '[regions.r]\nsource = "a"\nx86_64 = { gb_second = -1 }',
    ],
)
def test_a_broken_table_is_a_usage_error_that_names_the_file(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        table_from_toml(text, "my.toml")
    assert caught.value.thing == "my.toml"
    assert "--refresh" in caught.value.fix


@given(st.text())
def test_no_text_escapes_as_anything_but_a_usage_error(text: str) -> None:
    for document in (text, f'schema = "tuner.prices/1"\n{text}'):
        with pytest.raises(UsageError):
            table_from_toml(document)
