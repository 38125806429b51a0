"""The signer against botocore's own, which AWS maintains; and the time that it signs with."""

import datetime
from email.utils import formatdate
from hashlib import sha256
from random import Random
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.engine.request import SigningTime, host_header, invoke_signer
from tuner.targets.seam import Credentials

NAMES = st.text("abcXYZ019-_", min_size=1, max_size=20)
ARNS = NAMES.map(lambda name: f"arn:aws:lambda:eu-west-1:123456789012:function:{name}")
QUALIFIERS = st.none() | st.sampled_from(["$LATEST", "1", "m128"]) | NAMES
URLS = [
    "https://lambda.us-east-1.amazonaws.com",
    "https://lambda.us-east-1.amazonaws.com:443",
    "http://127.0.0.1:9001",
    "http://[::1]:9001/",
    "http://localhost:80",
    "https://Proxy.Example:8443/some%20prefix/x",
]
SECRETS = st.text("abcABC0189/+=", min_size=1, max_size=40)


def botocore_authorization(
    url: str, name: str, qualifier: str | None, body: bytes, keys: Credentials, now: int
) -> str:
    from urllib.parse import quote

    target = f"{url.rstrip('/')}/2015-03-31/functions/{quote(name, safe='-._~')}/invocations"
    if qualifier is not None:
        target += f"?Qualifier={quote(qualifier, safe='-._~')}"
    request = AWSRequest("POST", target, {"x-amz-log-type": "Tail"}, body)
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    signer = SigV4Auth(
        BotoCredentials(keys.access_key, keys.secret_key, keys.token), "lambda", "eu-west-1"
    )
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        signer.add_auth(request)
    return str(request.headers["Authorization"])


def assert_signed_as_botocore_does(
    url: str, name: str, qualifier: str | None, body: bytes, keys: Credentials, now: int
) -> None:
    signer = invoke_signer(url, "eu-west-1", name, keys)
    head = signer.head(qualifier, sha256(body).hexdigest(), len(body), now).decode()
    wanted = botocore_authorization(url, name, qualifier, body, keys, now)
    assert f"\r\nauthorization: {wanted}\r\n" in head


@examples(200)
@given(
    url=st.sampled_from(URLS),
    name=NAMES | ARNS,
    qualifier=QUALIFIERS,
    body=st.binary(max_size=60),
    keys=st.builds(Credentials, SECRETS, SECRETS, st.none() | SECRETS),
    now=st.integers(0, 4_000_000_000),
)
def test_every_signature_is_the_one_that_botocore_makes(
    url: str, name: str, qualifier: str | None, body: bytes, keys: Credentials, now: int
) -> None:
    assert_signed_as_botocore_does(url, name, qualifier, body, keys, now)


def test_three_thousand_random_requests_are_signed_as_botocore_does() -> None:
    random = Random(20250801)

    def text(letters: str, most: int) -> str:
        return "".join(random.choices(letters, k=random.randint(1, most)))

    for _ in range(3000):
        assert_signed_as_botocore_does(
            random.choice(URLS),
            random.choice(["", "arn:aws:lambda:eu-west-1:123456789012:function:"])
            + text("abcXYZ019-_", 30),
            random.choice([None, "$LATEST", text("019", 4), text("abc-_", 20)]),
            random.randbytes(random.randint(0, 500)),
            Credentials(
                text("ABC019", 20),
                text("abcABC0189/+=", 40),
                random.choice([None, text("abcABC0189/+=", 300)]),
            ),
            random.randint(0, 4_000_000_000),
        )


def test_a_signer_in_use_signs_a_new_day_and_a_new_second_correctly() -> None:
    url, body = "https://lambda.eu-west-1.amazonaws.com", b"{}"
    keys = Credentials("AKID", "secret", "token")
    signer = invoke_signer(url, "eu-west-1", "f", keys)
    for now in (86_399, 86_399, 86_400, 86_401, 5):
        for qualifier in ("1", None):
            head = signer.head(qualifier, sha256(body).hexdigest(), 2, now + 0.5).decode()
            assert botocore_authorization(url, "f", qualifier, body, keys, now) in head


def test_the_head_is_a_request_that_names_function_qualifier_and_length() -> None:
    signer = invoke_signer("http://127.0.0.1:9/", "us-east-1", "a:b", Credentials("k", "s"))
    lines = signer.head("$LATEST", "0" * 64, 17, 0).decode().split("\r\n")
    assert lines[0] == ("POST /2015-03-31/functions/a%3Ab/invocations?Qualifier=%24LATEST HTTP/1.1")
    assert "content-length: 17" in lines
    assert "host: 127.0.0.1:9" in lines
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com", "example.com"),
        ("https://example.com:443", "example.com"),
        ("http://example.com:443", "example.com:443"),
        ("http://[::1]:80", "[::1]"),
    ],
)
def test_the_host_header_leaves_out_the_default_port(url: str, host: str) -> None:
    assert host_header(url) == host


SECONDS = st.integers(100_000, 4_000_000_000)


@given(st.lists(SECONDS, min_size=1, max_size=8))
def test_a_request_is_signed_with_the_present_time_after_the_clock_jumped(
    moments: list[int],
) -> None:
    signer = invoke_signer("http://127.0.0.1:9", "us-east-1", "fn", Credentials("a", "b"))
    wall = [0.0]
    time = SigningTime(lambda: wall[0])
    for moment in moments:
        wall[0] = float(moment)
        head = signer.head(None, "00", 2, time.now_s()).decode()
        date = datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        assert f"x-amz-date: {date}\r\n" in head
        assert f"/{date[:8]}/us-east-1/lambda/aws4_request" in head


@given(wall_s=SECONDS, ahead_s=st.integers(-3_000_000_000, 3_000_000_000))
def test_a_clock_that_is_far_off_is_corrected_and_one_that_is_not_is_left(
    wall_s: int, ahead_s: int
) -> None:
    there = wall_s + ahead_s
    if not 0 <= there < 4_000_000_000:
        return
    wall = [float(wall_s)]
    time = SigningTime(lambda: wall[0])
    time.correct(formatdate(there, usegmt=True))
    assert time.now_s() == (there if abs(ahead_s) > 60 else wall_s)
    wall[0] = there + 10.0  # somebody has set the clock right meanwhile
    time.correct(formatdate(there + 10.0, usegmt=True))
    assert time.now_s() == there + 10.0


@given(st.text(max_size=40))
def test_what_is_no_date_corrects_nothing(text: str) -> None:
    time = SigningTime(lambda: 1_800_000_000.0)
    time.correct(text)
    time.correct("")
    assert time.now_s() > 0
    time.correct("Thu, 99 Foo 2026")
    assert time.now_s() > 0
