"""``--event``: a sweep whose calls carry events of a bundled template."""

import json
from pathlib import Path

import pytest

from tuner.cli.app import main
from tuner.clock import VirtualClock
from tuner.errors import UsageError
from tuner.options.payloads import EVENTS, read_payloads
from tuner.options.sweep import SweepOptions


def test_several_different_events_are_made_and_can_be_made_again() -> None:
    options = SweepOptions(target="replay:none", event="sqs:2", seed=5)
    payloads = read_payloads(options, VirtualClock())
    assert len({payload.body for payload in payloads}) == EVENTS
    assert all(len(json.loads(payload.body)["Records"]) == 2 for payload in payloads)
    assert read_payloads(options, VirtualClock()) == payloads


def test_an_event_goes_instead_of_a_payload() -> None:
    with pytest.raises(UsageError, match="cannot go with --payload"):
        read_payloads(SweepOptions(target="replay:none", event="s3", payload='{"a": 1}'))
    with pytest.raises(UsageError, match="There are: alb"):
        read_payloads(SweepOptions(target="replay:none", event="s5"))


def test_a_sweep_takes_an_event_and_keeps_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{size},{60_000 / size + wobble}" for size in (128, 512, 1024) for wobble in (0, 1, 2)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))
    words = ["sweep", "replay:rec.csv", "--memory", "recorded", "--event", "kinesis:5"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--seed", "1", "--json", "-"])
    assert ended.value.code in (0, 3)
    assert json.loads(capsys.readouterr().out)["recommendation"]
