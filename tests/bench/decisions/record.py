"""Records curves on the local Lambda for the decision benchmark. Run by hand, on a quiet machine:

    python tests/bench/decisions/record.py [NAME ...]

Each handler is measured at 62 sizes, 40 warm calls each, interleaved, under real CPU quota;
`local/NAME.csv.gz` gets one row per call. Five to ten minutes a function.
"""

import csv
import gzip
import io
import sys
import tempfile
from pathlib import Path

import numpy as np

import tuner
from tuner.records import Outcome, Purpose
from tuner.store.runs import find

HERE = Path(__file__).parent
#: 1,769 MB is one vCPU; beyond that a machine of two cores runs out of them soon.
SIZES = np.unique(np.round(np.geomspace(128, 1769, 62)).astype(int))
CALLS = 40

#: Bundled demos, and handlers of other shapes: longer CPU work, and a tiny one.
_SORT = """
import random

def handler(event, context):
    rng = random.Random(1)
    return sum(sorted(rng.random() for _ in range(60_000))[:3])
"""
_TINY = """
def handler(event, context):
    return len(str(event))
"""
SOURCES = {"cpu": "demo:cpu", "mixed": "demo:mixed", "io": "demo:io", "sort": _SORT, "tiny": _TINY}


def record(name: str) -> None:
    """Measure one function and write its rows."""
    with tempfile.TemporaryDirectory() as scratch:
        target = SOURCES[name]
        if not target.startswith("demo:"):
            (Path(scratch) / "app.py").write_text(target)
            target = f"local:{scratch}"
        store = f"sqlite:///{scratch}/runs.db"
        sizes = ",".join(map(str, SIZES))
        result = tuner.sweep(
            target, memory=sizes, method="grid", samples=CALLS, cold=0, seed=1,
            store=store, output=None,
        )  # fmt: skip
        samples = find(result.sweep.run.run, store).samples
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["memory_mb", "duration_ms", "billed_ms", "max_memory_mb"])
    for s in samples:
        if s.purpose is Purpose.WARM and s.outcome is Outcome.OK and not s.cold:
            writer.writerow([s.memory_mb, s.duration_ms, s.billed_ms, s.max_memory_mb])
    path = HERE / "local" / f"{name}.csv.gz"
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    print(f"{path.name}: {len(samples)} calls, {path.stat().st_size} bytes")


if __name__ == "__main__":
    for each in sys.argv[1:] or SOURCES:
        record(each)
