"""How a worker is told where its master is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.api.setup import parse_master
from tuner.errors import UsageError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ci-1", ("ci-1", 5557)),
        ("ci-1:6000", ("ci-1", 6000)),
        ("10.0.0.7:1", ("10.0.0.7", 1)),
        ("fe80::1", ("fe80::1", 5557)),
        ("[fe80::1]", ("fe80::1", 5557)),
        ("[fe80::1]:6000", ("fe80::1", 6000)),
    ],
)
def test_a_master_is_a_host_with_or_without_a_port(text: str, meant: tuple[str, int]) -> None:
    assert parse_master(text) == meant


@pytest.mark.parametrize("text", ["", ":5557", "host:", "host:port", "host:0", "host:99999", "a b"])
def test_what_is_no_master_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is not of the form HOST:PORT"):
        parse_master(text)


@given(st.text(max_size=40))
def test_any_text_is_a_master_or_a_usage_error(text: str) -> None:
    try:
        host, port = parse_master(text)
    except UsageError:
        return
    assert host
    assert 0 < port < 65536
