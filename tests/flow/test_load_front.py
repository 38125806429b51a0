"""``tuner load --url``: a function's HTTP front under load, signed or not, with what it tells."""

import json
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from tuner.store.runs import Store

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hidden-secret"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def place(new_function: Any, local_lambda_url: str) -> tuple[str, ...]:
    """A function that is never called itself, and where it is."""
    name = new_function("def handler(e, c): pass")
    return (name, "--endpoint-url", local_lambda_url, "--region", "eu-west-1")


def says(answer: bytes | Callable[[int], bytes]) -> Callable[..., bool]:
    """A script that answers every request so."""

    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        connection.sendall(answer(number) if callable(answer) else answer)
        return True

    return script


def plain(status: str, body: bytes = b"{}", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


LOAD = ("--rate", "20", "--duration", "1s", "--json", "-")


def test_a_front_is_loaded_in_place_of_the_invoke_api(
    tuner: Run, serve: Any, place: tuple[str, ...]
) -> None:
    server = serve(says(plain("200 OK")))
    words = ("--url", f"{server.url}/orders?key=quiet", "--payload", '{"n": 1}')
    code, out, err = tuner("load", *place, *LOAD, *words)
    assert code == 0, err
    told = json.loads(out)
    assert (told["calls"], told["outcomes"]["ok"]) == (20, 20)
    assert told["latency_ms"]["p50"] > 0
    assert (told["duration_ms"], told["cost_usd"], told["concurrency"]["little"]) == (
        {},
        None,
        None,
    )
    assert told["load"]["front"] == {
        "url": f"{server.url}/orders", "method": "POST", "auth": "none",
    }  # fmt: skip
    assert [each["code"] for each in told["warnings"]] == ["front-without-report"]
    assert len(server.requests) == 20
    assert {request.split(b" ", 2)[1] for request in server.requests} == {b"/orders?key=quiet"}
    assert all(request.endswith(b'{"n": 1}') for request in server.requests)
    assert not any(b"authorization" in request.lower() for request in server.requests)
    page = Path(told["report"]).read_text()
    assert f"POST {server.url}/orders" in page
    with Store.open(create=False) as store:
        kept = json.dumps(dict(store.run("last").options)) + json.dumps(told) + page
    assert "quiet" not in kept


def test_a_front_is_signed_with_iam_and_asked_as_the_user_says(
    tuner: Run, serve: Any, place: tuple[str, ...]
) -> None:
    server = serve(says(plain("200 OK")))
    words = ("--url", server.url, "--url-auth", "iam", "--method", "get")
    header = ("--header", "X-Api-Key: abc")
    code, _, err = tuner("load", *place, *LOAD, *words, *header)
    assert code == 0, err
    head = server.requests[0].decode()
    assert head.startswith("GET / HTTP/1.1\r\n")
    assert "Credential=AKIDEXAMPLE/" in head
    assert "/eu-west-1/execute-api/aws4_request" in head
    assert "x-api-key: abc\r\n" in head
    assert "content-length" not in head
    with Store.open(create=False) as store:
        assert store.run("last").options["header"] == ["X-Api-Key"]
    for kept in Path().rglob("*"):
        assert not kept.is_file() or b"hidden-secret" not in kept.read_bytes()


ANSWERS = (
    ("200 OK", "ok"),
    ("429 Too Many Requests", "throttled"),
    ("500 Internal Server Error", "service_error"),
    ("502 Bad Gateway", "function_error"),
    ("503 Service Unavailable", "service_error"),
    ("504 Gateway Timeout", "timeout"),
    ("404 Not Found", "service_error"),
)


def test_what_a_front_answers_is_counted_where_it_belongs(
    tuner: Run, serve: Any, place: tuple[str, ...]
) -> None:
    server = serve(says(lambda number: plain(ANSWERS[number % 7][0])))
    load = ("--rate", "28", "--duration", "1s", "--json", "-", "--max-concurrency", "1")
    code, out, err = tuner("load", *place, *load, "--url", server.url)
    assert code == 0, err
    outcomes = {name: count for name, count in json.loads(out)["outcomes"].items() if count}
    wanted = Counter(column for _, column in ANSWERS)
    assert outcomes == {column: 4 * count for column, count in wanted.items()}


@pytest.mark.parametrize(
    ("status", "says_what"),
    [("403 Forbidden", "Check --url-auth"), ("404 Not Found", "Check --url and --http-method")],
)
def test_a_front_that_refuses_the_first_request_ends_the_load(
    tuner: Run, serve: Any, place: tuple[str, ...], status: str, says_what: str
) -> None:
    server = serve(says(plain(status)))
    code, _, err = tuner("load", *place, *LOAD, "--url", server.url)
    assert code == 1
    assert says_what in err
    assert len(err.splitlines()) <= 2


def test_a_front_that_nobody_serves_is_named(tuner: Run, place: tuple[str, ...]) -> None:
    code, _, err = tuner("load", *place, *LOAD, "--url", "http://127.0.0.1:9/")
    assert code == 1
    assert "http://127.0.0.1:9/" in err
    assert "connection refused" in err


@pytest.mark.parametrize(
    ("words", "says_what"),
    [
        (("--memory", "512"), "cannot be chosen behind --url"),
        (("--url-auth", "maybe"), "Give none, iam"),
        (("--header", "nonsense"), "is not of the form NAME: VALUE"),
    ],
)
def test_options_that_do_not_go_with_a_front_are_refused(
    tuner: Run, words: tuple[str, ...], says_what: str
) -> None:
    code, _, err = tuner("load", "orders", *LOAD, "--url", "https://shop.example/", *words)
    assert (code, says_what in err) == (2, True)


def test_a_recording_has_no_front(tuner: Run) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n512,100\n")
    code, _, err = tuner("load", "replay:rec.csv", *LOAD, "--url", "https://shop.example/")
    assert (code, "cannot be used with a recording" in err) == (2, True)
    code, _, err = tuner("load", "orders", *LOAD, "--url-auth", "iam")
    assert (code, "Give it with --url" in err) == (2, True)
