"""A baseline that was measured in a bad moment is marked, and one of a calm moment is not."""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from support.factories import a_function, a_run, a_sample
from tuner.records import Advice, Backend, Outcome, Sample
from tuner.suites.moment import doubts, of_baseline, of_candidate

RUN = a_run("01A", facts=a_function(backend=Backend.LOCAL))


def rounds(level: float = 1.0, *, code: str = "") -> Iterator[Sample]:
    """Ten rounds of four calls; the later five are slower by a factor of ``level``."""
    rng = np.random.default_rng(4)
    for n in range(40):
        ms = 50.0 * (level if n >= 20 else 1.0) * np.exp(0.01 * rng.standard_normal())
        made = a_sample(512, call=n, ran_ms=float(ms))
        yield replace(made, round=n // 4, setting=made.setting._replace(code=code))


def test_a_calm_run_has_no_doubts() -> None:
    assert doubts(RUN, list(rounds()), list(rounds(code="control"))) == ()
    assert of_baseline("orders", ()) is of_candidate("orders", ()) is None


@pytest.mark.parametrize("drifting", ["candidate", "control"])
def test_a_machine_whose_rounds_differ_is_a_bad_moment(drifting: str) -> None:
    own = list(rounds(1.3 if drifting == "candidate" else 1.0))
    beside = list(rounds(1.3, code="control"))
    (found,) = doubts(RUN, own, beside if drifting == "control" else ())
    assert re.fullmatch(r"its rounds of calls differ by [\d.]+ %", found)


def test_rounds_of_a_recording_say_nothing() -> None:
    replayed = replace(RUN, facts=replace(RUN.facts, backend=Backend.REPLAY))
    assert doubts(replayed, list(rounds(1.3))) == ()


def test_other_programs_throttles_and_failures_are_a_bad_moment() -> None:
    busy = replace(RUN, warnings=(Advice("machine-busy", "Other programs ran."),))
    calls = list(rounds())
    calls[3] = replace(calls[3], outcome=Outcome.THROTTLED)
    calls[5:7] = [replace(each, outcome=Outcome.TIMEOUT) for each in calls[5:7]]
    found = doubts(busy, calls)
    assert found == (
        "other programs kept the machine busy",
        "1 of its 40 calls was throttled",
        "2 of its 40 calls failed",
    )
    said = of_baseline("orders", found)
    assert said is not None and said.code == "baseline-doubtful"
    for text in (said.text, of_candidate("orders", found) or ""):
        assert "bad moment" in text and found[1] in text and "tuner bench accept" in text
