"""Asynchronous events: retries, ages, throttles, and the records of how they ended."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.locallambda.events import retry_delay
from tuner.locallambda.logs import Logs, filter_events
from tuner.locallambda.sandbox.invocation import SandboxSpec

#: A sandbox whose log goes to the group "g".
SPEC = SandboxSpec(
    "f", "$LATEST", "arn", "eu-west-1", 128, 3.0, "app.handler", "python3.13", {}, Path(), "g", "s"
)
CONFIG = "/2019-09-25/functions/f/event-invoke-config"


def send(api: Any, event: bytes = b"{}", **more: Any) -> None:
    assert api.invoke("f", event, X_Amz_Invocation_Type="Event", **more).status == 202
    api.turn()


def failing(api: Any) -> list[float]:
    """Make the function fail; gives the platform times of its tries."""
    times: list[float] = []

    def behave(spec: Any, call: Any) -> tuple[bytes, str, bool]:
        times.append(api.clock.monotonic())
        return b'{"errorMessage": "no"}', "Unhandled", True

    api.host.behave = behave
    return times


def test_a_line_of_a_log_ends_at_a_newline_only() -> None:
    logs = Logs()
    text = "one\rtwo\u2028three\x0bfour\n\nlast"
    logs.end(SPEC, logs.begin(SPEC, 1.0, b""), 1.0, text.encode())
    found = json.loads(filter_events(logs, "eu-west-1", {"logGroupName": "g"}).body)["events"]
    lines = ["one\rtwo\u2028three\x0bfour\n", "\n", "last\n"]
    assert [event["message"] for event in found] == lines


def test_a_failing_event_runs_three_times_after_one_and_two_minutes(api: Any) -> None:
    api.ready()
    times = failing(api)
    send(api, b'{"n": 1}')
    api.later(59)
    assert len(times) == 1
    api.later(1000)
    assert [round(b - a) for a, b in pairwise(times)] == [60, 120]
    (record,) = api.service.records()
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == {"n": 1}
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"] == {"errorMessage": "no"}


def test_a_good_event_ends_in_success_once(api: Any) -> None:
    api.ready()
    send(api, b'"in"')
    api.later(1000)
    (record,) = api.service.records()
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestContext"]["functionArn"].endswith(":function:f:$LATEST")
    assert record["responsePayload"] == "in"
    assert sum(box.served for box in api.host.made) == 1


@pytest.mark.parametrize(
    ("config", "condition", "count"),
    [
        ({"MaximumRetryAttempts": 0}, "RetriesExhausted", 1),
        ({"MaximumRetryAttempts": 1}, "RetriesExhausted", 2),
        ({"MaximumEventAgeInSeconds": 60}, "EventAgeExceeded", 1),
        ({"MaximumEventAgeInSeconds": 90}, "EventAgeExceeded", 2),
    ],
)
def test_settings_bound_retries_and_age_as_recorded(
    api: Any, config: dict[str, int], condition: str, count: int
) -> None:
    api.ready()
    failing(api)
    assert api.call("PUT", CONFIG, config).status == 200
    # The event has already waited a moment when its first try ends, as on AWS.
    api.host.gate.clear()
    send(api)
    api.later(0.5)
    api.host.gate.set()
    api.turn()
    api.later(1000)
    (record,) = api.service.records()
    assert record["requestContext"]["condition"] == condition
    assert record["requestContext"]["approximateInvokeCount"] == count


def test_a_function_switched_off_ends_events_at_once(api: Any) -> None:
    api.ready()
    path = "/2017-10-31/functions/f/concurrency"
    api.call("PUT", path, {"ReservedConcurrentExecutions": 0})
    send(api)
    (record,) = api.service.records()
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_throttled_events_wait_and_all_run(api: Any) -> None:
    api.ready()
    api.call("PUT", "/2017-10-31/functions/f/concurrency", {"ReservedConcurrentExecutions": 1})
    api.host.gate.clear()
    for number in range(5):
        send(api, str(number).encode())
    assert len(api.host.made) == 1
    api.later(10)
    assert api.invoke("f").status == 429
    api.host.gate.set()
    api.turn()
    api.later(600)
    records = api.service.records()
    assert sorted(record["requestPayload"] for record in records) == [0, 1, 2, 3, 4]
    assert {record["requestContext"]["condition"] for record in records} == {"Success"}
    assert {record["requestContext"]["approximateInvokeCount"] for record in records} == {1}


def test_retries_keep_the_request_id(api: Any) -> None:
    api.ready()
    seen = []

    def behave(spec: Any, call: Any) -> tuple[bytes, str, bool]:
        seen.append(call.request_id)
        return b"null", "Unhandled", True

    api.host.behave = behave
    send(api)
    api.later(1000)
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_an_event_of_a_deleted_function_is_dropped(api: Any) -> None:
    api.ready()
    times = failing(api)
    send(api)
    api.call("DELETE", "/2015-03-31/functions/f")
    api.later(1000)
    assert len(times) == 1
    assert len(api.service.queue) == 0


def test_queued_events_survive_a_restart(api: Any) -> None:
    api.ready()
    failing(api)
    send(api, b'{"n": 7}')
    api.run(api.service.close())
    api.open()
    api.later(1000)
    (record,) = api.service.records()
    assert record["requestPayload"] == {"n": 7}
    assert record["requestContext"]["condition"] == "Success"
    assert list((api.folder / "queue").iterdir()) == []


def test_endings_are_kept_in_the_data_folder(api: Any) -> None:
    api.ready()
    send(api)
    assert "Success" in (api.folder / "events-ended.jsonl").read_text()


def test_event_settings_are_put_read_updated_and_deleted(api: Any) -> None:
    api.ready()
    none = api.call("GET", CONFIG)
    assert none.status == 404
    assert none.body["Message"].endswith(":function:f:$LATEST doesn't have an EventInvokeConfig")
    api.call("PUT", CONFIG, {"MaximumRetryAttempts": 1})
    told = api.call("POST", CONFIG, {"MaximumEventAgeInSeconds": 90}).body
    assert told.pop("LastModified") > 0
    assert told == {
        "FunctionArn": "arn:aws:lambda:eu-west-1:000000000000:function:f:$LATEST",
        "MaximumRetryAttempts": 1,
        "MaximumEventAgeInSeconds": 90,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    }
    assert len(api.call("GET", f"{CONFIG}/list").body["FunctionEventInvokeConfigs"]) == 1
    assert api.call("DELETE", CONFIG).status == 204
    assert api.call("GET", CONFIG).status == 404


def test_bad_event_settings_are_refused(api: Any) -> None:
    api.ready()
    assert api.call("PUT", CONFIG, {}).text == (
        "You must specify at least one of error handling or destination setting."
    )
    assert api.call("PUT", CONFIG, {"MaximumRetryAttempts": 3}).error == "ValidationException"
    own = "arn:aws:lambda:eu-west-1:000000000000:function:f"
    reply = api.call("PUT", CONFIG, {"DestinationConfig": {"OnFailure": {"Destination": own}}})
    assert reply.text == "You can't specify the function as a destination for itself."
    nobody = api.call("GET", "/2019-09-25/functions/nobody/event-invoke-config")
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:nobody:$LATEST"
    assert nobody.text == f"The function {arn} doesn't have an EventInvokeConfig"


@given(st.integers(1, 60), st.floats(0, 30_000))
def test_throttle_delays_grow_from_a_second_to_five_minutes_within_the_age(
    throttles: int, age: float
) -> None:
    delay = retry_delay({}, 0, throttles, age)
    if delay == "EventAgeExceeded":
        assert age + min(300, 2 ** (throttles - 1)) > 6 * 3600
    else:
        assert delay == min(300, 2 ** (throttles - 1))


def filtered(api: Any, pattern: str) -> list[tuple[int, str]]:
    """What FilterLogEvents finds in the function's log: ms since 1970, and the line."""
    body = {"logGroupName": "/aws/lambda/f", "filterPattern": pattern}
    told = json.loads(filter_events(api.service.logs, "eu-west-1", body).body)
    return [(event["timestamp"], event["message"]) for event in told["events"]]


def test_an_event_without_a_sandbox_waits_and_counts_no_try(
    api: Any,
) -> None:
    api.ready()
    api.host.fault = OSError("no more processes")
    send(api)
    api.later(2.5)
    assert len(api.host.made) == 2
    api.host.fault = None
    api.later(10)
    (record,) = api.service.records()
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_a_record_bears_the_time_at_which_its_event_ended(api: Any) -> None:
    api.ready()
    send(api)
    (before,) = api.service.records()
    api.later(1000)
    assert api.service.records() == [before]
    assert before["timestamp"].endswith("Z")


def test_endings_can_be_read_from_the_first_one_that_is_new(api: Any) -> None:
    api.ready()
    for number in range(5):
        send(api, str(number).encode())
    assert [record["requestPayload"] for record in api.service.records(3)] == [3, 4]
    assert api.service.records(5) == []
    assert api.service.ended == 5


def test_start_is_in_the_log_as_soon_as_an_event_begins_and_keeps_its_time(api: Any) -> None:
    api.ready()
    api.host.gate.clear()
    send(api)
    begun_ms = int(api.platform.wall() * 1000)
    [(at_ms, line)] = filtered(api, '?"START RequestId" ?"REPORT RequestId"')
    assert (at_ms, line[:18]) == (begun_ms, "START RequestId: i")
    api.later(90)
    api.host.gate.set()
    api.turn()
    lines = filtered(api, '?"START RequestId" ?"REPORT RequestId"')
    assert [(at - begun_ms, line.split()[0]) for at, line in lines] == [
        (0, "START"),
        (90_000, "REPORT"),
    ]
    assert filtered(api, '"RequestId" ?nothing') == []


def test_the_oldest_invocations_leave_a_full_log_even_before_they_end() -> None:
    logs = Logs(max_group_bytes=500)
    entries = [logs.begin(SPEC, float(n), b"START RequestId: %d\n" % n) for n in range(20)]
    for number, entry in enumerate(entries):
        logs.end(SPEC, entry, 100.0 + number, b"START RequestId: %d\nEND\n" % number)
    kept = [
        line
        for _, _, _, line in logs.lines(SPEC.region, SPEC.log_group)
        if line.startswith("START")
    ]
    assert kept == [f"START RequestId: {number}" for number in range(20 - len(kept), 20)]
    assert 0 < len(kept) <= 5


def test_events_throttled_together_do_not_come_back_together(api: Any) -> None:
    api.ready()
    api.call("PUT", "/2017-10-31/functions/f/concurrency", {"ReservedConcurrentExecutions": 2})
    busy = api.loop.create_task(api.invoking("f"))
    other = api.loop.create_task(api.invoking("f"))
    api.host.gate.clear()
    api.turn()
    for number in range(100):
        send(api, str(number).encode())
    api.later(1500)
    began: list[float] = []

    def slow(spec: Any, call: Any) -> tuple[bytes, None, bool]:
        began.append(api.clock.monotonic())
        return b"null", None, True

    api.host.behave = slow
    api.host.gate.set()
    api.run(asyncio.gather(busy, other))
    api.later(400)
    assert len(api.service.records()) == 100, "the next delay of each is five minutes at most"
    assert len({round(at) for at in began}) > 50
