"""Sweeps of one function know of each other by their store."""

import json
from pathlib import Path
from typing import Any

import pytest

import tuner
from support.commands import Run

_SMALL = {"memory": "256,512", "invocations": 16, "output": None}


def between(result: Any) -> dict[str, Any]:
    """What the document says that runs differ by."""
    found: dict[str, Any] = result.to_dict()["between_runs"]
    return found


@pytest.mark.slow
def test_a_third_sweep_learns_from_the_two_before() -> None:
    first, second, third = (tuner.sweep("demo:io", seed=seed, **_SMALL) for seed in (1, 2, 3))
    assert [between(each)["runs"] for each in (first, second, third)] == [0, 0, 2]
    assert between(first)["sd"] == between(first)["usual_sd"]
    assert between(third)["sizes"] == 2
    assert between(third)["sd"] != between(third)["usual_sd"]
    again = tuner.recommend(third.to_dict()["run"], output=None)
    assert between(again) == between(third)


@pytest.mark.slow
def test_changed_code_begins_anew(tmp_path: Path, tuner: Run) -> None:
    code = tmp_path / "app.py"
    words = ("sweep", f"local:{code}", "--memory", "256,512", "--invocations", "8", "--json", "-")

    def runs(source: str) -> int:
        code.write_text(source)
        status, out, _ = tuner(*words)
        assert status in (0, 3)
        told: int = json.loads(out)["between_runs"]["runs"]
        return told

    before = "def handler(event, context):\n    return sum(range(20000))\n"
    assert [runs(before) for _ in range(3)] == [0, 0, 2]
    assert runs(before.replace("20000", "30000")) == 0
