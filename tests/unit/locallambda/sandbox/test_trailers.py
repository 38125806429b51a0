"""Errors that come after the last chunk of a streamed response."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from tuner.locallambda.sandbox.trailers import read_error

TYPE, BODY = b"Lambda-Runtime-Function-Error-Type", b"Lambda-Runtime-Function-Error-Body"


def request(error_type: bytes, body: bytes, between: bytes = b"") -> bytes:
    """A chunked request that ends with an error."""
    coded = base64.b64encode(body)
    head = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    return head + TYPE + b": " + error_type + b"\r\n" + between + BODY + b": " + coded + b"\r\n\r\n"


@given(st.from_regex(r"[A-Za-z.]{1,30}", fullmatch=True), st.binary(max_size=200))
def test_error_is_read_as_it_was_written(error_type: str, body: bytes) -> None:
    assert read_error(request(error_type.encode(), body)) == (error_type, body)
    other = request(error_type.encode(), body, b"Other: 1\r\n")
    assert read_error(request(b"Earlier", b"") + other) == (error_type, body)


def test_response_without_a_trailer_or_with_a_broken_one_has_no_error() -> None:
    assert read_error(b"1\r\na\r\n0\r\n\r\n") is None
    assert read_error(request(b"Error", b"body").replace(b"Ym9keQ==", b"!")) is None
    assert read_error(TYPE + b": Error\r\n" + BODY + b": e30=\r\n") is None


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    found = read_error(data)
    assert found is None or isinstance(found[1], bytes)
