"""Expectations of answers: what they say, what they refuse, and how they are judged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.engine.expect import Judged, failed_of, parse_expectation, proxied_failure, shown
from tuner.errors import UsageError

ANSWER = {"ok": True, "n": 3, "text": "héllo world", "rows": [{"id": "a"}, 7], "gone": None}


def judged(value: Any = None, status: int = 200, took_s: float = 0.2) -> Judged:
    return Judged(status, json.dumps(ANSWER if value is None else value).encode(), took_s)


@pytest.mark.parametrize(
    "text",
    [
        *("status<500", "status == 200", "status!=404", "duration<1s", "duration <= 200ms"),
        *("json.ok == true", "json.ok != false", "json.n >= 3", "json.n<3.5", "json.n == 3.0"),
        *("json.text == 'héllo world'", "json.text != héllo", "json.text contains world"),
        *("json.rows[0].id == a", "json.rows[1]==7", 'json["rows"][0]["id"] == "a"'),
        *("json.rows contains 7", "json.gone == null", "body contains world", 'body contains "n"'),
        *("json.ok != 1", "body != other", "body contains n"),
    ],
)
def test_what_holds(text: str) -> None:
    assert parse_expectation(text).holds(judged())


@pytest.mark.parametrize(
    "text",
    [
        *("status>=500", "duration<100ms", "json.ok == false", "json.ok == 1", "json.n == '3'"),
        *("json.none == 3", "json.none != 3", "json.n.deeper == 1", "json.rows[9]==7"),
        *("json.text < 5", "body contains nothing of it", "statusCode<500", "json == 3"),
        *("json.rows contains 8", "json.ok contains t"),
    ],
)
def test_what_does_not_hold(text: str) -> None:
    assert not parse_expectation(text).holds(judged())


def test_the_status_is_the_one_that_a_caller_of_the_http_front_sees() -> None:
    for code, fine in ((200, True), ("204", True), (500, False), ("502", False)):
        answer = judged({"statusCode": code, "body": "{}"})
        for text in ("status<500", "statusCode<500"):
            assert parse_expectation(text).holds(answer) is fine
    assert not parse_expectation("status<500").holds(judged(status=503))


def test_an_answer_that_is_no_json_has_no_parts() -> None:
    for body in (b"", b"oops", b"\xff", b"[" * 100_000):
        answer = Judged(200, body, 0.1)
        assert not parse_expectation("json.ok == true").holds(answer)
        assert parse_expectation("status<500").holds(answer)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *(("stat<500", 1), ("", 1), ("status", 7), ("status 500", 7), ("status<abc", 8)),
        *(("status<", 8), ("json.ok === true", 11), ("json.ok = true", 8), ("json.[0]==1", 5)),
        *(("json.n<true", 8), ("duration<5", 10), ("duration==1s", 11), ("body<x", 6)),
        *(("status<500 and 1==1", 8), ("json.a == 'b", 11), ("body.x == 1", 5)),
        *(("__import__('os')", 1), ("json.n<1e9999", 8)),
    ],
)
def test_what_is_no_expectation_names_the_place(text: str, at: int) -> None:
    with pytest.raises(UsageError, match=f"at character {at},"):
        parse_expectation(text)


@given(st.text(max_size=40), st.binary(max_size=60))
def test_any_text_is_refused_in_words_or_judges_any_answer(text: str, body: bytes) -> None:
    for given_text in (text, f"json.{text}", f"body contains {text}"):
        try:
            found = parse_expectation(given_text)
        except UsageError:
            continue
        assert found.holds(Judged(200, body, 0.1)) in (True, False)


@given(st.integers(-5, 5), st.integers(-5, 5), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_comparisons_are_those_of_numbers(found: int, value: int, operator: str) -> None:
    holds = parse_expectation(f"json {operator} {value}").holds(
        judged([found]).__class__(200, json.dumps(found).encode(), 0.1)
    )
    assert holds is eval(f"{found} {operator} {value}")


def test_the_first_expectation_that_does_not_hold_is_named() -> None:
    expected = tuple(map(parse_expectation, ("status<500", "json.n<1", "json.ok==false")))
    assert failed_of(expected, judged()) == "json.n<1"
    assert failed_of(expected[:1], judged()) is None


def test_answers_that_tell_a_front_to_fail_are_found_and_no_others() -> None:
    assert proxied_failure(b'{"statusCode": 500, "body": ""}') == 500
    assert proxied_failure(b'{"body": "", "statusCode":"503"}') == 503
    for body in (
        *(b'{"statusCode": 200}', b'{"statusCode": 5000}', b'{"text": "statusCode: 500"}', b""),
        *(b'{"deep": {"statusCode": 500}}', b'["statusCode", 500]', b'{"statusCode": 500'),
    ):
        assert proxied_failure(body) is None


def test_what_is_shown_of_an_answer_is_short_and_printable() -> None:
    assert shown(b"a\x1b[31mb") == shown(b"a\x1b[31mb").encode("ascii", "ignore").decode()
    assert len(shown(b"x" * 10_000)) < 500
