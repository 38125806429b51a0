"""CSV of any locale gives the same cells; numbers that can be read in two ways are refused."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.recording.table import Numbers, is_unknown, read_table_text


def cells_of(text: str, *numbers: int) -> list[list[str]]:
    table = read_table_text(text, "t.csv")
    return [cells for _, cells in table.with_numbers(numbers).rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header(delimiter: str) -> None:
    text = f'size{delimiter}"time, ms"\r\n512{delimiter}1.5\r\n'
    table = read_table_text("\ufeff" + text, "t.csv")
    assert table.header == ("size", "time, ms")
    assert list(table.rows) == [(2, ["512", "1.5"])]


def test_a_line_that_names_the_delimiter_is_no_header() -> None:
    table = read_table_text("sep=;\na,b;c\n1;2\n", "t.csv")
    assert table.header == ("a,b", "c")
    assert list(table.rows) == [(3, ["1", "2"])]


def test_blank_lines_are_skipped_and_lines_counted() -> None:
    table = read_table_text("\n\na;b;\n1;2;\n;;\n\n3\n", "t.csv")
    assert list(table.rows) == [(4, ["1", "2"]), (7, ["3", ""])]


@pytest.mark.parametrize(
    ("numbers", "plain"),
    [
        (["1,5", "1.234", "1.234,5"], ["1.5", "1234", "1234.5"]),
        (["1.5", "1,234", "1,234.5"], ["1.5", "1234", "1234.5"]),
        (["1.234", "2.5"], ["1.234", "2.5"]),
        (["1,234", "2"], ["1.234", "2"]),
        (["0,125", "1.234.567"], ["0.125", "1234567"]),
        (["1,5E8", "N/A"], ["1.5E8", "N/A"]),
        (["1 234,5", "1\u00a0234"], ["1234.5", "1234"]),
    ],
)
def test_numbers_of_a_locale_are_read_by_each_other(numbers: list[str], plain: list[str]) -> None:
    text = "name;n\n" + "".join(f"3.12;{number}\n" for number in numbers)
    assert [cells[1] for cells in cells_of(text, 1)] == plain


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,n\n1,"1,234"\n', "line 2"),
        ("n\tm\n1,234\t5\n", "line 2"),
        ("n;m\n1.234;5\n", "line 2"),
        ("n;m\n12,5;5\n12.5;5\n", "line 3"),
    ],
)
def test_numbers_that_can_be_read_in_two_ways_are_refused(text: str, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        cells_of(text, 0, 1)
    assert caught.value.thing == f"t.csv, {line}"
    assert "1" in caught.value.reason


def test_words_for_an_unknown_value_are_known() -> None:
    assert all(is_unknown(word) for word in (None, "", " N/A ", "NaN", "null", "-"))
    assert not any(is_unknown(word) for word in ("0", 0, "no", False))


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=8),
    st.sampled_from([",", ";", "\t"]),
)
def test_cells_come_back_as_any_writer_put_them(rows: list[list[str]], delimiter: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows([["a", "b", "c"], *rows])
    read = [cells for _, cells in read_table_text(stream.getvalue(), "t.csv").rows]
    assert read == [row for row in rows if any(cell.strip() for cell in row)]


@given(st.floats(0, 1e9), st.booleans(), st.booleans())
def test_a_number_means_the_same_in_both_locales(
    number: float, grouped: bool, decimal_comma: bool
) -> None:
    text = f"{number:,.2f}" if grouped else f"{number:.2f}"
    if decimal_comma:
        text = text.translate({ord(","): ".", ord("."): ","})
    assert float(Numbers(";").plain(text)) == float(f"{number:.2f}")


@pytest.mark.parametrize("before", [",,,\n", "# exported in May\n\n", "\ufeff# exported\n;;\n"])
def test_what_programs_write_before_a_header_is_none(before: str) -> None:
    table = read_table_text(f"{before}a,b\n1,2\n", "t.csv")
    assert table.header == ("a", "b")
    assert [cells for _, cells in table.rows] == [["1", "2"]]


@pytest.mark.parametrize("text", ["6.000", "6,000"])
def test_counts_with_one_group_between_semicolons_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="decimal number or with thousands"):
        Numbers(";", whole=True).plain(text)
    sure = Numbers(";", whole=True)
    sure.learn(["1.234.567", "6.000"])
    assert sure.plain("6.000") == "6000"
