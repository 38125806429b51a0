"""Axes combined: architectures under load, ways to start on both, a bench of both."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from support.commands import exit_code
from tuner.api.sweep import run_sweep
from tuner.experiment.experiment import Silent
from tuner.options.commands import SweepCall
from tuner.store.runs import Store

#: Waits without any CPU: 0.4 s at 128 MB, 0.06 s at 1,024 MB.
WAITING = """
import os, time
def handler(event, context):
    time.sleep(0.4 * (128 / int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])) ** 0.9)
"""


@pytest.fixture
def narrow(new_function: Any, local_lambda_url: str) -> tuple[str, ...]:
    """A function, and where it is."""
    return (new_function(WAITING), "--endpoint-url", local_lambda_url, "--region", "eu-west-1")


@pytest.mark.slow
def test_sizes_of_both_architectures_are_put_under_one_load_each(narrow: tuple[str, ...]) -> None:
    grid = ("--memory", "256,1024", "--method", "grid", "--samples", "2", "--cold", "0")
    load = ("--rate", "10", "--duration", "1s", "--slo", "client_p50<150ms", "--seed", "5")
    both = ("--architectures", "both", "--yes", "-q", "--json", "out.json")
    assert exit_code("sweep", *narrow, *grid, *load, *both) == 0
    told = json.loads(Path("out.json").read_text())
    loads = {(row["memory_mb"], row["arch"]): row["load"]["met"] for row in told["sizes"]}
    assert loads == {
        (256, "x86_64"): False, (256, "arm64"): False,
        (1024, "x86_64"): True, (1024, "arm64"): True,
    }  # fmt: skip
    pick = told["recommendation"]
    assert (pick["memory_mb"], pick["arch"], pick["meets_slo"]) == (1024, "arm64", True)
    with Store.open(create=False) as store:
        loaded = [s.setting for s in store.samples(told["run"]) if s.setting.load]
    assert {loaded.count(setting) for setting in loaded} == {10}
    assert exit_code("recommend", "last", "-q", "--json", "again.json") == 0
    again = json.loads(Path("again.json").read_text())
    assert again["sizes"] == told["sizes"]
    assert again["recommendation"] == told["recommendation"]


@pytest.mark.slow
def test_ways_to_start_are_compared_on_both_architectures(narrow: tuple[str, ...]) -> None:
    words = ("--memory", "512", "--cold", "2", "--variants", "provisioned=1")
    both = ("--architectures", "both", "--yes", "-q", "--json", "out.json")
    assert exit_code("cold", *narrow, *words, *both) == 0
    told = json.loads(Path("out.json").read_text())
    assert [(row["variant"], row["arch"], row["status"]) for row in told["variants"]] == [
        ("on-demand", "x86_64", "ok"), ("provisioned=1", "x86_64", "ok"),
        ("on-demand", "arm64", "ok"), ("provisioned=1", "arm64", "ok"),
    ]  # fmt: skip
    assert told["recommendation"] is None
    kept = [row for row in told["variants"] if row["variant"] == "provisioned=1"]
    assert all(row["n"] == 1 and not row["spilled"] for row in kept)
    page = Path(told["report"]).read_text()
    assert "provisioned=1 on arm64" in page
    assert "Chance to be best" not in page  # nothing is chosen
    assert exit_code("plan", *narrow, *words, "--architectures", "both", "--json", "p.json") == 0
    ways = json.loads(Path("p.json").read_text())["variants"]
    assert [way["variant"] for way in ways][2:] == ["on-demand on arm64", "provisioned=1 on arm64"]


def test_cold_starts_are_forced_on_both_architectures(tmp_path: Path) -> None:
    path = recording(tmp_path / "both.csv")
    options = SweepCall.made(f"replay:{path}", memory="recorded", architectures="both", seed=1)
    found = run_sweep(options, f"sqlite:///{tmp_path}/runs.db", Silent(), command="cold")
    assert [(each.arch, [(s.memory_mb, s.cold.n) for s in each.sizes]) for each in found.each] == [
        ("x86_64", [(512, 5), (1024, 5)]),
        ("arm64", [(512, 5), (1024, 5)]),
    ]


def recording(path: Path, arm_factor: float = 1.0, rows: int = 60) -> Path:
    """100 ms at 512 MB and 50 ms at 1,024 MB; on arm64 all takes ``arm_factor`` times as long."""
    rng = random.Random(3)
    lines = ["memory_mb,arch,duration_ms,init_ms"]
    for arch, factor in (("x86_64", 1.0), ("arm64", arm_factor)):
        for size in (512, 1024):
            for number in range(rows):
                ms = factor * 51_200 / size * rng.lognormvariate(0, 0.02)
                lines.append(f"{size},{arch},{ms:.2f},{200 if number < rows // 6 else ''}")
    path.write_text("\n".join(lines))
    return path


SUITE = """
[suite]
name = "both"

[[case]]
name = "work"
target = "replay:{after}"
architectures = "both"
sizes = [512, 1024]
gates = ["p50 +10%"]
"""


def test_a_bench_of_both_architectures_judges_each_by_itself(tmp_path: Path) -> None:
    before = recording(tmp_path / "before.csv")
    after = recording(tmp_path / "after.csv", arm_factor=1.5)
    Path("tuner.toml").write_text(SUITE.format(after=after))
    assert exit_code("bench", "--against", f"replay:{before}", "--json", "b.json", "-q") == 99
    [case] = json.loads(Path("b.json").read_text())["cases"]
    verdicts = {(size["memory_mb"], size["arch"]): size["verdict"] for size in case["sizes"]}
    assert verdicts == {
        (512, "x86_64"): "same", (1024, "x86_64"): "same",
        (512, "arm64"): "regressed", (1024, "arm64"): "regressed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "against", "said"),
    [
        ("myfunc", "7", "a published version has one"),
        ("demo:cpu", "local:src", "runs on this machine's processor"),
    ],
)
def test_a_bench_that_cannot_have_both_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, against: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ('name = "it"', f'target = "{target}"', 'architectures = "both"', 'gates = ["p50 +9%"]')
    Path("tuner.toml").write_text("\n".join(["[[case]]", *lines, 'region = "eu-west-1"']))
    assert exit_code("bench", "--against", against, "--json", "b.json", "-q") == 1
    [told] = json.loads(Path("b.json").read_text())["cases"]
    assert told["state"] == "failed"
    assert said in told["reason"]
