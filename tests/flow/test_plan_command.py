"""``tuner plan``: what is said about a sweep before anything is invoked."""

import json
from pathlib import Path

import pytest

from support.commands import exit_code as run


def test_a_plan_names_calls_costs_time_and_dangers_and_stores_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["plan", "demo:cpu", "--method", "grid", "--memory", "128,512", "--samples", "3"]
    assert run(*words, "--cold", "0", "--expect", "100ms") == 0
    said = capsys.readouterr().out
    assert "invocations   8, 0 of them cold starts" in said
    assert "usually       about 8 invocations in " in said
    assert "PublishVersion               2" in said
    assert "the expected 100 ms at 128 MB" in said
    assert "Every invocation is real" in said
    assert "versions: in the local Lambda; nothing on AWS is touched" in said
    assert list(tmp_path.iterdir()) == []


def test_a_plan_as_json_is_a_document_with_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "demo:cpu", "--max-cost", "0.001", "--json", "-") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "tuner.plan/1"
    assert found["cost_usd"]["low"] < found["cost_usd"]["high"] <= 0.001
    assert found["control_plane_calls"]["PublishVersion"]["low"] >= 5
    assert found["usual"]["assumed_ms"] == 100.0
    assert found["usual"]["cost_usd"] <= found["cost_usd"]["high"]


def test_a_recording_has_nothing_to_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "replay:any.csv") == 2
    assert "nothing is invoked" in capsys.readouterr().err
