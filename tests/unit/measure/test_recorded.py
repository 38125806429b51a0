"""Doubts about a recording: sizes with hardly any rows, or with cold starts only."""

from tuner.measure.health import recording_advice
from tuner.recording import RecordedRow, Recording
from tuner.records import Advice

COLD, WARM = RecordedRow(128, 9.0, init_ms=50.0), RecordedRow(256, 8.0)


def recording(rows: dict[int, list[RecordedRow]], *notes: Advice) -> Recording:
    return Recording("r.csv", None, (), notes=notes, by_size=rows)


def test_a_size_of_cold_starts_alone_is_named() -> None:
    found = recording({128: [COLD] * 5, 256: [COLD, *[WARM] * 4]})
    [advice] = recording_advice(found, [128, 256])
    assert (advice.code, "rows of 128 MB are" in advice.text) == ("recorded-cold", True)
    assert recording_advice(found, [256]) == ()


def test_sizes_with_so_few_rows_that_scatter_cannot_be_seen_are_counted() -> None:
    found = recording({128: [WARM] * 4, 256: [WARM] * 5, 512: [WARM]})
    [advice] = recording_advice(found, found.sizes())
    assert (advice.code, "of 2 of the 3 sizes" in advice.text) == ("recorded-few", True)
    [advice] = recording_advice(found, [128, 512])
    assert "of every size" in advice.text
    assert recording_advice(found, [256]) == ()


def test_means_of_power_tuning_are_doubted_once() -> None:
    means = recording({128: [WARM]}, Advice("recorded-means", "Means."))
    assert recording_advice(means, [128]) == ()
