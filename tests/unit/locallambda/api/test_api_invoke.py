"""Invoke: answers, refusals, placement in sandboxes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.locallambda.api.invocations import check_event
from tuner.locallambda.responses import ApiError

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def test_the_three_invocation_types_differ_in_status_and_headers(api: Any) -> None:
    api.ready()
    answers = {
        kind: api.invoke("f", b'{"a": 1}', X_Amz_Invocation_Type=kind)
        for kind in ("RequestResponse", "Event", "DryRun")
    }
    assert [(a.status, a.body) for a in answers.values()] == [
        (200, {"a": 1}),
        (202, None),
        (204, None),
    ]
    assert answers["RequestResponse"].headers == {"X-Amz-Executed-Version": "$LATEST"}
    assert answers["Event"].headers == answers["DryRun"].headers == {}


def test_an_unknown_type_is_refused(api: Any) -> None:
    api.ready()
    reply = api.invoke("f", X_Amz_Invocation_Type="Later")
    assert (reply.status, reply.error) == (400, "ValidationException")


def test_an_unknown_function_is_named_with_latest(api: Any) -> None:
    reply = api.invoke("nobody")
    assert (reply.status, reply.error) == (404, "ResourceNotFoundException")
    assert reply.body == {
        "Type": "User",
        "Message": "Function not found: "
        "arn:aws:lambda:eu-west-1:000000000000:function:nobody:$LATEST",
    }


@pytest.mark.parametrize("event", [b"{", b"\x87abc", b"NaN", b"'x'", b"{} {}", b"\xef\xbb\xbf{}"])
def test_an_event_that_is_not_json_is_refused(api: Any, event: bytes) -> None:
    api.ready()
    reply = api.invoke("f", event)
    assert (reply.status, reply.error) == (400, "InvalidRequestContentException")
    assert reply.body["Type"] == "User"
    assert reply.text.startswith(
        "Could not parse request body into json: Could not parse payload into json: "
    )
    assert api.host.made == []


@given(st.binary(max_size=100))
def test_an_event_is_taken_exactly_if_it_is_json_in_utf8(raw: bytes) -> None:
    try:
        json.loads(raw.decode(), parse_constant=lambda name: 1 / 0)
        good = True
    except (ValueError, ZeroDivisionError):
        good = raw == b""
    try:
        check_event(raw)
    except ApiError as error:
        assert error.code == "InvalidRequestContentException"
        assert not good
    else:
        assert good


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(ApiError, match="InvalidRequestContentException"):
        check_event(b"[" * 200_000 + b"]" * 200_000)


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6291456), ("Event", 1048576)])
def test_an_event_over_the_limit_is_refused(api: Any, kind: str, limit: int) -> None:
    api.ready()
    fits = b'"' + b"x" * (limit - 2) + b'"'
    assert api.invoke("f", fits, X_Amz_Invocation_Type=kind).status in (200, 202)
    reply = api.invoke("f", fits + b" ", X_Amz_Invocation_Type=kind)
    assert (reply.status, reply.error) == (413, "RequestEntityTooLargeException")
    assert reply.text == (
        f"{limit + 1} byte payload is too large for the {kind} invocation type "
        f"(limit {limit} bytes)"
    )


def test_no_event_is_an_empty_object(api: Any) -> None:
    api.ready()
    assert api.invoke("f", b"").body == {}


def test_a_function_error_is_an_answer_of_200(api: Any) -> None:
    api.ready()
    api.host.behave = lambda spec, call: (b'{"errorMessage": "no"}', "Unhandled", True)
    reply = api.invoke("f")
    assert reply.status == 200
    assert reply.headers["X-Amz-Function-Error"] == "Unhandled"
    assert reply.headers["X-Amz-Executed-Version"] == "$LATEST"


def test_the_invoked_arn_has_a_qualifier_only_if_the_caller_gave_one(api: Any) -> None:
    api.ready()
    api.host.behave = lambda spec, call: (json.dumps(call.invoked_arn).encode(), None, True)
    seen = [api.invoke("f", qualifier=q).body for q in (None, "$LATEST")]
    assert seen == [ARN, f"{ARN}:$LATEST"]


def test_the_client_context_reaches_the_function_decoded(api: Any) -> None:
    api.ready()
    api.host.behave = lambda spec, call: (json.dumps(call.client_context).encode(), None, True)
    encoded = base64.b64encode(b'{"custom": {"a": 1}}').decode()
    assert api.invoke("f", X_Amz_Client_Context=encoded).body == '{"custom": {"a": 1}}'
    assert api.invoke("f", X_Amz_Client_Context="%%%").error == "InvalidRequestContentException"


def test_calls_at_the_same_time_have_a_sandbox_each_and_reuse_them(api: Any) -> None:
    api.ready()
    for _ in range(2):
        calls = api.begin("f", "f", "f", "f")
        api.host.gate.set()
        for call in calls:
            api.run(call)
    assert [box.served for box in api.host.made] == [2, 2, 2, 2]


def test_a_call_in_flight_finishes_on_its_sandbox_which_then_ends(api: Any) -> None:
    path = api.ready()
    (running,) = api.begin("f", event=b'"old"')
    api.call("PUT", f"{path}/configuration", {"MemorySize": 256})
    api.later()
    api.call("GET", path)
    assert not api.host.made[0].stopped
    api.host.gate.set()
    assert api.run(running).body == b'"old"'
    api.turn()
    assert api.host.made[0].stopped


def test_a_sandbox_that_died_is_replaced(api: Any) -> None:
    api.ready()
    api.host.behave = lambda spec, call: (b"null", "Unhandled", False)
    api.invoke("f")
    api.invoke("f")
    api.turn()
    assert [box.stopped for box in api.host.made] == [True, True]


def test_an_idle_sandbox_expires_after_minutes(api: Any) -> None:
    api.ready()
    api.invoke("f")
    api.later(200)
    api.invoke("f")
    api.later(366)  # the longest life, and the next look
    assert api.host.made[0].stopped
    api.invoke("f")
    assert [box.served for box in api.host.made] == [2, 1]


def test_a_sandbox_that_cannot_start_frees_its_place(api: Any) -> None:
    api.run(api.service.close())
    api.open(account_concurrency=1)
    api.ready("g")
    api.host.fault = OSError("no processes left")
    reply = api.invoke("g")
    assert (reply.status, reply.error) == (500, "ServiceException")
    assert reply.text == "No sandbox could be started: no processes left"
    api.host.fault = None
    assert api.invoke("g").status == 200


def test_a_runtime_that_is_not_installed_is_an_answer(api: Any) -> None:
    from tuner.errors import UsageError

    api.ready()

    def refuse(spec: Any) -> None:
        raise UsageError("python3.13", "is not installed here", "Install it.")

    api.host.create = refuse
    reply = api.invoke("f")
    assert (reply.status, reply.error) == (502, "InvalidRuntimeException")
    assert "is not installed here" in reply.text
