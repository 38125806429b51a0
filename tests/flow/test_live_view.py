"""What a terminal shows while a run works, through a pseudo-terminal of several widths."""

import json
import re
import sys
from pathlib import Path

import pytest

from support.screen import on_terminal

TESTS = Path(__file__).parents[1]
#: Feeds the view as a run does, slowly enough that it is drawn.
SCRIPT = """
import time
from support.factories import a_sample, warm_ask
from dataclasses import replace
from tuner.cli.progress import watched
from tuner.planning.budget import Budget, Meter
from tuner.records import Outcome

meter = Meter(lambda: 12.0, Budget(100, 0.01, 60.0))
with watched(quiet=False, live=True) as progress:
    counts = {128: 9, 1024: 9, 10240: 9}
    ask = replace(warm_ask(counts), why="the sizes that tell most of the curve")
    progress.say(f"next: {ask.sizes}, {ask.why}")
    progress.begins(ask, meter, lambda sample: 2e-6 if sample.setting.memory_mb == 128 else 1e-6)
    for number in range(12):
        for memory in (128, 1024, 10240):
            sample = a_sample(memory, call=number, ran_ms=1e5 / memory + number)
            meter.add(2e-6)
            progress.sampled(sample)
    refused = dict(outcome=Outcome.THROTTLED, reason="ReservedFunctionConcurrentInvocationLimit")
    progress.sampled(a_sample(128, **refused))
    time.sleep(1.3)
    with progress.paused():
        print("asked", flush=True)
    time.sleep(0.7)
"""


@pytest.mark.parametrize("width", [40, 60, 120])
def test_sizes_fill_on_a_terminal_and_leave_it_clean(width: int) -> None:
    env = {"PYTHONPATH": str(TESTS)}
    screen, process, out = on_terminal([sys.executable, "-c", SCRIPT], width, env)
    assert (process.returncode, out) == (0, "asked\n"), screen.text
    full = max(screen.seen, key=len)
    assert full.splitlines()[0].startswith("next: 128, 1,024, 10,240 MB")
    assert re.search(r"^\s*128 MB +13 +787 ms +792 ms +\$2\.00 +calling", full, re.MULTILINE) or (
        width == 40 and "128 MB" in full
    )
    assert "Spent: 36 requests" in full
    assert "1 throttled (429); first" in full
    curve = re.search(
        r"^Cost/million over memory\n(.+\n){6} +128 MB +10,240 MB$", full, re.MULTILINE
    )
    assert (curve is not None) == (width >= 60), full
    if curve is not None:
        rows = curve[0].splitlines()
        assert rows[1].startswith("$2.00 ┤●") and rows[5].startswith("$1.00 ┤  ")
        assert rows[5].count("●") == 2
        assert max(map(len, curve[0].splitlines())) == min(width, 72)
    assert screen.shown == "", "the view is taken away"
    assert screen.text.count("\x1b[?25l") == screen.text.count("\x1b[?25h") == 2, "cursor"
    assert len(screen.seen) <= 12, "drawn twice a second"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    rows = [f"{size},{20_000 // size + n},ok," for size in (128, 512, 1024) for n in range(9)]
    rows += ["512,,throttled,"]
    (tmp_path / "rec.csv").write_text("\n".join(["memory_mb,duration_ms,status,init_ms", *rows]))
    return tmp_path


def load(recording: Path, *words: str) -> list[str]:
    what = ["load", "replay:rec.csv", "--rate", "60", "--duration", "60s", "--memory", "512"]
    store = ["--store", f"sqlite:///{recording}/runs.db", "--seed", "1"]
    return [sys.executable, "-m", "tuner", *what, *store, *words]


@pytest.mark.slow
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_load_shows_its_last_seconds_on_a_terminal(recording: Path, width: int) -> None:
    screen, process, out = on_terminal(load(recording), width, cwd=str(recording))
    assert process.returncode == 0, screen.text
    drawn = [each for each in screen.seen if "Last 5 s: " in each]
    assert drawn, screen.text
    last = drawn[-1]
    assert re.search(r"Last 5 s: [\d.]+/s succeeded of [\d.]+/s due; p50 \d+", last), last
    assert re.search(r"Load: \d.* of 1 min", last), last
    assert re.search(r"\d+ throttled \(429\)", last), last
    if width == 120:
        assert "p99" in last and "in flight" in last
    assert "succeeded" in out and "Last 5 s" not in out
    assert screen.shown == ""


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--quiet"], ["--json", "-"]])
def test_what_asks_for_no_words_leaves_a_terminal_untouched(
    recording: Path, words: list[str]
) -> None:
    screen, process, out = on_terminal(load(recording, *words), 60, cwd=str(recording))
    assert (process.returncode, screen.text) == (0, "")
    if "--json" in words:
        assert json.loads(out)["schema"] == "tuner.load/1"


@pytest.mark.slow
@pytest.mark.parametrize(("words", "env"), [(["--no-progress"], {}), ([], {"TERM": "dumb"})])
def test_without_a_live_view_each_step_is_a_plain_line(
    recording: Path, words: list[str], env: dict[str, str]
) -> None:
    screen, process, _ = on_terminal(load(recording, *words), 60, env, cwd=str(recording))
    assert process.returncode == 0
    assert "\x1b" not in screen.text
    assert "sending" in screen.text


@pytest.mark.slow
def test_no_color_is_a_live_view_without_colours(recording: Path) -> None:
    screen, process, _ = on_terminal(load(recording), 80, {"NO_COLOR": "1"}, cwd=str(recording))
    assert process.returncode == 0
    assert any("Last 5 s" in each for each in screen.seen)
    assert not re.search(r"\x1b\[[\d;]*(?:3\d|4\d|9\d)[\d;]*m", screen.text)
