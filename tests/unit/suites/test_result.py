"""What a bench run ends with, and the document that every output is made from."""

import json
from dataclasses import replace

import numpy as np
import pytest

from support.factories import a_function, a_run
from tuner.errors import UsageError
from tuner.model.comparison import Counted, Measured
from tuner.records import Backend, RunRecord
from tuner.suites.baseline import OPTION, differences, refuse_unlike
from tuner.suites.document import bench_document, compare_document
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import Rules, Verdict
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseSpend,
    CaseState,
    CompareResult,
    Design,
    Origin,
    SideOf,
    SizeResult,
)
from tuner.suites.side import Pair, Side
from tuner.suites.verdict import confirmed, judge

FACTS = a_function(backend=Backend.LOCAL, platform={"cpu_method": "cgroup-v1"})
RUN = a_run(
    command="case",
    target="local:src",
    options={OPTION: {"payload": "sha256:1234567890", "engine": "1"}},
    facts=FACTS,
)


def side(level: float) -> Side:
    values = level * np.exp(0.05 * np.random.default_rng(int(level)).standard_normal(200))
    return Side(duration_ms=Measured.of(values), errors=Counted(0, 200))


def size(after: float) -> SizeResult:
    pair = Pair(side(100.0), side(after))
    return SizeResult(512, (judge(parse_gate("p50 +10%"), pair, Rules()),))


def case(after: float = 100.0, state: CaseState = CaseState.JUDGED) -> CaseResult:
    here = SideOf("git:abc", RUN, "abc")
    sizes = (size(after),) if state is CaseState.JUDGED else ()
    return CaseResult(
        "checkout", "local:src", state, Design.INTERLEAVED, ("fast",),
        None if sizes else "it is gone", here, here, None, (), sizes, CaseSpend(400, 0.01, 3.0),
    )  # fmt: skip


def bench(*cases: CaseResult, **changes: object) -> BenchResult:
    made = BenchResult("01B", "nightly", None, Origin("main", "abc"), 1, 10.0, 20.0, cases)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_regression_ends_with_99_unless_it_only_warns() -> None:
    assert bench(case(), case(130.0)).exit_code == 99
    assert bench(case(), case(130.0), warn_only=True).exit_code == 0
    assert bench(case(), case()).exit_code == 0


def test_a_failed_case_beside_others_is_partial_and_alone_a_failure() -> None:
    gone = case(state=CaseState.FAILED)
    assert bench(case(), gone).exit_code == 3
    assert bench(gone).exit_code == 1
    assert bench(case(130.0), gone).exit_code == 99
    assert bench(case(130.0), gone, warn_only=True).exit_code == 3
    assert bench(case(), case(state=CaseState.REFUSED)).exit_code == 3
    assert bench(case(), interrupted=True).exit_code == 130


def test_the_verdict_is_the_most_serious_one() -> None:
    assert bench(case(), case(130.0)).verdict is Verdict.REGRESSED
    assert bench(case()).verdict is Verdict.SAME
    assert bench(case(state=CaseState.FAILED)).verdict is None


def test_the_document_is_json_and_says_what_was_judged() -> None:
    document = json.loads(json.dumps(bench_document(bench(case(130.0))), allow_nan=False))
    assert document["schema"] == "tuner.bench/1"
    assert document["verdict"] == "regressed" and document["exit_code"] == 99
    (told,) = document["cases"]
    (gate,) = told["sizes"][0]["gates"]
    assert gate["gate"] == "p50 +10%" and gate["verdict"] == "regressed"
    assert 1.2 < gate["low"] < gate["ratio"] < gate["high"] < 1.4
    assert told["after"]["configuration"]["cpu"] == "cgroup-v1"
    assert document["spend"] == {"invocations": 400, "cost_usd": 0.01, "seconds": 10.0}


def test_a_comparison_fails_only_on_gates_that_were_asked_for() -> None:
    here = SideOf("A", RUN)
    found = CompareResult(here, here, False, (size(130.0),))
    assert found.exit_code == 0
    assert replace(found, gated=True).exit_code == 99
    assert compare_document(found)["schema"] == "tuner.compare/1"
    assert replace(found, sizes=(size(100.0),), gated=True).exit_code == 0


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(RUN, facts=replace(FACTS, region="eu-west-1")), "region us-east-1 and eu-west-1"),
        (replace(RUN, facts=replace(FACTS, arch="arm64")), "architecture x86_64 and arm64"),
        (replace(RUN, facts=replace(FACTS, backend=Backend.AWS)), "target kind local and aws"),
        (replace(RUN, facts=replace(FACTS, runtime="nodejs22.x")), "runtime"),
        (
            replace(RUN, facts=replace(FACTS, platform={"cpu_method": "duty-cycle"})),
            "CPU method cgroup-v1 and duty-cycle",
        ),
        (replace(RUN, options={OPTION: {"payload": "sha256:2", "engine": "1"}}), "payload"),
        (
            replace(RUN, options={OPTION: {"payload": "sha256:1234567890", "engine": "0"}}),
            "load engine 1 and 0",
        ),
    ],
)
def test_runs_of_another_kind_are_refused_by_name(other: RunRecord, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        refuse_unlike(RUN, other)


def test_what_is_not_known_of_an_older_run_is_no_difference() -> None:
    assert differences(RUN, replace(RUN, options={})) == []
    both = replace(RUN, options={}, facts=replace(FACTS, region="x", arch="y"))
    assert len(differences(RUN, both)) == 2


def test_what_a_fresh_run_does_not_show_again_does_not_count() -> None:
    slow, same = size(130.0).judgements, size(100.0).judgements
    assert SizeResult(512, confirmed(slow, slow), slow).verdict is Verdict.REGRESSED
    assert SizeResult(512, confirmed(slow, same), slow).verdict is Verdict.SAME
    assert confirmed(same, ()) == same
