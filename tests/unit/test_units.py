"""What people type becomes numbers with units, or an error that says what to write instead."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner import units
from tuner.errors import UsageError
from tuner.units import MemoryRange, parse_memory, parse_rate, parse_seconds, parse_share, parse_usd


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("128,256,512", MemoryRange((128, 256, 512))),
        (" 512, 128 ,512MB ", MemoryRange((128, 512))),
        ("1769", MemoryRange((1769,))),
        ("128:1536", MemoryRange(range_mb=(128, 1536))),
        ("128:10240", MemoryRange(range_mb=(128, 10_240))),
        ("512:512", MemoryRange((512,))),
        ("128:300:64", MemoryRange((128, 192, 256))),
        ("Recorded", MemoryRange(recorded=True)),
    ],
)
def test_memory_is_read_as_list_range_or_recorded(text: str, wish: MemoryRange) -> None:
    assert parse_memory(text) == wish


@pytest.mark.parametrize(
    ("text", "named", "reason"),
    [
        ("64", "'64'", "below 128"),
        ("512,10241", "'10241'", "above 10240"),
        ("big", "'big'", "not a whole number"),
        ("128.5", "'128.5'", "not a whole number"),
        ("-128", "'-128'", "not a whole number"),
        ("", "''", "empty"),
        ("128,,256", "''", "empty"),
        (":1536", "''", "empty"),
        ("1536:128", "'1536:128'", "reversed"),
        ("128,256:512", "'128,256:512'", "mixes a list and a range"),
        ("128:512:0", "'0'", "not a step"),
        ("nan", "'nan'", "not a whole number"),
        ("9" * 5000, "'9999", "not a whole number"),
    ],
)
def test_bad_memory_names_the_value_the_reason_and_the_next_step(
    text: str, named: str, reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_memory(text)
    assert named in caught.value.thing
    assert caught.value.thing.startswith("--memory ")
    assert reason in caught.value.reason
    assert caught.value.fix
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_seconds, "10m", 600.0),
        (parse_seconds, "90", 90.0),
        (parse_seconds, "250ms", 0.25),
        (parse_seconds, "1h30m", 5400.0),
        (parse_seconds, "1.5 hours", 5400.0),
        (parse_rate, "20rps", 20.0),
        (parse_rate, "20", 20.0),
        (parse_rate, "1200/m", 20.0),
        (parse_rate, "2k per second", 2000.0),
        (parse_rate, "1200rpm", 20.0),
        (parse_rate, "20 RPS", 20.0),
        (parse_rate, "20tps", 20.0),
        (parse_rate, "72000 rph", 20.0),
        (parse_rate, "1,200 Requests/Min", 20.0),
        (parse_rate, "3.6k calls per hour", 1.0),
        (parse_rate, "1,728,000/day", 20.0),
        (parse_rate, "604800/week", 1.0),
        (parse_rate, "31.536M/year", 1.0),
        (parse_rate, "2.628M/month", 1.0),
        (parse_share, "1%", 0.01),
        (parse_share, "0.01", 0.01),
        (parse_share, "100 %", 1.0),
        (parse_share, "0", 0.0),
        (parse_usd, "0.05", 0.05),
        (parse_usd, "$0.05", 0.05),
        (parse_usd, "5 usd", 5.0),
        (parse_usd, "1e-3", 0.001),
    ],
)
def test_quantities_are_read_in_their_unit(
    parse: Callable[[str], float], text: str, value: float
) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_seconds, "soon"),
        (parse_seconds, ""),
        (parse_seconds, "0"),
        (parse_seconds, "10 parsecs"),
        (parse_seconds, "-5s"),
        (parse_rate, "fast"),
        (parse_rate, "0/s"),
        (parse_rate, "5/fortnight"),
        (parse_rate, "5/M"),
        (parse_rate, "1,20/s"),
        (parse_rate, "5 cats/s"),
        (parse_rate, "nan"),
        (parse_share, "5"),
        (parse_share, "101%"),
        (parse_share, "-1%"),
        (parse_usd, "0,05"),
        (parse_usd, "0"),
        (parse_usd, "inf"),
    ],
)
def test_a_quantity_that_makes_no_sense_is_a_usage_error(
    parse: Callable[[str], float], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert repr(text) in caught.value.thing
    assert caught.value.fix


def test_numbers_are_taken_where_python_callers_pass_them() -> None:
    assert parse_share(0.25) == 0.25
    assert parse_usd(2) == 2.0


def test_key_values_keep_everything_after_the_first_equals_sign() -> None:
    pairs = units.parse_key_values(["A=1", "URL=http://x/?q=2", "EMPTY="], "--env")
    assert pairs == {"A": "1", "URL": "http://x/?q=2", "EMPTY": ""}


@pytest.mark.parametrize("items", [["A"], ["=1"], ["A=1", "A=2"]])
def test_bad_key_values_are_usage_errors(items: list[str]) -> None:
    with pytest.raises(UsageError):
        units.parse_key_values(items, "--env")


SIZE = st.integers(128, 10_240)


@given(
    st.one_of(
        st.lists(SIZE, min_size=1, max_size=9).map(lambda s: MemoryRange(tuple(sorted(set(s))))),
        st.tuples(SIZE, SIZE)
        .filter(lambda pair: pair[0] < pair[1])
        .map(lambda pair: MemoryRange(range_mb=pair)),
        st.just(MemoryRange(recorded=True)),
    )
)
def test_a_wish_reads_back_from_its_own_text(wish: MemoryRange) -> None:
    assert parse_memory(str(wish)) == wish


LIKELY = st.text(alphabet="0123456789.,:;/%$eEkMmshd -+naNinfrpsusdmb_=٣²\n", max_size=20)


@given(st.one_of(st.text(), LIKELY))
def test_no_text_escapes_as_anything_but_a_usage_error(text: str) -> None:
    parsers: list[Callable[[str], object]] = [
        parse_memory,
        parse_seconds,
        parse_rate,
        parse_share,
        parse_usd,
        lambda item: units.parse_key_values([item]),
    ]
    for parse in parsers:
        try:
            value = parse(text)
        except UsageError as error:
            assert error.reason and error.fix
        else:
            assert value is not None


@given(st.floats(0.001, 1e7))
def test_seconds_and_rates_read_back_what_was_written(value: float) -> None:
    assert parse_seconds(f"{value:.6f}s") == pytest.approx(value, abs=1e-6)
    assert parse_rate(f"{value:.6f}/s") == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (units.format_memory(1120), "1,120 MB"),
        (units.format_ms(0.834), "0.83 ms"),
        (units.format_ms(3.24), "3.2 ms"),
        (units.format_ms(23.6), "24 ms"),
        (units.format_ms(999.6), "1.00 s"),
        (units.format_ms(1250), "1.25 s"),
        (units.format_ms(74_900), "74.9 s"),
        (units.format_ms(900_000), "900 s"),
        (units.format_ms(None), "–"),
        (units.format_seconds(0.42), "0.4 s"),
        (units.format_seconds(59.7), "1 min"),
        (units.format_seconds(125), "2 min 5 s"),
        (units.format_seconds(11_400), "3 h 10 min"),
        (units.format_usd(0), "$0"),
        (units.format_usd(1234.5), "$1,234.50"),
        (units.format_usd(0.0521), "$0.052"),
        (units.format_usd(0.000021), "$0.000021"),
        (units.format_usd(0.5), "$0.50"),
        (units.format_usd(-0.052), "-$0.052"),
        (units.format_usd_per_million(2.449), "$2.45 per million"),
        (units.format_share(0.31), "31 %"),
        (units.format_share(0.012), "1.2 %"),
        (units.format_share(1e308), units.UNKNOWN),
        (units.format_cost_change(-0.31), "31 % cheaper"),
        (units.format_cost_change(0.2), "20 % more expensive"),
        (units.format_cost_change(2.5), "3.5x the cost"),
        (units.format_cost_change(0.001), "the same cost"),
        (units.format_speed_change(-0.756), "4.1x faster"),
        (units.format_speed_change(-0.2), "20 % faster"),
        (units.format_speed_change(1.5), "2.5x slower"),
        (units.format_rate(500), "500/s"),
        (units.format_rate(0.05), "3/min"),
        (units.format_rate(0.0005), "1.8/h"),
    ],
)
def test_numbers_are_worded_for_people(shown: str, expected: str) -> None:
    assert shown == expected


@given(st.one_of(st.none(), st.floats()))
def test_every_number_has_some_wording(value: float | None) -> None:
    for wording in (
        units.format_ms,
        units.format_seconds,
        units.format_usd,
        units.format_share,
        units.format_cost_change,
        units.format_speed_change,
        units.format_rate,
    ):
        assert wording(value)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.12, "+12 %"),
        (0.98, "-2.0 %"),
        (13.5, "+1,250 %"),
        (1.0, "0.0 %"),
        (0.9999, "0.0 %"),
        (None, "–"),
    ],
)
def test_a_change_has_a_sign_and_tenths_below_ten_per_cent(ratio: float | None, text: str) -> None:
    assert units.format_change(ratio) == text


@given(st.floats(-0.9, 9.0))
@example(-0.00498)
def test_a_change_reads_as_none_from_both_ends_or_from_neither(change: float) -> None:
    there, back = change, 1.0 / (1.0 + change) - 1.0
    edge = abs(min(abs(there), abs(back)) - 0.005) < 1e-9
    for told, same in (
        (units.format_cost_change, "the same cost"),
        (units.format_speed_change, "the same speed"),
    ):
        assert edge or (told(there) == same) == (told(back) == same)


@pytest.mark.parametrize("total", [0.0123, 0.996, 9.994, 9.999, 351.876, 12_345.678])
def test_parts_of_a_bill_add_up_to_it_as_they_are_written(total: float) -> None:
    for share in (0.004, 0.3333, 0.4995):
        parts = {"a": total * share, "b": total * (1 - 2 * share), "c": total * share, "d": None}
        shown = units.format_costs_of(total, parts)
        written = [float(shown[name].replace("$", "").replace(",", "")) for name in "abc"]
        whole = units.format_cost(total)
        unit = 10.0 ** -len(whole.partition(".")[2])
        tiny = [value for value in written if value < unit]
        assert sum(written) == pytest.approx(
            float(whole.replace("$", "").replace(",", "")), abs=unit * (0.01 + len(tiny) / 2)
        )
        assert shown["d"] == units.UNKNOWN
