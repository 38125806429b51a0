"""Answers of Invoke, as recorded from AWS, and as nobody has seen them."""

import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.engine.answer import Answer, FirstTails, read_answer
from tuner.records import OTHER_SIZE, Outcome

ID = "94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc"


def tail(line: str) -> str:
    return base64.b64encode(f"START RequestId: {ID} Version: 1\n{line}\n".encode()).decode()


def report(rest: str = "", memory: int = 128, used: int = 40) -> str:
    return tail(
        f"REPORT RequestId: {ID}\tDuration: 155.51 ms\tBilled Duration: 156 ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: {used} MB\t{rest}"
    )


def failed(body: object, log: str, memory_mb: int = 128) -> Answer:
    headers = {
        "x-amz-function-error": "Unhandled",
        "x-amzn-requestid": ID,
        "x-amz-log-result": log,
    }
    return read_answer(200, headers, json.dumps(body).encode(), memory_mb)


def test_a_good_answer_has_the_figures_of_its_report() -> None:
    headers = {"x-amzn-requestid": ID, "x-amz-log-result": report("Init Duration: 80.25 ms\t")}
    answer = read_answer(200, headers, b"null", 128)
    assert answer == Answer(Outcome.OK, 200, None, None, ID, 155.51, 156.0, 80.25, None, None, 40.0)


def test_a_call_that_ran_at_another_size_is_no_measurement() -> None:
    headers = {"x-amzn-requestid": ID, "x-amz-log-result": report(memory=2048)}
    answer = read_answer(200, headers, b"null", 512)
    assert (answer.outcome, answer.reason) == (Outcome.SERVICE_ERROR, OTHER_SIZE)
    assert answer.message == "it ran at 2048 MB, not at 512 MB"
    assert answer.billed_ms == 156.0


def test_a_restore_is_read_beside_its_billed_part() -> None:
    headers = {
        "x-amzn-requestid": ID,
        "x-amz-log-result": report("Restore Duration: 325.93 ms\tBilled Restore Duration: 26 ms\t"),
    }
    answer = read_answer(200, headers, b"null", 128)
    assert (answer.restore_ms, answer.billed_restore_ms, answer.init_ms) == (325.93, 26.0, None)


def test_an_answer_without_a_log_is_good_and_has_no_figures() -> None:
    answer = read_answer(200, {"x-amzn-requestid": ID}, b"null", 128)
    assert answer == Answer(Outcome.OK, 200, request_id=ID)


def test_figures_of_another_request_are_not_taken() -> None:
    headers = {"x-amzn-requestid": "another", "x-amz-log-result": report()}
    assert read_answer(200, headers, b"null", 128).duration_ms is None


def test_a_throttle_has_its_reason_and_how_long_to_wait() -> None:
    body = (
        b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded",'
        b'"Type":"User","message":"Rate Exceeded."}'
    )
    answer = read_answer(429, {"retry-after": "2.5"}, body, 128)
    assert answer.outcome is Outcome.THROTTLED
    assert answer.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer.retry_after_s == 2.5


def test_retry_after_may_be_a_date() -> None:
    headers = {
        "date": "Sun, 23 Nov 2025 10:00:00 GMT",
        "retry-after": "Sun, 23 Nov 2025 10:00:07 GMT",
    }
    assert read_answer(429, headers, b"", 128).retry_after_s == 7.0


@pytest.mark.parametrize(
    "body",
    [
        {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {ID} Error: Task timed out after 1.00 seconds",
        },
        {"errorMessage": f"2024-04-09T10:00:00.000Z {ID} Task timed out after 1.00 seconds"},
    ],
)
def test_a_timeout_is_known_by_both_shapes_that_aws_used(body: object) -> None:
    answer = failed(body, tail("nothing"))
    assert (answer.outcome, answer.reason) == (Outcome.TIMEOUT, "Sandbox.Timedout")


def test_a_timeout_is_known_by_its_report() -> None:
    assert failed({}, report("Status: timeout")).outcome is Outcome.TIMEOUT


def test_a_function_that_raises_its_own_timeout_has_not_timed_out() -> None:
    body = {"errorType": "JobError", "errorMessage": "Task timed out after 3 seconds"}
    answer = failed(body, report())
    assert (answer.outcome, answer.reason) == (Outcome.FUNCTION_ERROR, "JobError")


def test_out_of_memory_is_known_by_the_report_and_by_the_error() -> None:
    killed = {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {ID} Error: Runtime exited with error: signal: killed",
    }
    by_report = report("Status: error\tError Type: Runtime.OutOfMemory")
    assert failed(killed, by_report).outcome is Outcome.OUT_OF_MEMORY
    assert failed({"errorType": "Runtime.OutOfMemory"}, "").outcome is Outcome.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("used", "outcome"),
    [
        (3008, Outcome.OUT_OF_MEMORY),
        (3007, Outcome.OUT_OF_MEMORY),
        (2000, Outcome.FUNCTION_ERROR),
    ],
)
def test_a_killed_runtime_is_out_of_memory_only_if_the_memory_was_full(
    used: int, outcome: Outcome
) -> None:
    body = {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {ID} Error: Runtime exited with error: signal: killed",
    }
    assert failed(body, report(memory=3008, used=used), 3008).outcome is outcome


def test_an_exception_of_the_function_keeps_its_type_and_its_figures() -> None:
    answer = failed({"errorType": "ValueError", "errorMessage": "no"}, report())
    assert (answer.outcome, answer.reason, answer.duration_ms) == (
        Outcome.FUNCTION_ERROR,
        "ValueError",
        155.51,
    )


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        (
            404,
            {"x-amzn-errortype": "ResourceNotFoundException"},
            b"{}",
            "ResourceNotFoundException",
        ),
        (
            403,
            {"x-amzn-errortype": "AccessDeniedException:http://x/"},
            b"",
            "AccessDeniedException",
        ),
        (400, {}, b'{"__type":"com.amazon#ValidationException"}', "ValidationException"),
        (502, {}, b"<html>", "HTTP 502"),
        (500, {"x-amzn-errortype": "ServiceException"}, b"", "ServiceException"),
        (301, {}, b"", "HTTP 301"),
    ],
)
def test_what_the_service_refuses_has_its_code(
    status: int, headers: dict[str, str], body: bytes, reason: str
) -> None:
    answer = read_answer(status, headers, body, 128)
    assert (answer.outcome, answer.reason) == (Outcome.SERVICE_ERROR, reason)


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-amzn-requestid",
            "x-amz-log-result",
            "x-amz-function-error",
            "x-amzn-errortype",
            "retry-after",
            "date",
        ]
    ),
    st.text(max_size=40) | st.sampled_from([report(), tail("REPORT "), "Sun, 99 Nov", "1e9", "é"]),
)
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Reason", "errorType", "errorMessage", "message", "__type", "code"]),
            inner,
        )
    ),
    max_leaves=6,
)


@given(
    status=st.integers(100, 599),
    headers=HEADERS,
    body=st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode()),
    memory_mb=st.integers(128, 10240),
)
@example(429, {"retry-after": "Mon, 01 Jan 2020 00:00:00 -0000", "date": ""}, b"[" * 9999, 128)
@example(200, {"x-amz-log-result": report()}, b"", 129)
def test_no_answer_is_too_odd_to_be_read(
    status: int, headers: dict[str, str], body: bytes, memory_mb: int
) -> None:
    answer = read_answer(status, headers, body, memory_mb)
    other_size = answer.reason == OTHER_SIZE
    assert not other_size or (memory_mb != 128 and headers["x-amz-log-result"] == report())
    assert (answer.outcome is Outcome.OK) == (
        200 <= status < 300 and not headers.get("x-amz-function-error") and not other_size
    )
    assert (answer.outcome is Outcome.THROTTLED) == (status == 429)
    assert (answer.reason is None) == (answer.outcome is Outcome.OK)
    assert answer.retry_after_s is None or answer.retry_after_s >= 0
    for text, most, kept in ((answer.message, 500, ""), (answer.log_tail, 4096, "\n\t")):
        assert text is None or 0 < len(text) <= most
        assert all(each.isprintable() or each in kept for each in text or "")
    if answer.outcome in (Outcome.OK, Outcome.THROTTLED):
        assert (answer.message, answer.log_tail) == (None, None)


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ("'id'", "'id'"),
        (f"RequestId: {ID} Error: Runtime exited with error: exit status 1",
         "Runtime exited with error: exit status 1"),
        (f"2026-11-29T10:00:00.123Z {ID} Task timed out after 3.00 seconds",
         "Task timed out after 3.00 seconds"),
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("y" * 900, "y" * 500),
        ("", None),
        ([1], None),
    ],
)  # fmt: skip
def test_a_message_is_short_harmless_and_not_of_one_call(message: object, read: str | None) -> None:
    answer = failed({"errorType": "Odd", "errorMessage": message}, tail("END\x07"))
    assert (answer.reason, answer.message) == ("Odd", read)
    assert answer.log_tail == f"START RequestId: {ID} Version: 1\nEND"


def test_the_end_of_a_long_log_is_kept() -> None:
    answer = failed({}, tail("x" * 5000 + " the end"))
    assert answer.log_tail is not None
    assert len(answer.log_tail) <= 4096
    assert answer.log_tail.endswith("the end")


def test_a_refusal_has_the_words_of_the_service() -> None:
    body = b'{"Type": "User", "Message": "Lambda was unable to decrypt"}'
    answer = read_answer(502, {"x-amzn-errortype": "KMSAccessDeniedException"}, body, 128)
    assert answer.reason == "KMSAccessDeniedException"
    assert answer.message == "Lambda was unable to decrypt"


def test_the_first_failure_of_each_kind_keeps_its_log() -> None:
    tails = FirstTails()
    kinds = [("function_error", "A"), ("function_error", "B"), ("timeout", "A")]
    assert [tails.wanted(*kind) for kind in [*kinds, *kinds]] == [True] * 3 + [False] * 3
    many = [tails.wanted("function_error", f"E{number}") for number in range(100)]
    assert sum(many) == 17
