"""What a ``tuner.toml`` may hold beside suites and defaults of options."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.options.settings import TABLES, mistakes, retention_s

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"stroe": {}}, ["'stroe' is no table of it"]),
        ({"store": {"retension": "30d"}}, ["store: 'retension' is unknown; it has retention"]),
        ({"store": {"retention": 30}}, ["store: retention 30 is not a string"]),
        ({"store": {"retention": "soon"}}, ["store: retention 'soon' is not a time"]),
        ({"store": "30d"}, ["store is not a table"]),
        ({"store": {"retention": "30d"}, "suite": {}, "case": [], "defaults": {}}, []),
    ],
)
def test_each_mistake_is_said(document: dict[str, Any], said: list[str]) -> None:
    assert [found.partition("; Write")[0] for found in mistakes(document)] == said


@given(st.dictionaries(st.sampled_from([*TABLES, "x"]), VALUES))
def test_what_has_no_mistake_has_a_retention_or_none(document: dict[str, Any]) -> None:
    if mistakes(document):
        return
    found = retention_s(document)
    assert found is None or found > 0.0


@given(st.dictionaries(st.just("retention") | st.text(max_size=4), VALUES))
def test_whatever_cannot_be_read_is_a_mistake(store: dict[str, Any]) -> None:
    try:
        retention_s({"store": store})
    except UsageError:
        assert mistakes({"store": store})
