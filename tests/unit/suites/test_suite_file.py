"""Suites are read whole or not at all: every complaint at once, with its key and reason."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.suites.gate import Subject
from tuner.suites.suite import COLD_STARTS, Overlap, Suite
from tuner.suites.suite_file import parse_suite, read_suite

FILE = Path("tuner.toml")
WHOLE = """
[suite]
name = "nightly"
gates = ["p95 +10%", "throttles"]
most = 400
confidence = 0.999
baseline_branch = "trunk"
overlap = "leave"
warn_only = true
tags = ["all"]

[[case]]
name = "checkout"
target = "local:src"
sizes = [512, 1024]
payload = { order = 1 }
env = { STAGE = "test" }
tags = ["pr"]

[[case]]
name = "search"
target = "search-prod"
region = "eu-west-1"
gates = ["init +20%"]
slo = ["p99<1s"]
control = false
against = "12"

[[case]]
name = "busy"
target = "demo:cpu"
profile_load = "steady"
rate = 20
duration = "30s"
most = 50

[environments.staging]
region = "us-east-1"
targets = { search = "search-staging" }
"""


def read(text: str) -> Suite:
    return parse_suite(text, FILE)


def complaints(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.thing == "tuner.toml"
    return str(caught.value)


def test_every_key_is_read() -> None:
    suite = read(WHOLE)
    assert (suite.name, suite.confidence, suite.baseline_branch) == ("nightly", 0.999, "trunk")
    assert (suite.overlap, suite.warn_only) == (Overlap.LEAVE, True)
    checkout, search, busy = suite.cases
    assert [gate.text for gate in checkout.gates] == ["p95 +10%", "throttles"]
    assert (checkout.sizes_mb, checkout.most, checkout.cold_starts) == ((512, 1024), 400, 0)
    assert checkout.options.payload == '{"order": 1}'
    assert checkout.options.env == (("STAGE", "test"),)
    assert checkout.tags == ("all", "pr")
    assert [gate.subject for gate in search.gates] == [Subject.INIT, Subject.DURATION]
    assert (search.cold_starts, search.control, search.against) == (COLD_STARTS, False, "12")
    assert busy.loaded and busy.options.rate == 20.0 and busy.most == 50


def test_an_environment_moves_functions() -> None:
    moved = read(WHOLE).in_environment("staging")
    assert moved.cases[1].target == "search-staging"
    assert {case.options.region for case in moved.cases} == {"us-east-1"}
    assert read(WHOLE).in_environment(None).cases[1].target == "search-prod"


def test_all_mistakes_are_told_at_once() -> None:
    told = complaints(
        """
        unknown = 1
        [suite]
        confidence = 2
        foo = 1
        overlap = "maybe"
        [[case]]
        name = "a"
        target = "local:src"
        gates = ["p95 +10", "p95 +10%", "p95 +20%"]
        sizes = "128:1536"
        cold = -1
        isolation = "in-place"
        [[case]]
        target = "replay:x.csv"
        gates = ["errors"]
        [[case]]
        name = "a"
        target = "x.csv"
        gates = []
        profile_load = "no-such-profile"
        [environments.prod]
        regio = "x"
        cpu = "zz"
        targets = { q = "f", a = "local:" }
        """
    )
    for words in (
        "'unknown' is no table of it",
        "suite: 'foo' is not a known key",
        "confidence 2",
        "overlap 'maybe' is not one of wait, leave",
        "case 'a': gate 'p95 +10' needs a change in percent",
        "case 'a': gate 'p95 +20%' repeats p95",
        "case 'a': sizes '128:1536' is not a list",
        "case 'a': cold -1",
        "isolation 'in-place'",
        "case 2: name is missing",
        "case 2: sizes are missing",
        "case 'a': gates are missing",
        "x.csv: looks like a file",
        "the name is used 2 times",
        "environments.prod: 'regio'",
        "environments.prod: --cpu 'zz'",
        "there is no case 'q'",
        "targets.a: has no path",
    ):
        assert words in told, told


def test_a_suite_without_cases_or_a_file_that_is_none_is_told() -> None:
    assert "case: there is none" in complaints("")
    assert "is not TOML" in complaints("[suite")
    with pytest.raises(UsageError, match="no such file"):
        read_suite(Path("no-such-file.toml"))


SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.text("ab:.%+<0 ", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "target", "gates", "sizes", "env", "most", "targets", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return f"'{value}'" if isinstance(value, str) or value is None else str(value)


@given(SCRAPS, SCRAPS, SCRAPS)
def test_any_toml_is_a_suite_or_a_usage_error(own: object, case: object, places: object) -> None:
    text = f"suite = {toml(own)}\ncase = {toml(case)}\nenvironments = {toml(places)}\n"
    try:
        suite = read(text)
    except UsageError:
        return
    assert suite.cases and all(c.name and c.gates for c in suite.cases)


@given(st.text(max_size=60))
def test_any_text_is_a_suite_or_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        read(text)
