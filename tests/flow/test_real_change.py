"""A real change on the local Lambda, once each way; the benchmark of this name has the rates."""

from pathlib import Path

import pytest

from tuner.options.suites import BenchCall
from tuner.suites.bench import run_bench
from tuner.suites.judgement import Verdict
from tuner.suites.suite_file import parse_suite
from tuner.suites.trial import Onlooker

pytestmark = pytest.mark.slow

HANDLER = """import hashlib


def handler(event, context):
    return hashlib.pbkdf2_hmac("sha256", b"key", b"salt", {rounds}).hex()
"""
SUITE = """[[case]]
name = "hash"
target = "local:new"
sizes = [1769]
gates = ["p50 +{gate}%"]
most = {most}
"""


@pytest.mark.parametrize(("more", "gate", "most"), [(1.15, 10, 2000), (1.0, 10, 200)])
def test_more_work_is_found_and_no_more_work_is_no_alarm(
    more: float, gate: int, most: int, tmp_path: Path
) -> None:
    pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
    for name, rounds in (("old", 60_000), ("new", round(60_000 * more))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(HANDLER.format(rounds=rounds))
    suite = parse_suite(SUITE.format(gate=gate, most=most), tmp_path / "tuner.toml")
    options = BenchCall(against="local:old", seed=1, store=str(tmp_path / "runs.db"))
    result = run_bench(suite, options, Onlooker())
    said = result.cases[0].reason or result.cases[0].sizes[0].judgements[0].sentence
    if more > 1.0:
        assert (result.verdict, result.exit_code) == (Verdict.REGRESSED, 99), said
    else:
        assert result.verdict in (Verdict.SAME, Verdict.CANNOT_TELL, Verdict.IMPROVED), said
        assert result.exit_code == 0
