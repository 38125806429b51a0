"""A survey of 5,000 functions against its limits: time and memory of its own, queries and money.

The account answers on loopback at once, so that all time is the survey's.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from support.account import Account, reports, serving

COUNT = 5_000
LIMIT_S, LIMIT_MB = 180.0, 400.0

pytestmark = pytest.mark.bench


def test_five_thousand_functions(tmp_path: Path) -> None:
    account = Account()
    for number in range(COUNT):
        name = f"f{number:04}"
        account.add(name, calls=1000.0 + number)
        account.metrics[name] |= {
            ("Duration", "Sum"): 1e5,
            ("Duration", "p95"): 200.0,
            ("Duration", "Maximum"): 900.0,
            "log_bytes": 1e5,
        }
        account.rows[name] = [reports(size, 1000, 100.0, cold=10) for size in (256, 512)]
    with serving(account) as url:
        keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": url}
        command = [sys.executable, "-m", "tuner", "fleet", "--json", "fleet.json", "--output", "."]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **keys}, capture_output=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "fleet.json").read_text())
    queries = document["queries"]
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory_mb = after.ru_maxrss / 1024.0
    print(
        f"\n{COUNT:,} functions: {cpu_s:.1f} s of CPU (limit {LIMIT_S:.0f}), {memory_mb:.0f} MB "
        f"(limit {LIMIT_MB:.0f}), {queries['metrics']:,} metrics, {queries['log_queries']} queries "
        f"of logs, ${queries['usd']:.2f}"
    )
    assert len(document["functions"]) == COUNT
    assert queries["metrics"] == COUNT * 9 and queries["log_queries"] == COUNT / 50
    assert cpu_s < LIMIT_S and memory_mb < LIMIT_MB
