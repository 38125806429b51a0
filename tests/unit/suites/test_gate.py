"""What people write as a gate becomes a condition, or a complaint that says what to write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.suites.gate import Subject, parse_gate, parse_gates


@pytest.mark.parametrize(
    ("text", "measure", "subject", "quantile", "rise"),
    [
        ("p95 +10%", "p95", Subject.DURATION, 0.95, 0.10),
        (" P50+2.5 % ", "p50", Subject.DURATION, 0.5, 0.025),
        ("client_p99.9 +20%", "client_p99.9", Subject.CLIENT, 0.999, 0.20),
        ("cold_p50 +10%", "cold_p50", Subject.COLD, 0.5, 0.10),
        ("mean +3%", "mean", Subject.DURATION, None, 0.03),
        ("init +20%", "init", Subject.INIT, 0.5, 0.20),
        ("init_p90 +20%", "init_p90", Subject.INIT, 0.9, 0.20),
        ("cost_per_million +5%", "cost_per_million", Subject.COST, None, 0.05),
        ("cost +5%", "cost_per_million", Subject.COST, None, 0.05),
        ("throttles", "throttles", Subject.THROTTLES, None, 0.0),
        ("errors +1%", "errors", Subject.ERRORS, None, 0.01),
    ],
)
def test_a_rise_is_read_with_its_measure(
    text: str, measure: str, subject: Subject, quantile: float | None, rise: float
) -> None:
    gate = parse_gate(text)
    assert (gate.measure, gate.subject, gate.quantile) == (measure, subject, quantile)
    assert gate.rise == pytest.approx(rise)
    assert gate.limit is None
    assert gate.text == text.strip()


@pytest.mark.parametrize(
    ("text", "measure", "limit"),
    [
        ("p95<300ms", "p95", 300.0),
        ("client_p99 < 1s", "client_p99", 1000.0),
        ("max<2s", "max", 2000.0),
        ("cost<5usd/million", "cost_per_million", 5.0),
        ("throttles<1%", "throttles", 0.01),
    ],
)
def test_an_objective_is_a_gate_too(text: str, measure: str, limit: float) -> None:
    gate = parse_gate(text)
    assert gate.measure == measure
    assert gate.limit is not None
    assert gate.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("p95", "names no size of change"),
        ("p95 -10%", "names a decrease"),
        ("p95 +10", "in percent"),
        ("p95 +10ms", "in percent"),
        ("p95 +0%", "needs a change above 0 %"),
        ("p95 +99999%", "needs a change above 0 %"),
        ("p0 +10%", "not a percentile"),
        ("max +10%", "compares maxima"),
        ("p95>300ms", "lower limit"),
        ("p95<fast", "is not an objective"),
        ("speed +10%", "is not a gate"),
        ("throttles +101%", "above 100 percentage points"),
        ("p٩٥ +10%", "is not a gate"),
    ],
)
def test_a_bad_gate_is_named_with_the_reason_and_the_next_step(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_gate(text, "suite nightly: gates")
    assert caught.value.thing == f"suite nightly: gates {text!r}"
    assert reason in caught.value.reason
    assert caught.value.fix
    assert len(str(caught.value).splitlines()) == 2


def test_all_complaints_come_at_once_and_the_good_gates_are_kept() -> None:
    texts = ["p95 +10%", "nonsense", "p95 +20%", "p95<300ms", "max +1%"]
    gates, complaints = parse_gates(texts)
    assert [gate.text for gate in gates] == ["p95 +10%", "p95<300ms"]
    assert [c.thing for c in complaints] == [
        "gates 'nonsense'",
        "gates 'p95 +20%'",
        "gates 'max +1%'",
    ]
    assert "repeats p95, after 'p95 +10%'" in complaints[1].reason


@given(st.text(max_size=60))
def test_any_text_is_a_gate_or_a_usage_error(text: str) -> None:
    try:
        gate = parse_gate(text)
    except UsageError as error:
        assert error.reason
        assert error.fix
    else:
        assert gate.rise >= 0
        assert gate.quantile is None or 0 < gate.quantile <= 1


_NAMES = st.sampled_from(["p50", "p95", "client_p99", "cold_mean", "init", "cost_per_million"])


@given(_NAMES, st.integers(1, 999_999), st.sampled_from(["", " ", "  "]))
def test_what_is_written_is_what_is_read(name: str, hundredths: int, space: str) -> None:
    gate = parse_gate(f"{name}{space}+{hundredths / 100:.2f}{space}%")
    assert gate.measure == name
    assert gate.rise == pytest.approx(hundredths / 10_000)
