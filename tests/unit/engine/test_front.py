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
from hypothesis import example, given
from hypothesis import strategies as st

from support.examples import examples
from support.factories import a_batch, a_call
from tuner.clock import WallClock
from tuner.engine.answer import read_front_answer
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.request import METHODS, Front, RequestForm, RequestSigner
from tuner.errors import UsageError
from tuner.options.load_options import Fronted
from tuner.options.sending import FrontOptions, read_front
from tuner.records import Outcome
from tuner.targets.seam import Credentials, Endpoint

HOSTS = {
    "https://abc.lambda-url.eu-west-1.on.aws": "lambda",
    "https://abc.execute-api.eu-west-1.amazonaws.com": "execute-api",
    "http://127.0.0.1:9001": "vpc-lattice-svcs",
}
WORDS = st.text("abcXYZ01-_.~", min_size=1, max_size=8)
PATHS = st.lists(WORDS.filter(lambda word: word.strip(".")), max_size=3)
QUERIES = st.dictionaries(WORDS, WORDS, max_size=3)
SECRETS = st.text("abcABC0189/+=", min_size=1, max_size=40)


@examples(200)
@given(
    host=st.sampled_from(sorted(HOSTS)),
    path=PATHS,
    query=QUERIES,
    body=st.binary(max_size=60),
    keys=st.builds(Credentials, SECRETS, SECRETS, st.none() | SECRETS),
    now=st.integers(0, 4_000_000_000),
    method=st.sampled_from(METHODS),
)
def test_every_signature_is_the_one_that_botocore_makes(
    host: str,
    path: list[str],
    query: dict[str, str],
    body: bytes,
    keys: Credentials,
    now: int,
    method: str,
) -> None:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    url = f"{host}/{'/'.join(path)}{'?' if asked else ''}{asked}"
    request = AWSRequest(method, url, {}, body)
    signer = SigV4Auth(
        BotoCredentials(keys.access_key, keys.secret_key, keys.token), HOSTS[host], "eu-west-1"
    )
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        signer.add_auth(request)
    ours = RequestSigner(url, "eu-west-1", keys, RequestForm(HOSTS[host], method)).head(
        None, sha256(body).hexdigest(), len(body), now
    )
    assert f"\r\nauthorization: {request.headers['Authorization']}\r\n" in ours.decode()


UNSIGNED = Credentials("", "")


def head_of(request: RequestForm, length: int) -> bytes:
    return RequestSigner("https://x.example/a?b=1", "", UNSIGNED, request).head(
        None, "00", length, 0.0
    )


def test_a_front_without_iam_gets_no_credentials() -> None:
    assert head_of(RequestForm(), 2) == (
        b"POST /a?b=1 HTTP/1.1\r\nhost: x.example\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n"
    )


def test_a_request_without_a_body_says_so_only_where_one_is_expected() -> None:
    assert (
        head_of(RequestForm(method="GET"), 0) == b"GET /a?b=1 HTTP/1.1\r\nhost: x.example\r\n\r\n"
    )
    assert b"content-length: 0" in head_of(RequestForm(method="PUT"), 0)


def test_headers_of_the_user_are_sent_and_go_before_our_own() -> None:
    request = RequestForm(headers=(("content-type", "text/plain"), ("x-api-key", "abc")))
    head = head_of(request, 2)
    assert head.count(b"content-type") == 1
    assert b"content-type: text/plain\r\n" in head
    assert b"x-api-key: abc\r\n" in head


def wish(url: str, auth: str | None = None, *headers: str) -> FrontOptions:
    found = read_front(Fronted(url=url, url_auth=auth, header=headers))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("url", "auth", "service", "region"),
    [
        ("https://abc.lambda-url.eu-west-1.on.aws/", None, "lambda", "eu-west-1"),
        ("https://abc.lambda-url.eu-west-1.on.aws/", "none", None, "eu-west-1"),
        ("https://a.execute-api.us-east-2.amazonaws.com/p", None, "execute-api", "us-east-2"),
        (
            "https://vpce-1.execute-api.us-east-2.vpce.amazonaws.com/p",
            *(None, "execute-api", "us-east-2"),
        ),
        ("https://shop.example/orders", None, None, None),
        ("https://shop.example/orders", "iam", "execute-api", None),
        ("https://shop.example/orders", "iam:lambda", "lambda", None),
        ("https://abc.lambda-url.eu-west-1.on.aws.evil.example/", None, None, None),
    ],
)
def test_the_host_name_says_whether_and_for_what_a_front_is_signed(
    url: str, auth: str | None, service: str | None, region: str | None
) -> None:
    found = wish(url, auth)
    assert (found.request.service, found.region) == (service, region)


def test_an_authorization_of_the_users_own_is_not_signed_over() -> None:
    url = "https://abc.lambda-url.eu-west-1.on.aws/"
    assert wish(url, None, "Authorization: Bearer x").auth == "none"
    with pytest.raises(UsageError, match="cannot be combined with your own Authorization"):
        wish(url, "iam", "Authorization: Bearer x")


def test_what_is_not_signed_takes_no_credentials_along() -> None:
    function = Endpoint("https://l", "eu-west-1", "orders", lambda: Credentials("AKID", "secret"))
    assert wish("https://shop.example/").endpoint(function).credentials() == UNSIGNED
    signed = wish("https://shop.example/", "iam").endpoint(function)
    assert signed.credentials().access_key == "AKID"
    assert signed.region == "eu-west-1"


def test_a_query_is_sent_and_not_shown() -> None:
    found = wish("https://shop.example/a?key=secret#part")
    assert found.url == "https://shop.example/a?key=secret"
    assert found.shown == "https://shop.example/a"


@pytest.mark.parametrize(
    ("url", "auth", "method", "headers", "says"),
    [
        ("shop.example", None, None, (), "is not an http or https URL"),
        ("https://a b/", None, None, (), "is not an http or https URL"),
        ("https://me:pw@shop.example/", None, None, (), "has a user name or password"),
        ("https://shop.example/", "kerberos", None, (), "is not known"),
        ("https://shop.example/", None, "HEAD", (), "is not supported"),
        ("https://shop.example/", None, None, ("X-Key abc",), "is not of the form NAME: VALUE"),
        ("https://shop.example/", None, None, ("X-Key: a\r\nb",), "is not of the form NAME: VALUE"),
        ("https://shop.example/", None, None, ("Host: other",), "is set by the load itself"),
        (None, "iam", None, (), "Give it with --url"),
        (None, None, "GET", (), "Give it with --url"),
    ],
)
def test_a_front_that_makes_no_sense_is_refused(
    url: str | None, auth: str | None, method: str | None, headers: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read_front(Fronted(url=url, url_auth=auth, http_method=method, header=tuple(headers)))
    assert says in str(refused.value)


@example(url="HTTP://Ā", auth=None, method=None, headers=[])
@given(
    url=st.text(max_size=30) | st.text(max_size=20).map(lambda text: f"https://{text}"),
    auth=st.none() | st.sampled_from(["iam", "none"]) | st.text(max_size=9),
    method=st.none() | st.text(max_size=9),
    headers=st.lists(st.text(max_size=20), max_size=2),
)
def test_any_text_is_a_front_or_a_complaint(
    url: str, auth: str | None, method: str | None, headers: list[str]
) -> None:
    try:
        found = read_front(
            Fronted(url=url, url_auth=auth, http_method=method, header=tuple(headers))
        )
    except UsageError:
        return
    assert found is not None
    signer = RequestSigner(found.url, "eu-west-1", Credentials("a", "b"), found.request)
    head = signer.head(None, sha256(b"").hexdigest(), 0, 0.0)
    assert head.endswith(b"\r\n\r\n")
    assert head.count(b"\r\n\r\n") == 1


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
    front = Front(
        f"{server.url}/orders?v=2",
        "eu-west-1",
        "orders",
        lambda: keys,
        request=RequestForm("lambda"),
    )
    engine = LocustEngine(front, WallClock())
    try:
        [sample] = engine.run(a_batch([a_call()], payloads=[b'{"n": 1}']))
    finally:
        engine.close()
    assert (sample.outcome, sample.status) == (Outcome.OK, 200)
    [request] = server.requests
    assert request.startswith(b"POST /orders?v=2 HTTP/1.1\r\n")
    assert b"/eu-west-1/lambda/aws4_request" in request
    assert b"x-amz-security-token: token" in request
    assert request.endswith(b'{"n": 1}')
