"""Recordings as they come: each gets an answer whose numbers hang together, or a clear error."""

import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tuner.cli.app import main

PLAIN = "memory_mb,duration_ms"
SIZES = (128, 256, 512, 1024, 1536)


def lines(durations: Sequence[float], sizes: Sequence[int] = SIZES) -> list[str]:
    return [f"{size},{ms}" for size in sizes for ms in durations]


def shared(cpu_ms: float, sizes: Sequence[int] = SIZES) -> list[str]:
    """A function that only computes, with a scatter of some per cent."""
    scatter = (0.96, 0.98, 0.99, 1.0, 1.01, 1.03, 1.05)
    return [f"{size},{cpu_ms * 1769 / size * f:.2f}" for size in sizes for f in scatter]


#: name -> header, lines, exit code of a sweep.
ODD: dict[str, tuple[str, list[str], int]] = {
    "one row": (PLAIN, ["512,100"], 0),
    "one row of each size": (PLAIN, ["128,400", "512,100"], 0),
    "one size": (PLAIN, lines([97.2, 99.1, 101.7, 104.0], [512]), 0),
    "no variance": (PLAIN, lines([100] * 5), 0),
    "hundredths of a millisecond": (PLAIN, lines([0.01, 0.02, 0.01]), 0),
    "no time at all": (PLAIN, lines([0, 0]), 0),
    "fifteen minutes": (PLAIN, lines([900_000, 899_000, 895_000]), 0),
    "fastest in the middle": (PLAIN, ["128,900000", "512,0.01", "1024,900000"] * 4, 0),
    "slower with more memory": (PLAIN, ["128,100", "512,400", "1024,800", "128,103"] * 3, 0),
    "unsorted": (PLAIN, shared(28.0)[::-1], 0),
    "one call in seven takes fifty times as long": (PLAIN, [*shared(28.0), *lines([9000])], 0),
    "small sizes run out of memory": (
        f"{PLAIN},status",
        [*["128,90,oom"] * 4, *[f"{line},ok" for line in shared(200.0, SIZES[1:])]],
        3,
    ),
    "half of the calls fail": (
        f"{PLAIN},status",
        [f"{line},{'error' if i % 2 else ''}" for i, line in enumerate(shared(200.0))],
        0,
    ),
    "cold starts only": (f"{PLAIN},init_ms", [f"{line},250" for line in shared(50.0)], 0),
    "beyond 3,008 MB": (PLAIN, shared(900.0, (1769, 3008, 5307, 10240)), 0),
    "arm64": (f"{PLAIN},arch", [f"{line},arm64" for line in shared(50.0)], 0),
    "every call failed": (f"{PLAIN},status", [f"{size},,error" for size in SIZES] * 3, 1),
    "every call timed out": (f"{PLAIN},status", [f"{size},3000,timeout" for size in SIZES] * 3, 1),
}


def run(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of a command in which every warning is an error."""
    file = folder / "out.json"
    file.unlink(missing_ok=True)
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        warnings.simplefilter("error")
        main([*words, "--store", str(folder / "runs.db"), "--json", str(file), "--quiet"])
    code = ended.value.code or 0
    assert isinstance(code, int)
    return code, json.loads(file.read_text())


def write(folder: Path, name: str) -> str:
    header, rows, _ = ODD[name]
    (folder / "rec.csv").write_text("\n".join([header, *rows]) + "\n")
    return f"replay:{folder / 'rec.csv'}"


def check_numbers(document: dict[str, Any]) -> None:
    """Intervals hold their mean, quantiles ascend, shares are shares, nothing is below zero."""
    pick = document["recommendation"]
    costs = [size["cost_usd_per_million"] for size in document["sizes"]]
    for cost in (*costs, pick["cost_usd_per_million"]):
        if cost["low"] is not None:
            assert 0.0 < cost["low"] <= cost["mean"] <= cost["high"]
    duration = pick["duration_ms"]
    assert 0.0 < duration["p50"] <= duration["p95"] <= duration["p99"]
    low, high = pick["safe_range_mb"]
    assert low <= pick["memory_mb"] <= high
    assert 0.0 <= pick["confidence"] <= 1.0
    assert pick["memory_mb"] in [size["memory_mb"] for size in document["sizes"]]
    assert all(reason.endswith(".") for reason in pick["reasons"])


def test_partial_data_is_explained_by_the_sizes_that_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write(tmp_path, "small sizes run out of memory")
    words = ("--memory", "recorded", "--seed", "1", "--output", str(tmp_path))
    code, _ = run(tmp_path, "sweep", target, *words)
    assert code == 3
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["runs", "show", "last", "--store", str(tmp_path / "runs.db")])
    shown = capsys.readouterr().out
    assert "128 MB failed" in shown
    assert "settled" not in shown


def test_a_row_that_is_drawn_again_and_again_is_one_piece_of_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write(tmp_path, "one row of each size")
    words = ("--memory", "recorded", "--seed", "1", "--output", str(tmp_path))
    _, answer = run(tmp_path, "sweep", target, *words)
    pick = answer["recommendation"]
    assert pick["verified_calls"] >= 10
    assert pick["confidence"] < 0.99
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["runs", "show", "last", "--store", str(tmp_path / "runs.db")])
    shown = capsys.readouterr().out
    assert f"1 recorded row (of this size, drawn {pick['verified_calls']} times)" in shown
    page = Path(answer["report"]).read_text()
    assert re.search(r'"trust": "fair", "why": "[^"]*rests on 1 recorded row"', page)
    assert '"trust": "high"' not in page


@pytest.mark.parametrize("name", ODD)
def test_an_odd_recording_gets_an_answer_that_hangs_together_or_says_why_not(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = ODD[name][2]
    target = write(tmp_path, name)
    words = ("--memory", "recorded", "--seed", "1", "--output", str(tmp_path / "reports"))
    code, answer = run(tmp_path, "sweep", target, *words)
    assert code == expected
    if expected == 1:
        assert answer["recommendation"] is None
        assert all(size["status"] == "failed" for size in answer["sizes"])
        assert "every size failed" in capsys.readouterr().out
        return
    check_numbers(answer)
    for question in (("--strategy", "speed"), ("--strategy", "balanced")):
        code, again = run(tmp_path, "recommend", "last", *question)
        # Exit 3 is of the sweep whose data are partial, so it stays with the run.
        assert code == expected
        check_numbers(again)
    code, missed = run(
        tmp_path, "recommend", "last", "--slo", "p95<0.001ms", "--slo", "cost<0.01usd/million"
    )
    assert code == 99
    assert missed["recommendation"]["meets_slo"] is False
    first = missed["recommendation"]["reasons"][0]
    assert first.startswith("No size meets p95<0.001ms or cost<0.01usd/million; ")
    check_numbers(missed)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rows"),
        (PLAIN, "no rows"),
        ("duration_ms\n100", "memory_mb"),
        (f"{PLAIN}\n512,NaN", "line 2"),
        (f"{PLAIN}\n512,100\n512,-1", "line 3"),
        (f"{PLAIN}\n512,inf", "line 2"),
        (f"{PLAIN}\n512,fast", "line 2"),
        (f"{PLAIN}\n64,100", "line 2"),
        (f"{PLAIN}\n512.5,100", "line 2"),
        (f"{PLAIN},arch\n512,100,x86_64\n512,90,arm64", "--where arch="),
    ],
)
def test_an_unusable_recording_is_refused_with_the_place_and_not_stored(
    content: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rec.csv").write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "replay:rec.csv", "--memory", "recorded", "--json", "-"])
    shown = capsys.readouterr()
    assert ended.value.code == 2
    assert shown.out == ""
    assert says in shown.err
    assert len(shown.err.splitlines()) == 2
    assert not (tmp_path / "reports").exists()


def test_json_on_stdout_without_an_answer_says_why_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write(tmp_path, "every call failed")
    with pytest.raises(SystemExit) as ended:
        main(["sweep", target, "--memory", "recorded", "--json", "-", "--no-progress"])
    shown = capsys.readouterr()
    assert ended.value.code == 1
    assert json.loads(shown.out)["recommendation"] is None
    assert shown.err.splitlines()[-1].endswith(
        "No size is recommended: every size failed (the function raised an error)"
    )
