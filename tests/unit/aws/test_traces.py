"""X-Ray's segment documents of Lambda: both shapes, events, nested functions, and odd text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.aws.traces import parse_trace
from tuner.records import Traced

BASE_S = 1_700_000_000.0


def service(request_id: str = "r-1", **more: Any) -> dict[str, Any]:
    """The segment of the service, 100 ms long."""
    return {
        "id": f"s-{request_id}",
        "name": "orders",
        "origin": "AWS::Lambda",
        "start_time": BASE_S,
        "end_time": BASE_S + 0.1,
        "aws": {"request_id": request_id},
        "http": {"response": {"status": 200}},
        **more,
    }


def run(parent: str = "s-r-1", **more: Any) -> dict[str, Any]:
    """A segment of the function, 60 ms long."""
    return {
        "id": f"f-{parent}",
        "name": "orders",
        "origin": "AWS::Lambda::Function",
        "parent_id": parent,
        "start_time": BASE_S + 0.03,
        "end_time": BASE_S + 0.09,
        **more,
    }


def part(name: str, start_ms: float, end_ms: float, **more: Any) -> dict[str, Any]:
    """A subsegment, by milliseconds after the service's begin."""
    times = {"start_time": BASE_S + start_ms / 1000, "end_time": BASE_S + end_ms / 1000}
    return {"id": f"p-{name}-{start_ms}", "name": name, **times, **more}


def parsed(*segments: Any) -> tuple[Traced, ...]:
    return parse_trace(map(json.dumps, segments))


def test_the_old_shape_tells_init_and_the_run_with_its_overhead() -> None:
    inner = [part("Overhead", 85, 89), part("Invocation", 32, 84), part("Initialization", -400, 30)]
    (found,) = parsed(run(subsegments=inner), service())
    assert found.request_id == "r-1"
    assert found.service_ms == pytest.approx(100, abs=0.01)
    assert found.ran_ms == pytest.approx(57, abs=0.01)
    assert found.init_ms == pytest.approx(430, abs=0.01)
    assert found.ahead_ms == pytest.approx(2, abs=0.01)
    assert (found.restore_ms, found.dwell_ms, found.attempts, found.failed) == (*[None] * 3, False)


@pytest.mark.parametrize("mark", [":", "."])
def test_the_new_shape_tells_the_run_by_annotations_and_has_no_invocation(mark: str) -> None:
    noted = {
        f"aws{mark}responseLatency": 40.5,
        f"aws{mark}responseDuration": 0.5,
        f"aws{mark}runtimeOverhead": 3,
        f"aws{mark}extensionOverhead": 16,
    }
    inner = [part("Init", -70, 28), part("Overhead", 71, 89), part("DynamoDB", 40, 60)]
    (found,) = parsed(service(), run(annotations=noted, subsegments=inner))
    assert found.ran_ms == 60.0
    assert found.init_ms == pytest.approx(98, abs=0.01)
    assert found.ahead_ms == pytest.approx(2, abs=0.01)


def test_a_restored_snapshot_has_a_restore_and_no_init() -> None:
    inner = [part("Restore", 1, 29), part("Invocation", 32, 84)]
    (found,) = parsed(service(), run(subsegments=inner))
    assert (found.init_ms, found.restore_ms) == (None, pytest.approx(28, abs=0.01))


def test_init_that_was_over_long_before_the_run_is_known_by_the_gap() -> None:
    inner = [part("Initialization", -9000, -8000), part("Invocation", 32, 84)]
    (found,) = parsed(service(), run(subsegments=inner))
    assert found.ahead_ms == pytest.approx(8032, abs=0.01)


def test_an_event_has_its_wait_and_its_attempts_and_the_last_run_counts() -> None:
    inner = [part("Dwell Time", 0, 20), part("Attempt #1", 20, 50), part("Attempt #2", 70, 100)]
    first = run("p-Attempt #1-20", subsegments=[part("Invocation", 22, 40)], fault=True)
    second = run(
        "p-Attempt #2-70", start_time=BASE_S + 0.07, subsegments=[part("Invocation", 75, 90)]
    )
    (found,) = parsed(second, service(subsegments=inner), first)
    assert found.dwell_ms == pytest.approx(20, abs=0.01)
    assert (found.attempts, found.failed) == (2, False)
    assert found.ran_ms == pytest.approx(15, abs=0.01)


def test_functions_that_call_one_another_are_told_apart_and_come_in_order() -> None:
    later = service("r-2", start_time=BASE_S + 0.05)
    theirs = run("s-r-2", subsegments=[part("Invocation", 60, 70)])
    ours = run(subsegments=[part("Invocation", 32, 84)])
    found = parsed(theirs, later, ours, service())
    assert [each.request_id for each in found] == ["r-1", "r-2"]
    assert [each.ran_ms for each in found] == pytest.approx([52, 10], abs=0.01)


def test_a_failed_run_is_known_by_its_flags() -> None:
    assert parsed(service(), run(error=True))[0].failed
    assert parsed(service(fault=True))[0].failed
    assert not parsed(service(), run(error=False))[0].failed


def test_segments_in_progress_have_no_length_and_others_are_skipped() -> None:
    (found,) = parsed(service(end_time=None), {"origin": "AWS::S3", "id": "x"}, run())
    assert (found.service_ms, found.ran_ms) == (None, None)


KEYS = (
    *("id", "parent_id", "origin", "name", "aws", "request_id", "subsegments", "start_time"),
    *("end_time", "annotations", "aws:responseLatency", "error"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner | st.sampled_from(["AWS::Lambda", "AWS::Lambda::Function", "Init", "Attempt #1"]),
            max_size=9,
        )
    ),
    max_leaves=30,
)


@given(st.lists(json_values.map(json.dumps) | st.text(max_size=80), max_size=6))
def test_odd_documents_are_no_error_and_make_no_times_below_zero(documents: list[str]) -> None:
    for found in parse_trace(documents):
        assert found.request_id
        times = (found.service_ms, found.ran_ms, found.init_ms, found.restore_ms)
        for ms in (*times, found.ahead_ms, found.dwell_ms):
            assert ms is None or ms >= 0.0


milliseconds = st.integers(0, 900_000)


@given(
    init=st.none() | milliseconds,
    gap=milliseconds,
    ran=milliseconds,
    overhead=milliseconds,
    dwell=st.none() | milliseconds,
    attempts=st.integers(0, 3),
    new=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_what_a_trace_is_made_of_is_read_from_it_in_either_shape(
    init: int | None,
    gap: int,
    ran: int,
    overhead: int,
    dwell: int | None,
    attempts: int,
    new: bool,
    order: Any,
) -> None:
    inner: list[dict[str, Any]] = []
    if init is not None:
        inner.append(part("Init" if new else "Initialization", -gap - init, -gap))
    noted: dict[str, float] = {}
    if new:
        noted = {"aws:responseLatency": ran, "aws:runtimeOverhead": overhead}
    else:
        inner += [part("Invocation", 0, ran), part("Overhead", ran, ran + overhead)]
    of_event = [] if dwell is None else [part("Dwell Time", 0, dwell)]
    of_event += [part(f"Attempt #{n}", n, n + 1) for n in range(1, attempts + 1)]
    parent = f"p-Attempt #{attempts}-{attempts}" if attempts else "s-r-1"
    order.shuffle(inner)
    order.shuffle(of_event)
    segments = [
        service(subsegments=of_event),
        run(parent, start_time=BASE_S, subsegments=inner, annotations=noted),
        service("r-2", start_time=BASE_S - 1.0),
    ]
    order.shuffle(segments)
    other, found = parsed(*segments)
    assert other.request_id == "r-2"
    near = {"abs": 0.01}
    assert found.ran_ms == pytest.approx(ran + overhead, **near)
    assert found.init_ms == (None if init is None else pytest.approx(init, **near))
    assert found.ahead_ms == (None if init is None else pytest.approx(gap, **near))
    assert found.dwell_ms == (None if dwell is None else pytest.approx(dwell, **near))
    assert found.attempts == (attempts or None)
