"""The load engine against the local Lambda: every way in which an invocation can end."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from support.factories import a_batch, a_variant
from tuner.clock import WallClock
from tuner.engine.engine import Call
from tuner.engine.locust_engine import LocustEngine
from tuner.records import Outcome, Purpose, Sample
from tuner.targets.seam import Credentials, Endpoint

Invoke = Callable[..., list[Sample]]

HANDLER = """
import time
def handler(event, context):
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("raise"):
        raise ValueError("asked to")
    if event.get("eat"):
        return len(bytearray(b"x") * 1_000_000_000)
    if event.get("chat"):
        print("REPORT RequestId: x\\tDuration: 1.00 ms\\n" * 100)
    return event
"""


@pytest.fixture(scope="module")
def invoke(local_lambda_url: str) -> Iterator[Invoke]:
    """``invoke(function, memory_mb, payload, calls=1, concurrency=1)`` through the real worker."""
    engine: LocustEngine | None = None

    def run(
        function: str,
        payload: bytes = b"{}",
        memory_mb: int = 1769,
        calls: int = 1,
        concurrency: int = 1,
        qualifier: str | None = None,
    ) -> list[Sample]:
        nonlocal engine
        endpoint = Endpoint(
            local_lambda_url, "eu-west-1", function, lambda: Credentials("any", "any")
        )
        engine = engine or LocustEngine(endpoint, WallClock())
        engine.endpoint = endpoint
        variant = a_variant(memory_mb, qualifier)
        ordered = [Call(n, variant, 0, Purpose.WARM) for n in range(calls)]
        return list(engine.run(a_batch(ordered, concurrency, payloads=[payload], timeout_s=30.0)))

    yield run
    if engine is not None:
        engine.close()


def test_the_first_call_is_cold_and_the_next_ones_are_not(
    invoke: Invoke, new_function: Any
) -> None:
    first, *others = invoke(new_function(HANDLER), calls=4)
    assert first.cold
    assert not any(sample.cold for sample in others)
    for sample in (first, *others):
        assert sample.outcome is Outcome.OK
        assert sample.duration_ms is not None
        assert sample.billed_ms is not None
        assert sample.billed_ms >= sample.duration_ms + (sample.init_ms or 0.0)
        assert sample.service_ms >= sample.duration_ms + (sample.init_ms or 0.0)
        assert sample.max_memory_mb is not None
        assert sample.request_id
    assert all(a.done_s <= b.due_s for a, b in pairwise((first, *others)))


def test_simultaneous_calls_start_a_sandbox_each(invoke: Invoke, new_function: Any) -> None:
    samples = invoke(new_function(HANDLER), b'{"sleep": 0.2}', calls=3, concurrency=3)
    assert [sample.cold for sample in samples] == [True] * 3


def test_a_function_that_prints_reports_deceives_nobody(invoke: Invoke, new_function: Any) -> None:
    [sample] = invoke(new_function(HANDLER), b'{"chat": 1, "sleep": 0.05}')
    assert sample.duration_ms is not None
    assert sample.duration_ms >= 50


def test_an_exception_is_a_function_error_with_its_type(invoke: Invoke, new_function: Any) -> None:
    [sample] = invoke(new_function(HANDLER), b'{"raise": 1}')
    assert (sample.outcome, sample.reason) == (Outcome.FUNCTION_ERROR, "ValueError")
    assert sample.duration_ms is not None


def test_a_function_that_takes_too_long_has_timed_out(invoke: Invoke, new_function: Any) -> None:
    [sample] = invoke(new_function(HANDLER, Timeout=1), b'{"sleep": 5}')
    assert (sample.outcome, sample.reason) == (Outcome.TIMEOUT, "Sandbox.Timedout")


@pytest.mark.slow
def test_a_function_that_takes_too_much_memory_is_out_of_it(
    invoke: Invoke, new_function: Any
) -> None:
    [sample] = invoke(
        new_function(HANDLER, MemorySize=128, Timeout=20), b'{"eat": 1}', memory_mb=128
    )
    assert (sample.outcome, sample.reason) == (Outcome.OUT_OF_MEMORY, "Runtime.OutOfMemory")


def test_a_throttle_tells_its_reason(invoke: Invoke, new_function: Any, lambda_client: Any) -> None:
    name = new_function(HANDLER)
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    [sample] = invoke(name)
    assert (sample.outcome, sample.status) == (Outcome.THROTTLED, 429)
    assert sample.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.mark.parametrize(
    ("function", "qualifier", "payload", "reason"),
    [
        ("no-such-function", None, b"{}", "ResourceNotFoundException"),
        (None, "no-such-alias", b"{}", "ResourceNotFoundException"),
        (None, None, b"{not json", "InvalidRequestContentException"),
    ],
)
def test_a_refusal_of_the_service_has_its_code(
    invoke: Invoke,
    new_function: Any,
    function: str | None,
    qualifier: str | None,
    payload: bytes,
    reason: str,
) -> None:
    [sample] = invoke(function or new_function(HANDLER), payload, qualifier=qualifier)
    assert (sample.outcome, sample.reason) == (Outcome.SERVICE_ERROR, reason)


def test_one_batch_calls_several_functions_in_turn(
    local_lambda_url: str, new_function: Any
) -> None:
    names = {
        new_function("def handler(event, context):\n    return 'first'\n"): None,
        new_function("def handler(event, context):\n    raise KeyError('second')\n"): "Unhandled",
    }
    own, other = names
    endpoint = Endpoint(local_lambda_url, "eu-west-1", own, lambda: Credentials("any", "any"))
    variants = [a_variant(1769), a_variant(1769, "$LATEST", function=other)]
    calls = [Call(n, variants[n % 2], 0, Purpose.WARM) for n in range(6)]
    engine = LocustEngine(endpoint, WallClock())
    try:
        samples = list(engine.run(a_batch(calls, 1, timeout_s=30.0)))
    finally:
        engine.close()
    assert [s.outcome for s in samples] == [Outcome.OK, Outcome.FUNCTION_ERROR] * 3
    assert samples[1].reason == "KeyError"
