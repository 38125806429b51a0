"""Function URLs and API Gateway: signatures against botocore's own, and what answers mean."""

import datetime
import socket
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.clock import WallClock
from tuner.load.engine import Batch, Call
from tuner.load.front import IAM, Front, FrontSigner, read_front_answer
from tuner.load.locust_engine import LocustEngine
from tuner.records import Outcome, Purpose
from tuner.target.seam import Credentials, Variant

HOSTS = {
    "https://abc.lambda-url.eu-west-1.on.aws": "lambda",
    "https://abc.execute-api.eu-west-1.amazonaws.com": "execute-api",
    "http://127.0.0.1:9001": "lambda",
}
WORDS = st.text("abcXYZ01-_.~", min_size=1, max_size=8)
PATHS = st.lists(WORDS.filter(lambda word: word.strip(".")), max_size=3)
QUERIES = st.dictionaries(WORDS, WORDS, max_size=3)
SECRETS = st.text("abcABC0189/+=", min_size=1, max_size=40)


@settings(max_examples=200, deadline=None)
@given(
    host=st.sampled_from(sorted(HOSTS)),
    path=PATHS,
    query=QUERIES,
    body=st.binary(max_size=60),
    keys=st.builds(Credentials, SECRETS, SECRETS, st.none() | SECRETS),
    now=st.integers(0, 4_000_000_000),
)
def test_every_signature_is_the_one_that_botocore_makes(
    host: str, path: list[str], query: dict[str, str], body: bytes, keys: Credentials, now: int
) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    url = f"{host}/{'/'.join(path)}{'?' if asked else ''}{asked}"
    request = AWSRequest("POST", url, {}, body)
    signer = SigV4Auth(
        BotoCredentials(keys.access_key, keys.secret_key, keys.token), HOSTS[host], "eu-west-1"
    )
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        signer.add_auth(request)
    ours = FrontSigner(url, "eu-west-1", keys).head(None, sha256(body).hexdigest(), len(body), now)
    assert f"\r\nauthorization: {request.headers['Authorization']}\r\n" in ours.decode()


def test_a_front_without_iam_gets_no_credentials() -> None:
    head = FrontSigner("https://x.example/a?b=1", "eu-west-1", None).head(None, "00", 2, 0.0)
    assert head == (
        b"POST /a?b=1 HTTP/1.1\r\nhost: x.example\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.OK),
        (204, Outcome.OK),
        (302, Outcome.OK),
        (403, Outcome.SERVICE_ERROR),
        (404, Outcome.SERVICE_ERROR),
        (429, Outcome.THROTTLED),
        (500, Outcome.SERVICE_ERROR),
        (502, Outcome.FUNCTION_ERROR),
        (503, Outcome.SERVICE_ERROR),
        (504, Outcome.TIMEOUT),
    ],
)
def test_a_status_is_all_that_a_front_tells(status: int, outcome: Outcome) -> None:
    answer = read_front_answer(status, {}, b'{"message": "no"}', 128)
    assert (answer.outcome, answer.status) == (outcome, status)
    assert answer.duration_ms is None


@given(st.integers(100, 599), st.binary(max_size=80), st.text(max_size=20))
def test_any_answer_of_a_front_has_an_outcome(status: int, body: bytes, kind: str) -> None:
    assert read_front_answer(status, {"x-amzn-errortype": kind}, body, 128).status == status


def test_the_engine_sends_to_the_whole_url_signed_with_iam(serve: Any) -> None:
    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        return True

    server = serve(script)
    keys = Credentials("AKID", "secret", "token")
    front = Front(f"{server.url}/orders?v=2", "eu-west-1", "orders", lambda: keys, auth=IAM)
    engine = LocustEngine(front, WallClock())
    call = Call(0, Variant(128, "x86_64", None), 0, Purpose.LOAD)
    try:
        [sample] = engine.run(Batch([call], [b'{"n": 1}'], 1, 0, 5.0))
    finally:
        engine.close()
    assert (sample.outcome, sample.status) == (Outcome.OK, 200)
    [request] = server.requests
    assert request.startswith(b"POST /orders?v=2 HTTP/1.1\r\n")
    assert b"/eu-west-1/lambda/aws4_request" in request
    assert b"x-amz-security-token: token" in request
    assert request.endswith(b'{"n": 1}')
