"""Records how noisy the local Lambda is, within runs and between them. Run by hand:

    python tests/bench/verdicts/record.py short|long [RUNS]

Four functions are invoked in turn, one call each per round, with a few cold starts in each run;
runs are some seconds apart. ``short`` calls take some 15 ms on half a CPU, so that its quota's
pauses are part of the noise; ``long`` ones some 45 ms on a whole one. ``local/NAME.csv.gz`` gets
one row per call. A quarter of an hour for 40 runs. Whatever else the machine does meanwhile is
part of the noise too.
"""

import base64
import csv
import gzip
import io
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3

from tuner.recording.reportline import find_report

HERE = Path(__file__).parent
ROUNDS, COLD_EVERY, APART_S = 60, 12, 3.0
#: Memory, and how many times the work below is done.
KINDS = {"short": (1024, 1), "long": (1769, 3)}
COLUMNS = ("run", "round", "function", "duration_ms", "billed_ms", "init_ms", "client_ms")

#: The control only computes; the others compute in Python, compute and wait, and allocate.
SOURCES = {
    "control": """
import hashlib
def handler(event, context):
    return hashlib.pbkdf2_hmac("sha256", b"a password", b"a salt", WORK * 40_000).hex()
""",
    "sort": """
import random
def handler(event, context):
    rng = random.Random(1)
    return sum(sorted(rng.random() for _ in range(WORK * 40_000))[:3])
""",
    "wait": """
import hashlib, time
def handler(event, context):
    key = hashlib.pbkdf2_hmac("sha256", b"a password", b"a salt", WORK * 12_000).hex()
    time.sleep(WORK * 0.01)
    return key
""",
    "json": """
import json
RECORDS = [{"id": i, "name": f"customer {i}", "tags": ["a", "b", "c"]} for i in range(WORK * 6_000)]
def handler(event, context):
    return len(json.loads(json.dumps(RECORDS)))
""",
}


def package(source: str, work: int) -> bytes:
    """A zip file with the handler."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16  # else it has 0600, which Lambda cannot read
        archive.writestr(entry, f"WORK = {work}\n{source}")
    return data.getvalue()


def call(client: Any, name: str) -> dict[str, float | None]:
    """One invocation by its REPORT; a warm one has no ``init_ms``."""
    started = time.perf_counter()
    answer = client.invoke(FunctionName=name, LogType="Tail", Payload=b"{}")
    client_ms = (time.perf_counter() - started) * 1000.0
    report = find_report(base64.b64decode(answer["LogResult"]).decode())
    assert report is not None
    assert "FunctionError" not in answer
    return {
        "duration_ms": report.duration_ms,
        "billed_ms": report.billed_ms,
        "init_ms": report.init_ms,
        "client_ms": round(client_ms, 2),
    }


def record(client: Any, kind: str, runs: int) -> list[dict[str, Any]]:
    """All calls of all runs, in the order in which they were made."""
    rows: list[dict[str, Any]] = []
    memory_mb, work = KINDS[kind]
    for name, source in SOURCES.items():
        client.create_function(
            FunctionName=name, Runtime="python3.11", Handler="app.handler", MemorySize=memory_mb,
            Role="arn:aws:iam::000000000000:role/any", Code={"ZipFile": package(source, work)},
        )  # fmt: skip
    for run in range(runs):
        for number in range(ROUNDS):
            for name in SOURCES:
                if number % COLD_EVERY == 0:
                    client.get_waiter("function_active_v2").wait(FunctionName=name)
                    client.update_function_configuration(
                        FunctionName=name, Description=f"{run}.{number}"
                    )
                    client.get_waiter("function_updated_v2").wait(FunctionName=name)
                figures = call(client, name)
                rows.append({"run": run, "round": number, "function": name, **figures})
        print(f"run {run + 1} of {runs}", flush=True)
        time.sleep(APART_S)
    return rows


def main(kind: str, runs: int) -> None:
    """Serve, record, write."""
    command = [sys.executable, "-m", "tuner", "local", "--port", "0", "--time-scale", "10"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = next(w for w in server.stdout.readline().split() if w.startswith("http"))
        client = boto3.client(
            "lambda", endpoint_url=url, region_name="eu-west-1",
            aws_access_key_id="any", aws_secret_access_key="any",
        )  # fmt: skip
        rows = record(client, kind, runs)
    finally:
        server.terminate()
        server.wait(20)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = HERE / "local" / f"{kind}.csv.gz"
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    print(f"{path.name}: {len(rows)} calls, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40)
