"""What `tuner bench` writes beside its verdict, and its history, on recordings."""

import json
from pathlib import Path

import numpy as np
import pytest

from support.commands import Run

CASE = '[[case]]\nname = "orders"\ntarget = "replay:now.csv"\nsizes = [512]\ngates = ["p50 +10%"]\n'


@pytest.fixture(autouse=True)
def _suite() -> None:
    """What is recorded now took a third longer than before."""
    Path("tuner.toml").write_text(f'[suite]\nname = "nightly"\n{CASE}')
    record("old.csv", 100.0, seed=1)
    record("now.csv", 130.0, seed=2)


def record(path: str, level_ms: float, seed: int) -> None:
    values = level_ms * np.exp(0.04 * np.random.default_rng(seed).standard_normal(400))
    Path(path).write_text("memory_mb,duration_ms\n" + "\n".join(f"512,{v:.3f}" for v in values))


AGAINST = ("--against", "replay:old.csv", "--seed", "5")


def test_every_output_is_written_beside_the_verdict(
    tuner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    files = {
        "--json": "b.json",
        "--markdown": "b.md",
        "--junit": "b.xml",
        "--badge": "b.svg",
        "--webhook": "hook.json",
        "--slack": "slack.json",
        "--bencher": "bmf.json",
        "--action-benchmark": "gab.json",
    }
    words = [word for pair in files.items() for word in pair]
    code, out, _ = tuner("bench", *AGAINST, *words)
    assert code == 99 and "p50" in out
    assert all(Path(file).stat().st_size for file in files.values())
    assert Path("summary.md").read_text() == Path("b.md").read_text()
    assert "1 regressed" in Path("b.svg").read_text()
    document = json.loads(Path("b.json").read_text())
    assert document["schema"] == "tuner.bench/1" and document["exit_code"] == 99


def test_one_output_may_go_to_stdout_and_is_alone_there(tuner: Run) -> None:
    code, out, _ = tuner("bench", *AGAINST, "--markdown", "-")
    assert code == 99 and out.startswith("### 🔴 tuner bench: 1 regressed")
    code, out, err = tuner("bench", *AGAINST, "--markdown", "-", "--junit", "-")
    assert (code, out) == (2, "") and "more than one output" in err


def test_an_output_that_fails_keeps_the_verdict_and_changes_a_good_exit_code(
    tuner: Run,
) -> None:
    code, out, err = tuner("bench", *AGAINST, "--junit", "old.csv/b.xml", "--markdown", "b.md")
    assert code == 99 and "--junit old.csv/b.xml: cannot be written" in err
    assert "p50" in out and Path("b.md").exists()
    record("now.csv", 100.0, seed=3)
    code, _, err = tuner("bench", *AGAINST, "--junit", "old.csv/b.xml")
    assert code == 2 and "cannot be written" in err


def test_an_address_is_refused_before_anything_is_measured_and_is_not_shown(tuner: Run) -> None:
    code, out, err = tuner("bench", *AGAINST, "--slack", "https://hooks.slack.com/T0/SECRET")
    assert code == 2 and "--post" in err
    assert "SECRET" not in out + err and not Path(".tuner").exists()


def test_the_history_has_all_runs_and_reports_to_click_through_to(tuner: Run) -> None:
    for _ in range(3):
        tuner("bench", *AGAINST)
    code, out, err = tuner("bench", "history", "--reports", "2")
    assert (code, err) == (0, "")
    page = Path(out.removeprefix("History: ").strip())
    assert page == Path("reports/history-nightly.html")
    reports = [path.name for path in Path("reports").iterdir() if path != page]
    assert len(reports) == 2
    text = page.read_text()
    assert all(f'href="{name}"' in text for name in reports)
    assert text.count('<tr id="c0-') == 3


def test_a_history_goes_on_without_the_runs_that_were_deleted(tuner: Run) -> None:
    for _ in range(2):
        tuner("bench", *AGAINST, "--json", "b.json")
    document = json.loads(Path("b.json").read_text())
    for side in ("before", "after"):
        assert tuner("runs", "delete", document["cases"][0][side]["run"], "--yes")[0] == 0
    code, out, _ = tuner("bench", "history")
    assert code == 0
    text = Path(out.removeprefix("History: ").strip()).read_text()
    assert text.count('<tr id="c0-') == 2
    assert len(list(Path("reports").glob("*.html"))) == 3  # two reports and the history


def test_a_history_of_nothing_says_what_to_do(tuner: Run) -> None:
    tuner("bench", *AGAINST)
    code, _, err = tuner("bench", "history", "--branch", "elsewhere")
    assert code == 1 and "branch elsewhere: there is no run" in err
    code, _, err = tuner("bench", "history", "--name", "weekly")
    assert code == 1 and "tuner bench" in err
