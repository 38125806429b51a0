"""The name of a store: a path or a URL, and what of it is shown."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.errors import StoreError, UsageError
from tuner.store.connect import address, connect, shown

SECRET = "s3kr1t"
PART = st.text(st.characters(codec="ascii", exclude_characters="@"), max_size=6)


@given(
    scheme=st.sampled_from(
        ["postgresql", "postgres", "postgresql+psycopg", "postgresql+none", "mysql", "x", ""]
    ),
    user=PART,
    rest=PART,
    query=st.sampled_from(
        ["", f"?password={SECRET}", f"?sslpassword={SECRET}", "?a=1&connect_timeout=x"]
    ),
)
@example("postgresql", "[", "::1", "")
def test_no_text_of_a_store_shows_its_password(
    scheme: str, user: str, rest: str, query: str
) -> None:
    try:
        url = address(f"{scheme}://{user}:{SECRET}@h{rest}/d{query}")
        said = shown(url)
        connect(url).dispose()
    except (UsageError, StoreError) as error:
        said = str(error)
    assert SECRET not in said
    assert len(said.splitlines()) <= 2


@pytest.mark.parametrize("query", ["check_same_thread=x", "timeout=x"])
def test_a_url_with_a_wrong_setting_is_refused_in_two_lines(query: str) -> None:
    with pytest.raises((UsageError, StoreError)) as caught:
        connect(address(f"sqlite:///?{query}")).connect()
    assert len(str(caught.value).splitlines()) <= 2
