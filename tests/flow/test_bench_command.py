"""`tuner bench` from suite to verdict on recordings: everything but a function that runs."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.commands import Run
from tuner.billing.cost import cost_usd
from tuner.billing.prices import prices
from tuner.store.benches import Benches
from tuner.store.runs import Store
from tuner.suites.suite import FOLDER


def record(path: Path, level_ms: float, init_ms: float = 150.0, seed: int = 1) -> None:
    """A recording at 512 MB with 4 % of noise, warm and cold."""
    random = np.random.default_rng(seed)
    lines = ["memory_mb,duration_ms,init_ms"]
    lines += [f"512,{v:.3f}," for v in level_ms * np.exp(0.04 * random.standard_normal(400))]
    cold = init_ms * np.exp(0.04 * random.standard_normal(100))
    lines += [f"512,{level_ms * 1.5:.3f},{v:.3f}" for v in cold]
    path.write_text("\n".join(lines))


def suite(folder: Path, *cases: str, head: str = "") -> None:
    tables = "\n".join(f"[[case]]\n{case}" for case in cases)
    (folder / "tuner.toml").write_text(f"[suite]\n{head}\n{tables}\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record(tmp_path / "old.csv", 100.0, seed=1)
    record(tmp_path / "same.csv", 100.0, seed=2)
    record(tmp_path / "slow.csv", 125.0, seed=3)
    suite(tmp_path, CASE)
    return tmp_path


CASE = 'name = "orders"\ntarget = "replay:old.csv"\nsizes = [512]\ngates = ["p50 +10%"]'


def bench(tuner: Run, *words: str) -> tuple[int, dict[str, Any]]:
    code, out, err = tuner("bench", "--json", "-", "--seed", "5", *words)
    assert out, err
    return code, json.loads(out)


def test_a_slower_version_regresses_and_a_fresh_run_confirms_it(tuner: Run, folder: Path) -> None:
    suite(folder, CASE.replace("old", "slow"))
    code, document = bench(tuner, "--against", "replay:old.csv")
    assert (code, document["verdict"], document["exit_code"]) == (99, "regressed", 99)
    (case,) = document["cases"]
    (gate,) = case["sizes"][0]["gates"]
    assert (gate["verdict"], gate["first_verdict"]) == ("regressed", "regressed")
    assert 1.15 < gate["ratio"] < 1.35
    assert gate["calls"]["before"] < 200  # it stopped as soon as it was clear
    assert case["design"] == "interleaved" and len(case["confirming"]) == 2
    runs = {case["before"]["run"], case["after"]["run"], *case["confirming"]}
    with Store.open(create=False) as store:
        assert {run.run for run in store.runs(command="bench")} == runs
        assert all(store.samples(run) for run in runs)


def test_the_same_version_is_no_alarm_and_warn_only_ends_well(tuner: Run, folder: Path) -> None:
    code, document = bench(tuner, "--against", "replay:same.csv")
    assert (code, document["verdict"]) == (0, "same")
    suite(folder, CASE.replace("old", "slow"))
    code, document = bench(tuner, "--against", "replay:old.csv", "--warn-only")
    assert (code, document["verdict"], document["warn_only"]) == (0, "regressed", True)


def test_a_baseline_is_accepted_and_later_runs_are_held_against_it(
    tuner: Run, folder: Path
) -> None:
    code, document = bench(tuner)
    assert (code, document["cases"][0]["state"]) == (0, "no baseline")
    code, out, err = tuner("bench", "accept", "--why", "the first one", "--branch", "main")
    assert (code, err) == (0, "") and "orders on main" in out
    suite(folder, CASE.replace("old", "same"))
    code, document = bench(tuner)
    assert code == 0 and document["cases"][0]["before"]["label"] == "baseline of main"
    record(folder / "same.csv", 160.0)
    code, document = bench(tuner, "--branch", "topic")  # has none of its own, so that of main
    (case,) = document["cases"]
    assert (code, case["design"], case["verdict"]) == (99, "baseline", "regressed")
    code, out, _ = tuner("bench", "baselines")
    assert code == 0 and "the first one" in out and case["before"]["run"] in out


def test_a_baseline_of_a_bad_moment_is_marked_and_verdicts_say_so(tuner: Run, folder: Path) -> None:
    calm = (folder / "old.csv").read_text().splitlines()
    rows = ["status", *("error" if n % 9 == 0 else "ok" for n in range(1, len(calm)))]
    bad = "\n".join(f"{line},{status}" for line, status in zip(calm, rows, strict=True))
    (folder / "old.csv").write_text(bad)
    _, document = bench(tuner)
    (mark,) = document["cases"][0]["after"]["doubts"]
    assert mark.endswith("calls failed")
    _, _, err = tuner("bench", "accept", "--branch", "main")
    assert "measured in a bad moment" in err and mark in err
    _, out, _ = tuner("bench", "baselines")
    assert mark in out
    (folder / "old.csv").write_text("\n".join(calm))
    _, document = bench(tuner)
    (case,) = document["cases"]
    assert case["before"]["doubts"] == [mark] and case["after"]["doubts"] == []
    assert [w["code"] for w in case["warnings"]].count("baseline-doubtful") == 1
    _, out, _ = tuner("bench", "--seed", "5")
    assert "measured before in a bad moment" in out and "tuner bench --full" in out


def test_a_new_acceptance_takes_the_place_of_the_old_one(tuner: Run, folder: Path) -> None:
    bench(tuner)
    tuner("bench", "accept", "--branch", "main")
    record(folder / "old.csv", 160.0)
    code, _ = bench(tuner)
    assert code == 99
    code, _, err = tuner("bench", "accept", "--branch", "main", "--why", "on purpose")
    assert code == 0 and "--full" in err  # it was clear early, so it has few calls
    code, document = bench(tuner)
    # Without a control, the drift that two runs may have is wider than the gate.
    assert (code, document["verdict"], document["undecided"]) == (0, "cannot tell", 1)
    code, out, _ = tuner("bench", "--seed", "5")
    assert code == 0 and out.startswith("Inconclusive in 1 gate")
    assert "Nothing was decided for the gate" in out.strip().splitlines()[-1]
    _, out, _ = tuner("bench", "baselines", "--all")
    assert out.count("orders") == 2


def test_accepting_needs_a_bench_and_a_case_that_there_is(tuner: Run, folder: Path) -> None:
    code, _, err = tuner("bench", "accept")
    assert code == 1 and "nothing is stored" in err
    bench(tuner)
    code, _, err = tuner("bench", "accept", "--only", "nothing")
    assert code == 2 and "There are: orders" in err


def test_a_case_whose_function_is_gone_leaves_the_rest_running(tuner: Run, folder: Path) -> None:
    gone = CASE.replace("orders", "gone").replace("old.csv", "gone.csv")
    suite(folder, gone, CASE)
    code, document = bench(tuner)
    states = {case["case"]: case["state"] for case in document["cases"]}
    assert (code, states) == (3, {"gone": "failed", "orders": "no baseline"})
    assert "gone.csv" in document["cases"][0]["reason"]
    code, document = bench(tuner, "--only", "gone")
    assert code == 1


def test_a_baseline_of_another_payload_is_refused_by_name(tuner: Run, folder: Path) -> None:
    bench(tuner)
    tuner("bench", "accept", "--branch", "main")
    suite(folder, CASE + "\npayload = '{\"a\": 1}'")
    code, document = bench(tuner)
    (case,) = document["cases"]
    assert (code, case["state"]) == (3, "refused")
    assert "payload" in case["reason"]


def test_a_baseline_whose_run_was_deleted_is_told(tuner: Run, folder: Path) -> None:
    _, document = bench(tuner)
    run = document["cases"][0]["after"]["run"]
    tuner("bench", "accept", "--branch", "main")
    assert tuner("runs", "delete", run, "--yes")[0] == 0
    code, document = bench(tuner)
    assert code == 1 and run in document["cases"][0]["reason"]


def test_objectives_are_judged_without_any_comparison(tuner: Run, folder: Path) -> None:
    suite(folder, CASE.replace('"p50 +10%"', '"p50<50ms", "p95<1s"'))
    code, document = bench(tuner)
    verdicts = {g["gate"]: g["verdict"] for g in document["cases"][0]["sizes"][0]["gates"]}
    assert verdicts == {"p50<50ms": "regressed", "p95<1s": "same"}
    assert code == 99


def test_cold_starts_are_forced_where_a_gate_asks_for_them(tuner: Run, folder: Path) -> None:
    record(folder / "heavy.csv", 100.0, init_ms=300.0, seed=4)
    suite(folder, CASE.replace("old", "heavy").replace("p50 +10%", "init +20%"))
    code, document = bench(tuner, "--against", "replay:old.csv")
    (gate,) = document["cases"][0]["sizes"][0]["gates"]
    assert (code, gate["verdict"], gate["measure"]) == (99, "regressed", "init")
    assert 1.7 < gate["ratio"] < 2.3


def test_tags_names_and_environments_choose(tuner: Run, folder: Path) -> None:
    fast = CASE.replace("orders", "fast") + '\ntags = ["pr"]'
    suite(folder, CASE, fast)
    with (folder / "tuner.toml").open("a") as file:
        file.write('[environments.slow]\ntargets = {fast = "replay:slow.csv"}\n')
    _, document = bench(tuner, "--tag", "pr", "--environment", "slow")
    assert [case["target"] for case in document["cases"]] == ["replay:slow.csv"]
    assert document["environment"] == "slow"
    for words in (("--tag", "no"), ("--only", "no"), ("--environment", "no")):
        code, _, err = tuner("bench", *words)
        assert code == 2 and "There are:" in err


def test_a_bad_suite_ends_with_2_and_every_mistake(tuner: Run, folder: Path) -> None:
    suite(folder, 'name = "a"\ntarget = "x.csv"\ngates = ["p95 +10"]', "most = 0")
    code, out, err = tuner("bench")
    assert (code, out) == (2, "")
    for words in ("tuner.toml: has", "'p95 +10'", "looks like a file", "most", "name is missing"):
        assert words in err
    (folder / "tuner.toml").unlink()
    code, _, err = tuner("bench")
    assert code == 2 and "tuner bench init" in err


def test_what_cannot_be_compared_is_said_before_anything_runs(tuner: Run, folder: Path) -> None:
    code, _, err = tuner("bench", "--against", "git:main")
    assert code == 2 and "recording" in err
    assert not (folder / ".tuner" / "runs.db").exists()


def test_a_second_run_of_a_suite_leaves_or_waits(tuner: Run, folder: Path) -> None:
    bench(tuner)  # makes the lock's file
    (lock,) = FOLDER.glob("bench-*.lock")
    held = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        suite(folder, CASE, head='overlap = "leave"')
        code, _, err = tuner("bench")
        assert code == 3 and "another run of it is still in progress" in err
        suite(folder, CASE, head='overlap = "wait"\nwait = "1s"')
        code, _, err = tuner("bench")
        assert code == 3 and "after 1 s" in err and "waiting for another run" in err
    finally:
        os.close(held)
    code, _ = bench(tuner)
    assert code == 0


def test_a_clock_that_was_set_back_is_noticed(tuner: Run, folder: Path) -> None:
    bench(tuner)
    with Store.open(create=False) as store:
        (last,) = Benches(store).all()
        from dataclasses import replace

        later = last.finished_at + 86_400
        Benches(store).save(replace(last, bench="01Z", started_at=later, finished_at=later))
    _, document = bench(tuner)
    assert [w["code"] for w in document["warnings"]] == ["clock-back"]


def test_the_terminal_says_what_regressed(tuner: Run, folder: Path) -> None:
    suite(folder, CASE.replace("old", "slow"))
    code, out, _ = tuner("bench", "--against", "replay:old.csv", "--seed", "5")
    assert code == 99
    assert "replay:slow.csv against replay:old.csv" in out
    assert "Regressed: orders at 512 MB: p50 is slower: +2" in out
    assert max(map(len, out.splitlines()[2:-1])) < 100
    code, out, _ = tuner("bench", "--against", "replay:old.csv", "--seed", "5", "-q")
    assert code == 99 and len(out.splitlines()) == 1


def test_each_side_has_a_report_of_its_own(tuner: Run, folder: Path) -> None:
    _, document = bench(tuner, "--against", "replay:same.csv")
    for side in ("before", "after"):
        code, out, err = tuner("report", document["cases"][0][side]["run"])
        assert code == 0, err
        assert "Report:" in out


def sweep(tuner: Run, file: str, *words: str) -> str:
    code, out, err = tuner(
        "sweep", f"replay:{file}", "--memory", "512", "--method", "grid", "--samples", "200",
        "--cold", "0", "--json", "-", "--seed", "1", *words,
    )  # fmt: skip
    assert code == 0, err
    return str(json.loads(out)["run"])


def test_two_sweeps_are_compared_and_fail_only_on_gates_that_were_asked_for(
    tuner: Run, folder: Path
) -> None:
    record(folder / "slow.csv", 150.0, seed=3)
    old, new = sweep(tuner, "old.csv"), sweep(tuner, "slow.csv")
    code, out, _ = tuner("compare", old, new)
    assert code == 0 and "p50 is slower: +" in out
    code, out, _ = tuner("compare", old, new, "--gate", "p50 +10%", "--json", "-")
    document = json.loads(out)
    assert (code, document["schema"], document["exit_code"]) == (99, "tuner.compare/1", 99)
    assert [g["verdict"] for g in document["sizes"][0]["gates"]] == ["regressed"]
    code, out, _ = tuner("compare", new, old, "--gate", "p50 +10%", "-q")
    assert code == 0 and "1 improved" in out and len(out.splitlines()) == 1


def test_a_run_is_compared_with_an_exported_file(tuner: Run, folder: Path) -> None:
    old, new = sweep(tuner, "old.csv"), sweep(tuner, "same.csv")
    tuner("runs", "export", old, "old.run.gz")
    code, out, err = tuner("compare", "old.run.gz", new, "--gate", "p50 +20%")
    assert (code, err) == (0, "") and "unchanged" in out


def test_runs_that_cannot_be_compared_are_refused_by_name(tuner: Run, folder: Path) -> None:
    run = sweep(tuner, "old.csv")
    other = sweep(tuner, "same.csv", "--payload", '{"a": 1}')
    code, _, err = tuner("compare", run, other)
    assert code == 2 and "they differ in payload" in err
    code, _, err = tuner("compare", run, run)
    assert code == 2 and "itself" in err
    code, _, err = tuner("compare", run, other, "--gate", "p95 10")
    assert code == 2 and "is not a gate" in err


def test_the_sides_of_a_bench_are_compared_as_called_in_turn(tuner: Run, folder: Path) -> None:
    _, document = bench(tuner, "--against", "replay:same.csv")
    case = document["cases"][0]
    sides = case["before"]["run"], case["after"]["run"]
    _, out, _ = tuner("compare", *sides, "--json", "-")
    assert json.loads(out)["interleaved"]
    _, other = bench(tuner)
    _, out, _ = tuner("compare", sides[0], other["cases"][0]["after"]["run"], "--json", "-")
    assert not json.loads(out)["interleaved"]


def test_each_size_is_judged_for_itself(tuner: Run, folder: Path) -> None:
    random = np.random.default_rng(3)
    for name, levels in (("one", (200.0, 100.0)), ("two", (200.0, 140.0))):
        lines = ["memory_mb,duration_ms"]
        for size, level in zip((256, 512), levels, strict=True):
            noise = np.exp(0.04 * random.standard_normal(300))
            lines += [f"{size},{v:.3f}" for v in level * noise]
        (folder / f"{name}.csv").write_text("\n".join(lines))
    suite(folder, CASE.replace("old", "two").replace("[512]", "[256, 512]"))
    code, document = bench(tuner, "--against", "replay:one.csv")
    verdicts = {s["memory_mb"]: s["verdict"] for s in document["cases"][0]["sizes"]}
    assert (code, verdicts) == (99, {256: "same", 512: "regressed"})
    _, again = document["cases"][0]["confirming"]
    with Store.open(create=False) as store:  # only what alarmed is measured again
        assert {sample.memory_mb for sample in store.samples(again)} == {512}


def test_a_size_that_was_not_recorded_ends_the_case_with_its_reason(
    tuner: Run, folder: Path
) -> None:
    suite(folder, CASE.replace("[512]", "[512, 1024]"), CASE.replace("orders", "other"))
    code, document = bench(tuner)
    assert code == 3
    assert "1024" in document["cases"][0]["reason"] or "1,024" in document["cases"][0]["reason"]
    assert document["cases"][1]["state"] == "no baseline"


def test_a_bench_that_cannot_be_stored_is_told_all_the_same(
    tuner: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import text

    bench(tuner)
    with Store.open(create=False) as store, store.connection(writes=True) as connection:
        connection.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON tuner_benches "
                "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        )
    code, document = bench(tuner)
    assert code == 3 and document["cases"][0]["after"]
    assert [w["code"] for w in document["warnings"]] == ["bench-not-stored"]


def test_a_baseline_of_other_sizes_is_refused_and_a_missing_size_is_named(
    tuner: Run, folder: Path
) -> None:
    bench(tuner)
    tuner("bench", "accept", "--branch", "main")
    random = np.random.default_rng(3)
    lines = ["memory_mb,duration_ms"]
    for size in (512, 1024):
        lines += [f"{size},{v:.3f}" for v in 100 * np.exp(0.04 * random.standard_normal(300))]
    (folder / "wide.csv").write_text("\n".join(lines))
    wide = CASE.replace("old", "wide")
    suite(folder, wide.replace("[512]", "[1024]"))
    code, document = bench(tuner)
    (case,) = document["cases"]
    assert (code, case["state"]) == (3, "refused")
    assert case["reason"] == "the baseline was measured at 512 MB, and not at 1,024 MB"
    suite(folder, wide.replace("[512]", "[512, 1024]"))
    code, document = bench(tuner)
    (case,) = document["cases"]
    assert (code, case["state"]) == (0, "judged")
    assert [w["code"] for w in case["warnings"]] == ["size-without-baseline"]


def test_a_clock_that_is_set_during_a_bench_is_noticed(tuner: Run, folder: Path) -> None:
    from tuner.clock import WallClock
    from tuner.options.suites import BenchCall
    from tuner.suites.bench import run_bench
    from tuner.suites.suite_file import read_suite
    from tuner.suites.trial import Onlooker

    class Set(WallClock):
        """An hour back from the second reading on."""

        readings = 0

        def wall(self) -> float:
            self.readings += 1
            return super().wall() - (3600.0 if self.readings > 1 else 0.0)

    read = read_suite()
    result = run_bench(read, BenchCall(seed=1), Onlooker(clock=Set()))
    (warning,) = result.warnings
    assert warning.code == "clock-set" and "-3600 s" in warning.text
    assert 0.0 <= result.finished_at - result.started_at < 600.0


def test_a_cost_limit_ends_the_suite_and_what_was_not_measured_is_named(
    tuner: Run, folder: Path
) -> None:
    suite(folder, CASE, CASE.replace("orders", "bills"))
    code, document = bench(tuner, "--against", "replay:same.csv", "--max-cost", "0.00002")
    assert (code, document["exit_code"], document["verdict"]) == (3, 3, None)
    orders, bills = document["cases"]
    assert (orders["state"], bills["state"]) == ("interrupted", "interrupted")
    assert orders["reason"] == "the limit of $0.000020 is reached"
    assert bills["reason"] == "not begun: the limit of $0.000020 is reached"
    with Store.open(create=False) as store:
        found = [s for run in store.runs(command="bench") for s in store.samples(run.run)]
    assert len(found) == orders["spend"]["invocations"]
    rates = prices("us-east-1", "x86_64")
    spent = sum(cost_usd(s.billed_ms or 0.0, s.memory_mb, rates) for s in found)
    assert 0.000015 < spent <= 0.00002
    code, document = bench(tuner, "--against", "replay:same.csv", "--max-cost", "1")
    assert (code, document["verdict"]) == (0, "same")


def test_a_regression_that_was_confirmed_counts_although_a_limit_ends_the_rest(
    tuner: Run, folder: Path
) -> None:
    suite(folder, CASE.replace("old", "slow"), CASE.replace("orders", "bills"))
    spent = bench(tuner, "--against", "replay:old.csv", "--only", "orders")[1]["spend"]
    limit = f"{spent['invocations'] * 1.15e-6 + 5e-6:.7f}"
    code, document = bench(tuner, "--against", "replay:old.csv", "--max-cost", limit)
    orders, bills = document["cases"]
    assert (code, orders["verdict"]) == (99, "regressed")
    assert bills["state"] == "interrupted"


def test_a_limit_that_cannot_be_read_is_refused(tuner: Run, folder: Path) -> None:
    code, _, err = tuner("bench", "--max-time", "soon")
    assert code == 2
    assert "--max-time" in err
