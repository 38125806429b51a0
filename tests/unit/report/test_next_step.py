"""The next step that the page names fits how sure the pick is, and what declares the function."""

from dataclasses import replace
from typing import Any

import pytest

from support.sweeps import called
from tuner.options.commands import SweepCommand
from tuner.records import Backend
from tuner.report.elements import Verdict
from tuner.report.verdict import verdict


def of(
    target: str,
    backend: Backend = Backend.LOCAL,
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> Verdict:
    """The verdict on a sweep of the target, with another recommendation."""
    sweep = called()
    facts = replace(sweep.run.facts, backend=backend)
    run = replace(sweep.run, run="01J", target=target, facts=facts, options={"memory": "128:1536"})
    run = replace(run, options={**run.options, **(options or {})})
    pick = replace(sweep.recommendation, **changes)
    found = verdict(replace(sweep, run=run, recommendation=pick))
    assert found is not None
    return found


UNSURE = {"confidence": 0.49, "calls_to_tell": 44}


def test_a_pick_that_is_not_sure_is_measured_again_with_the_calls_that_it_lacks() -> None:
    step = of("orders", Backend.AWS, slo=("p95<1s",), **UNSURE)
    assert step.trust == "low"
    assert step.command == "tuner sweep orders --memory 128:1536 --slo 'p95<1s' --invocations 310"
    assert "measures again" in step.hint
    assert of("orders", Backend.AWS, confidence=0.8, calls_to_tell=44).command == "tuner apply 01J"


def test_measuring_again_asks_the_same_question_with_the_same_events() -> None:
    asked = {
        "region": "eu-west-1",
        "payload": "sha256:12ab",
        "env": ["TABLE"],
        "worth": 0.1,
        "method": "adaptive",
        "cold": 3,
        "balance": SweepCommand("x").stored().get("balance"),
    }
    command = of("orders", Backend.AWS, asked, **UNSURE).command
    assert "--region eu-west-1" in command and "--worth 0.1" in command
    assert "--payload ..." in command and "--env TABLE=..." in command
    assert "--cold 3" in command
    assert "--method" not in command and "--balance" not in command
    event = of("orders", Backend.AWS, {"payload": "@event.json"}, **UNSURE).command
    assert "--payload @event.json" in event


def test_a_recording_and_a_missed_objective_get_no_advice_to_call_more() -> None:
    assert "sweep" not in of("calls.csv", Backend.REPLAY, **UNSURE).command
    missed = of("orders", slo=("p95<1ms",), meets_slo=False, **UNSURE)
    assert (missed.command, missed.hint[:17]) == ("", "nothing to change")


def test_nothing_declares_a_demo() -> None:
    step = of("demo:mixed")
    assert (step.command, step.hint) == ("", "none for a demo: sweep a function of your own")


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("local:app/template.yaml#Orders", "app/template.yaml --resource Orders"),
        ("local:serverless.yml", "serverless.yml"),
        ("local:./handler", "TEMPLATE"),
    ],
)
def test_a_file_is_named_only_where_the_target_names_it(target: str, file: str) -> None:
    assert of(target).command == f"tuner apply 01J --file {file}"
