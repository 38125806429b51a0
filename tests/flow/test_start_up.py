"""Choosing again answers at once: what takes long to load and is not needed stays unloaded."""

import subprocess
import sys
from pathlib import Path

from tuner import sweep

LOADED = """
import sys
from tuner.cli.app import main
try:
    main(["recommend", sys.argv[1], "--store", sys.argv[2], "--strategy", "speed"])
except SystemExit as ended:
    assert not ended.code, ended.code
print("loaded:", *sys.modules)
"""


def test_choosing_again_loads_nothing_that_invokes_draws_or_migrates(tmp_path: Path) -> None:
    recording = tmp_path / "rec.csv"
    lines = [f"{size},{1769 / size * 100 + wobble}" for size in (128, 512) for wobble in range(5)]
    recording.write_text("\n".join(["memory_mb,duration_ms", *lines]))
    store = str(tmp_path / "runs.db")
    run = sweep(f"replay:{recording}", memory="recorded", store=store, output=None, seed=1)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, run.run, store],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = set(done.stdout.rpartition("loaded:")[2].split())
    assert "tuner.decide.decide" in loaded
    needless = {"boto3", "altair", "vl_convert", "scipy", "jinja2", "psutil"}
    needless |= {
        "aiohttp",
        "locust",
        "tuner.engine",
        "tuner.experiment.wiring",
        "tuner.locallambda",
    }
    assert not loaded & needless
