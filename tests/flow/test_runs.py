"""The list of runs tells each run's answer; restoring may go elsewhere."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

import tuner
from support.commands import Run
from support.receiver import receiving
from tuner.api.left import placed
from tuner.api.stored import export_run, listing
from tuner.aws.session import SessionOptions
from tuner.options.function import Account
from tuner.options.manage import RunsExport, RunsThin
from tuner.store.runs import Store
from tuner.store.tables import documents


@pytest.fixture(autouse=True)
def _recording() -> None:
    rows = [f"{mb},{60_000 / mb + n}" for mb in (128, 512) for n in range(6)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))


def test_each_run_is_listed_with_its_year_and_its_answer(tuner: Run) -> None:
    assert tuner("sweep", "replay:rec.csv", "--memory", "recorded", "--seed", "1")[0] in (0, 3)
    assert tuner("load", "replay:rec.csv", "--memory", "128", "--rate", "50")[0] == 0
    out = tuner("runs")[1]
    load, sweep = out.splitlines()[1:3]
    assert f" {datetime.now(UTC):%Y-%m-}" in sweep
    assert " sweep " in sweep and " MB " in sweep
    assert " load " in load and "50" in load


def test_a_run_without_a_kept_answer_is_answered_when_it_is_listed() -> None:
    run = tuner.sweep("replay:rec.csv", memory="recorded", seed=1, store="runs.db", output=None)
    (before,) = listing("runs.db", 5)
    with Store.open("runs.db") as store, store.connection() as connection:
        connection.execute(delete(documents).where(documents.c.name == "answer"))
        connection.commit()
    (after,) = listing("runs.db", 5)
    assert before.answer == after.answer == run.headline


def test_a_result_is_sent_to_a_collector_that_is_named_and_to_no_other(
    tuner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tuner("load", "replay:rec.csv", "--memory", "128", "--rate", "50")[0] == 0
    with receiving() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        assert tuner("runs", "export", "last", "run.prom")[0] == 0
        assert collector.posted == [], "a variable alone sends nothing"
        code, out, err = tuner(
            "runs", "export", "last", "--otlp", "env:OTEL_EXPORTER_OTLP_ENDPOINT"
        )
        assert (code, err) == (0, "")
        lines = [line for line in Path("run.prom").read_text().splitlines() if line[0] != "#"]
        assert f"Sent {len(lines)} points of " in out
        assert [each.path for each in collector.posted] == ["/v1/metrics"]
        collector.codes = [400]
        code, _, err = tuner("runs", "export", "last", "--otlp", collector.url)
        assert code == 3 and "--otlp to 127.0.0.1: was refused: HTTP 400" in err
    code, _, err = tuner("runs", "export", "last")
    assert code == 2 and "Name a FILE, or an endpoint with --otlp." in err
    code, _, err = tuner("runs", "export", "last", "kept.json.gz", "--otlp", "collector:4318")
    assert code == 2 and not Path("kept.json.gz").exists()


def test_python_exports_to_a_collector_too(tuner: Run) -> None:
    assert tuner("load", "replay:rec.csv", "--memory", "128", "--rate", "50")[0] == 0
    with receiving() as collector:
        found = export_run(RunsExport(run="last", otlp=collector.url))
        assert len(collector.posted) == 1 and found.run.encode() in collector.posted[0].body


def test_output_ending_in_md_is_markdown_of_sweeps_and_comparisons(tuner: Run) -> None:
    for seed in ("1", "2"):
        words = ("--memory", "recorded", "--seed", seed, "--output", "sweep.md")
        code, out, _ = tuner("sweep", "replay:rec.csv", *words)
        assert code in (0, 3) and "Report: sweep.md" in out
    assert Path("sweep.md").read_text().startswith("### ")
    first, second = (row.run for row in listing(None, 5))
    assert tuner("compare", first, second, "--output", "compare.md")[0] in (0, 99)
    text = Path("compare.md").read_text()
    assert "at 128 MB" in text and "| Gate | Verdict | Change | Before → after |" in text
    for words in (("report",), ("bench", "history")):
        code, _, err = tuner(*words, "--output", "index.md")
        assert code == 2 and ("Name a folder." in err or "no bench" in err), err


def test_restoring_goes_elsewhere_only_as_far_as_is_said() -> None:
    began = SessionOptions("eu-west-1", "mine", "http://127.0.0.1:1", assume_role="r")
    assert placed(began, Account()) == began
    there = placed(began, Account(region="us-east-1", endpoint_url="http://127.0.0.1:2"))
    assert there == SessionOptions("us-east-1", "mine", "http://127.0.0.1:2", assume_role="r")


def test_an_age_is_read_like_any_time() -> None:
    assert RunsThin(older_than="30d").older_than == 30 * 86_400


def test_a_seed_below_zero_is_refused_before_anything_is_stored(tuner: Run) -> None:
    code, _, err = tuner("sweep", "demo:cpu", "--seed", "-1")
    assert code == 2
    assert "--seed -1: is below 0" in err


def test_commands_that_need_a_sweep_say_which_run_last_is(tuner: Run) -> None:
    rows = [f"{mb},{50_000 / mb + n}" for mb in (256, 512) for n in range(9)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))
    assert tuner("sweep", "replay:rec.csv", "--memory", "recorded", "-q")[0] == 0
    assert "`last`" not in tuner("recommend", "last")[2]
    load = ("--memory", "512", "--rate", "9", "--duration", "1s")
    assert tuner("load", "replay:rec.csv", *load, "-q")[0] == 0
    code, _, err = tuner("recommend", "last")
    assert code == 0
    assert re.search(
        r"tuner: `last` is \w{26}, the newest sweep; the newest run, \w{26}, is a load", err
    )
    assert "the newest sweep; the newest run" in tuner("apply", "last")[2]
    assert "the newest sweep; the newest run" in tuner("sweep", "--resume", "last")[2]
