"""Signatures are checked as AWS does it: what the holder of the keys signed, and nothing else."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.engine.engine import Mode
from tuner.engine.request import invoke_signer
from tuner.locallambda.api.signatures import Keys, SignedRequest, check_signature, new_keys
from tuner.locallambda.responses import ApiError
from tuner.targets.seam import Credentials

KEYS = Keys("tuner", "the only one")
NOW = 1_790_000_000.0
URL = "http://127.0.0.1:4577"
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def signed(
    body: bytes = b"{}", secret: str = KEYS.secret_key, function: str = ARN, key: str = "tuner"
) -> SignedRequest:
    """A request as the load engine sends it."""
    signer = invoke_signer(URL, "eu-west-1", function, Credentials(key, secret), Mode.SYNC)
    head = signer.head("$LATEST", sha256(body).hexdigest(), len(body), NOW).decode()
    first, *lines = head.strip().split("\r\n")
    method, place, _ = first.split(" ")
    path, _, query = place.partition("?")
    names = {name.title(): value for name, value in (line.split(": ", 1) for line in lines)}
    return SignedRequest(method, path, query, Headers(names), body)


class Headers(dict[str, str]):
    """Names in any case."""

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.title(), default)


def refusal(request: SignedRequest, now: float = NOW) -> str:
    with pytest.raises(ApiError) as caught:
        check_signature(request, KEYS, lambda: now)
    assert caught.value.status == 403
    return caught.value.code


@given(st.binary(max_size=50), st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True))
def test_what_the_engine_signs_with_the_keys_is_answered(body: bytes, name: str) -> None:
    check_signature(signed(body, function=name), KEYS, lambda: NOW + 200)


def test_other_keys_are_refused_in_the_words_of_aws() -> None:
    assert refusal(signed(secret="another")) == "InvalidSignatureException"
    assert refusal(signed(key="somebody")) == "UnrecognizedClientException"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "DELETE"},
        {"path": "/2015-03-31/functions/other/invocations"},
        {"query": "Qualifier=1"},
        {"query": ""},
        {"body": b"[]"},
    ],
)
def test_a_request_that_was_changed_on_its_way_is_refused(changes: dict[str, object]) -> None:
    assert refusal(replace(signed(), **changes)) == "InvalidSignatureException"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("Host", "rebind.example"), ("X-Amz-Log-Type", "None"), ("X-Amz-Date", "20260101T000000Z")],
)
def test_a_signed_header_that_was_changed_is_refused(name: str, value: str) -> None:
    request = signed()
    changed = replace(request, headers=Headers({**request.headers, name: value}))
    assert refusal(changed) == "InvalidSignatureException"


def test_a_signature_is_good_for_five_minutes() -> None:
    check_signature(signed(), KEYS, lambda: NOW + 299)
    assert refusal(signed(), NOW + 301) == "InvalidSignatureException"
    assert refusal(signed(), NOW - 301) == "InvalidSignatureException"


@given(st.text(max_size=60))
def test_any_other_authorization_is_refused(text: str) -> None:
    request = signed()
    for given_text in (text, f"AWS4-HMAC-SHA256 {text}"):
        refusal(replace(request, headers=Headers({**request.headers, "Authorization": given_text})))


def test_new_keys_are_never_the_same_and_do_not_show() -> None:
    one, other = new_keys(), new_keys()
    assert one.secret_key != other.secret_key
    assert one.secret_key not in repr(one)
