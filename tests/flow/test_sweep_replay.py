"""`tuner sweep replay:FILE` from the command line to the report: real parts, no function."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tuner import recommend, sweep
from tuner.cli.app import main


def tuner(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: PLW1510 - the exit code is what is tested
        [sys.executable, "-m", "tuner", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """2,000 ms of CPU at full speed, recorded at six sizes: cost is flat, speed is not."""
    lines = ["memory_mb,duration_ms"]
    for size in (128, 256, 512, 1024, 1769, 3008):
        base = 2000 * max(1.0, 1769 / size)
        lines += [f"{size},{base * (1 + wobble / 100):.2f}" for wobble in (-2, -1, 0, 1, 2)]
    path = tmp_path / "recorded.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_replayed_sweep_names_the_fastest_size_and_writes_report_and_json(
    recorded: Path, tmp_path: Path
) -> None:
    done = tuner(
        "sweep", f"replay:{recorded}", "--memory", "recorded", "--strategy", "speed",
        "--seed", "1", "--json", "out.json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["schema"] == "tuner.sweep/1"
    assert result["backend"] == "replay"
    assert result["recommendation"]["memory_mb"] in (1769, 3008)
    assert result["spend"]["invocations"] <= 40
    page = (tmp_path / result["report"]).read_text()
    assert "recorded.csv" in page
    assert "MB" in done.stdout


def test_the_same_seed_gives_the_same_answer(recorded: Path, tmp_path: Path) -> None:
    words = ("sweep", f"replay:{recorded}", "--memory", "recorded", "--seed", "7", "--json", "-")
    first, second = (json.loads(tuner(*words, cwd=tmp_path).stdout) for _ in range(2))
    assert first["recommendation"] == second["recommendation"]
    assert first["sizes"] == second["sizes"]


def test_a_limit_on_invocations_is_never_passed(recorded: Path, tmp_path: Path) -> None:
    done = tuner(
        "sweep", f"replay:{recorded}", "--memory", "recorded", "--invocations", "7",
        "--seed", "1", "--json", "-", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 3)
    assert 0 < json.loads(done.stdout)["spend"]["invocations"] <= 7


def test_a_grid_measures_every_size_as_often_as_asked(recorded: Path, tmp_path: Path) -> None:
    done = tuner(
        "sweep", f"replay:{recorded}", "--memory", "128,1024", "--method", "grid",
        "--samples", "6", "--cold", "0", "--json", "-", cwd=tmp_path,
    )  # fmt: skip
    sizes = json.loads(done.stdout)["sizes"]
    assert [(s["memory_mb"], s["warm"]["n"]) for s in sizes] == [(128, 6), (1024, 6)]


def test_an_objective_that_no_size_can_meet_is_said_and_exits_99(
    recorded: Path, tmp_path: Path
) -> None:
    done = tuner(
        "sweep", f"replay:{recorded}", "--memory", "recorded", "--slo", "p95<1ms",
        "--seed", "1", "--json", "-", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 99
    assert json.loads(done.stdout)["recommendation"]["meets_slo"] is False


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sweep",), "needs a target"),
        (("sweep", "replay:nothing.csv"), "nothing.csv"),
        (("sweep", "demo:nothing"), "slow-init"),
        (("sweep", "demo:cpu", "--memory", "64"), "below 128"),
        (("sweep", "demo:cpu", "--memory", "1536:128"), "reversed"),
        (("sweep", "demo:cpu", "--memory", "big"), "whole number"),
        (("sweep", "demo:cpu", "--memory", "20000"), "above 10240"),
        (("sweep", "demo:cpu", "--slo", "p95<"), "p95<300ms"),
        (("sweep", "demo:cpu", "--strategy", "cheap"), "cost, speed or balanced"),
        (("sweep", "demo:cpu", "--payload", "{"), "not JSON"),
        (("sweep", "demo:cpu", "--method", "random"), "adaptive or grid"),
        (("sweep", "demo:cpu", "--cpu", "fast"), "duty-cycle"),
        (("sweep", "demo:cpu", "--max-time", "soon"), "10m"),
    ],
)
def test_bad_usage_is_one_or_two_lines_and_exit_2(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    errors = capsys.readouterr().err
    assert ended.value.code == 2
    assert 1 <= len(errors.splitlines()) <= 2, errors
    assert says in errors


def test_power_tunings_output_is_a_recording_and_its_doubt_stays_with_the_run(
    tmp_path: Path,
) -> None:
    stats = [
        {"value": size, "averageDuration": 200 * 1769 / size, "averagePrice": 1e-6}
        for size in (128, 256, 512, 1024, 1536)
    ]
    result = {"power": "1024", "duration": 345.5, "cost": 1e-6, "stats": stats}
    (tmp_path / "out.json").write_text(json.dumps(result))
    swept = sweep("replay:out.json", strategy="speed", seed=1, output=None)
    assert swept.recommendation is not None
    assert swept.recommendation.memory_mb == 1536
    for answered in (swept, recommend("last", strategy="cost")):
        assert "recorded-means" in [w["code"] for w in answered.to_dict()["warnings"]]
