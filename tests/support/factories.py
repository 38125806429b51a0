"""The records that tests are made of: one factory for each, so that a record may change its shape.

A test names what matters to it (``a_sample(128, ran_ms=40.0)``); the rest is a plain function,
``orders`` with 512 MB on x86_64, that answers well.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tuner.engine.engine import Batch, BatchPolicy, Call
from tuner.planning.ask import Ask, How
from tuner.records import (
    ON_DEMAND,
    Backend,
    FunctionFacts,
    Outcome,
    Purpose,
    RunRecord,
    RunState,
    Sample,
    Setting,
)
from tuner.targets.seam import Credentials, Endpoint, Variant


def a_sample(
    memory_mb: int = 512,
    *,
    arch: str = "x86_64",
    start: str = ON_DEMAND,
    load: str = "",
    call: int = 0,
    due_s: float = 0.0,
    took_s: float = 0.1,
    ran_ms: float | None = None,
    **fields: Any,
) -> Sample:
    """A warm call that was sent when it was due and was answered ``took_s`` later.

    ``ran_ms`` is what REPORT says of it: the duration and, rounded up with INIT, what is billed.
    """
    sent_s = fields.pop("sent_s", due_s)
    if ran_ms is not None:
        billed = max(1.0, float(math.ceil(ran_ms + (fields.get("init_ms") or 0.0))))
        fields = {"duration_ms": ran_ms, "billed_ms": billed, **fields}
    plain = {
        "attempt": 1,
        "round": 0,
        "purpose": Purpose.WARM,
        "qualifier": None,
        "outcome": Outcome.OK,
        "first_byte_s": None,
        "done_s": sent_s + took_s,
    }
    fields.setdefault("setting", Setting(memory_mb, arch, start, load=load))
    return Sample(call=call, due_s=due_s, sent_s=sent_s, **{**plain, **fields})


def sized(by_size: Mapping[int, int]) -> dict[Setting, int]:
    """So many calls of each size, as a session is asked for them."""
    return {Setting(size): count for size, count in by_size.items()}


def warm_ask(by_size: Mapping[int, int]) -> Ask:
    """Ask for so many warm calls of each size."""
    return Ask(sized(by_size), "")


def cold_ask(by_size: Mapping[int, int]) -> Ask:
    """Ask for so many cold starts of each size."""
    return Ask(sized(by_size), "", How.COLD)


def a_variant(
    memory_mb: int = 128,
    qualifier: str | None = None,
    *,
    arch: str = "x86_64",
    function: str | None = None,
) -> Variant:
    """What is invoked: a size of the function behind a qualifier."""
    return Variant(Setting(memory_mb, arch), qualifier, function)


def a_call(
    number: int = 0,
    variant: Variant | None = None,
    *,
    payload: int = 0,
    purpose: Purpose = Purpose.LOAD,
    due_s: float | None = None,
) -> Call:
    """One invocation to be made."""
    return Call(number, variant or a_variant(), payload, purpose, due_s)


def some_calls(
    due: int | Iterable[float | None], variant: Variant | None = None, first: int = 0, **more: Any
) -> list[Call]:
    """So many calls one after another, or one for each of these due times."""
    moments = [None] * due if isinstance(due, int) else due
    return [a_call(n, variant, due_s=at, **more) for n, at in enumerate(moments, first)]


def a_batch(
    calls: Iterable[Call],
    concurrency: int = 1,
    policy: BatchPolicy | None = None,
    *,
    payloads: Sequence[bytes] = (b"{}",),
    round_number: int = 0,
    timeout_s: float = 5.0,
) -> Batch:
    """Calls that are sent together."""
    return Batch(calls, payloads, concurrency, round_number, timeout_s, policy or BatchPolicy())


def an_endpoint(
    url: str, keys: Callable[[], Credentials] = lambda: Credentials("AKID", "secret")
) -> Endpoint:
    """Where a function called ``fn`` is invoked."""
    return Endpoint(url, "us-east-1", "fn", keys)


def a_function(name: str = "orders", **changed: Any) -> FunctionFacts:
    """What is known of the function."""
    known = {
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "backend": Backend.AWS,
        "region": "us-east-1",
        "arch": "x86_64",
        "runtime": "python3.13",
        "memory_mb": 512,
        "timeout_s": 3.0,
    }
    return FunctionFacts(name, **{**known, **changed})


def a_run(run: str = "01JDS0000000000000000000AA", **changed: Any) -> RunRecord:
    """A sweep that ended as planned."""
    facts = changed.pop("facts", None) or a_function()
    known = {
        "command": "sweep",
        "target": facts.name,
        "state": RunState.DONE,
        "seed": 1,
        "started_at": 1_767_225_600.0,
        "finished_at": 1_767_225_641.5,
        "options": {},
    }
    return RunRecord(run, facts=facts, **{**known, **changed})
