"""What a month costs, in the report, the terminal and the JSON document."""

from dataclasses import replace

from rich.console import Console

from support.sweeps import MONTH, empty, good
from support.views import page_of
from tuner.decide.result import ProvisionedOffer
from tuner.report.month import month_facts, month_table
from tuner.report.sweep_document import document
from tuner.report.terminal import print_report


def test_the_table_has_a_row_for_each_size_and_unknown_prices_are_dashes() -> None:
    table = month_table(good())
    assert table is not None
    assert table.columns == (
        *("Memory", "Total", "Requests", "Duration", "INIT"),
        *("With free tier", "Savings Plan", "At arm64 price"),
    )
    assert [(row.head, row.marks) for row in table.rows] == [
        ("1,120 MB", ("recommended",)),
        ("128 MB", ("current",)),
        ("1,024 MB", ()),
    ]
    assert [cell.value for cell in table.rows[0].cells] == [
        *("$38.29", "$10.51", "$27.61", "$0.17", "$31.42", "$34.97", "$32.73"),
    ]
    assert table.rows[0].cells[5].detail == "all upfront $33.52"
    assert [table.rows[1].cells[i].value for i in (3, 5, 6)] == ["–", "–", "–"]


def test_tmp_has_a_column_only_where_it_costs_or_is_not_known() -> None:
    for storage, value in ((1.25, "$1.25"), (None, "–")):
        sizes = tuple(replace(size, ephemeral_usd=storage) for size in MONTH.sizes)
        table = month_table(replace(good(), monthly=replace(MONTH, sizes=sizes)))
        assert table is not None
        assert table.rows[0].cells[table.columns.index("/tmp") - 1].value == value


def test_the_figures_say_what_they_rest_on() -> None:
    facts = {fact.label: fact for fact in month_facts(good())}
    assert facts["Traffic"].note == "52.6 million calls in a month of 730 hours"
    assert (facts["Cold starts"].value, facts["Cold starts"].note) == ("0.11 %", "given")
    assert facts["Provisioned concurrency"].value == "does not pay below 52.4/s"
    assert "60 % of the time" in facts["Provisioned concurrency"].note
    assert "for the durations measured on x86_64" in facts["Other prices"].note


def test_durations_are_of_the_measured_architecture_whatever_prices_are_used() -> None:
    other = replace(MONTH, arch="arm64", other_arch="x86_64")
    note = month_facts(replace(good(), monthly=other))[-1].note
    assert "x86_64 prices are for the durations measured on x86_64" in note


def test_provisioned_concurrency_says_what_it_saves_or_has_no_price() -> None:
    pays = replace(MONTH, provisioned=ProvisionedOffer(0.6, 0.98, 0.4, 40, 34.461))
    facts = month_facts(replace(good(), monthly=pays))
    assert facts[2].value == "40 sandboxes would save 10 %: $34.46 a month"
    facts = month_facts(replace(good(), monthly=replace(MONTH, provisioned=None)))
    assert facts[2].value == "unknown"


def test_page_terminal_and_document_have_the_month_only_with_traffic() -> None:
    without = replace(good(), monthly=None)
    assert "What a month costs" in page_of(good())
    assert "What a month costs" not in page_of(without)
    assert document(without)["monthly"] is None
    content = document(good())["monthly"]
    assert content["sizes"][0]["total_usd"] == 38.29
    assert content["sizes"][1]["init_usd"] is None
    assert content["provisioned"]["break_even"] == 0.6
    for width in (80, 140):
        console = Console(width=width, record=True, file=None, quiet=False)
        with console.capture() as shown:
            print_report(good(), console)
        assert "Cost per month: $38.29 (at 20/s; $31.42 with the free tier)" in shown.get()
        assert "Cost per month by memory size" in shown.get()
        assert max(map(len, shown.get().splitlines()[:3])) > 0
    assert "What a month costs" not in page_of(empty())
