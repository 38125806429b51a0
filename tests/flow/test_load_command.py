"""``tuner load`` end to end: on recordings in virtual time, and on the local Lambda."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from tuner.api.load import run_load
from tuner.api.results import LoadResult
from tuner.engine.engine import Shortfall
from tuner.engine.replay_engine import ReplayEngine
from tuner.experiment.experiment import Silent
from tuner.options.load_options import LoadOptions
from tuner.records import RunState, Sample
from tuner.store.runs import Store

#: The keys that scripts rely on.
CONTRACT = {
    *("schema", "run", "target", "seed", "asked_rps", "achieved_rps", "seconds", "calls"),
    *("dropped", "attempts", "outcomes", "throttles", "latency_ms", "service_ms", "lag_ms"),
    *("duration_ms", "cold_starts", "concurrency", "retries", "timeline", "cost_usd", "slo"),
    *("warnings", "report"),
}


@pytest.fixture(autouse=True)
def _recording() -> None:
    """Nine calls of ten are answered, one is throttled."""
    rows = ["memory_mb,duration_ms,billed_ms,status"]
    rows += [f"512,{100 + n},{100 + n},ok" for n in range(9)] + ["512,,,throttled"]
    Path("rec.csv").write_text("\n".join(rows))


def loaded(tuner: Run, *words: str, code: int = 0) -> dict[str, Any]:
    """The document of a load of the recording."""
    got, out, err = tuner("load", "replay:rec.csv", "--seed", "4", "--json", "-", *words)
    assert got == code, err
    document: dict[str, Any] = json.loads(out)
    return document


def test_an_open_load_of_a_recording_tells_everything_of_the_contract(tuner: Run) -> None:
    told = loaded(tuner, "--rate", "50", "--duration", "10s")
    assert set(told) >= CONTRACT
    assert (told["schema"], told["calls"], told["asked_rps"]) == ("tuner.load/1", 500, 50.0)
    assert told["achieved_rps"] == pytest.approx(50, rel=0.01)
    assert sum(told["outcomes"].values()) == 500
    assert 20 <= told["outcomes"]["throttled"] <= 90
    assert set(told["latency_ms"]) == {"p50", "p90", "p95", "p99", "p99.9", "max", "mean"}
    assert told["duration_ms"]["max"] == pytest.approx(108, rel=2e-3)
    assert told["concurrency"]["little"] == pytest.approx(50 * 0.9 * 0.104, rel=0.1)
    assert [row["second"] for row in told["timeline"]] == list(range(len(told["timeline"])))
    assert sum(row["asked"] for row in told["timeline"]) == 500
    assert told["cost_usd"] > 0
    assert "asked: 50/s" in Path(told["report"]).read_text(encoding="utf-8")
    assert loaded(tuner, "--rate", "50", "--duration", "10s")["timeline"] == told["timeline"]


def test_a_rate_too_low_for_the_time_is_still_the_one_that_was_asked_for(tuner: Run) -> None:
    told = loaded(tuner, "--rate", "1/h", "--duration", "3s", "--arrival", "constant")
    assert told["asked_rps"] == pytest.approx(1 / 3600)
    assert "asked: 1/h" in Path(told["report"]).read_text(encoding="utf-8")


def test_users_of_a_closed_load_keep_their_concurrency(tuner: Run) -> None:
    told = loaded(tuner, "--users", "6", "--duration", "5s")
    assert told["asked_rps"] is None
    assert told["concurrency"]["max"] <= 6
    assert told["calls"] == pytest.approx(6 * 5 / (0.9 * 0.104), rel=0.15)


def test_objectives_decide_the_exit_code(tuner: Run) -> None:
    base = ("--rate", "20", "--duration", "5s", "--slo", "p95<1s")
    assert [each["met"] for each in loaded(tuner, *base)["slo"]] == [True]
    told = loaded(tuner, *base, "--slo", "throttles<1%", code=99)
    assert [each["met"] for each in told["slo"]] == [True, False]


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (("--stop-on", "throttles>3%"), "stopped on throttles>3%: "),
        (("--max-cost", "0.00005"), "the limit of $0.000050 is reached"),
    ],
)
def test_a_load_that_is_cut_short_says_why_and_ends_with_3(
    tuner: Run, words: tuple[str, ...], note: str
) -> None:
    told = loaded(tuner, "--rate", "20", "--duration", "10m", *words, code=3)
    assert told["note"].startswith(note)
    assert told["state"] == "partial"
    assert told["calls"] < 12_000
    assert told["seconds"] < 300


def test_a_profile_is_scaled_and_brings_its_event(tuner: Run) -> None:
    told = loaded(tuner, "--profile-load", "spike", "--rate", "40", "--duration", "14s")
    assert max(row["asked"] for row in told["timeline"]) == pytest.approx(40, abs=20)
    assert told["load"]["profile"] == "spike"
    assert loaded(tuner, "--profile-load", "stream-like", "--duration", "2s")["calls"] > 20


def test_what_was_measured_and_said_is_stored(tuner: Run) -> None:
    told = loaded(tuner, "--rate", "20", "--duration", "5s")
    with Store.open(create=False) as store:
        run = store.run("last", "load")
        assert (run.run, run.state.value, run.options["rate"]) == (told["run"], "done", "20")
        assert len(store.samples(run.run)) == told["attempts"]
        kept = store.document(run.run, "load")
    assert kept is not None
    assert kept["latency_ms"] == told["latency_ms"]


def test_a_stored_load_is_shown_and_reported_again_as_it_was(tuner: Run) -> None:
    told = loaded(tuner, "--rate", "20", "--duration", "5s")
    code, out, err = tuner("report", "last", "--output", "again", "--json", "again.json")
    assert code == 0, err
    assert out.startswith("Report: again/rec.csv-")
    again = json.loads(Path("again.json").read_text())
    assert {**again, "report": None} == {**told, "report": None}
    code, out, _ = tuner("runs", "show", told["run"][:12])
    assert (code, "succeeded" in out) == (0, True)
    assert tuner("runs", "export", told["run"], "load.jsonl.gz")[0] == 0
    assert tuner("report", "load.jsonl.gz", "--output", "third")[0] == 0


@pytest.mark.slow
def test_the_limit_of_a_function_is_found_and_agrees_with_its_concurrency(
    tuner: Run, new_function: Any, lambda_client: Any, local_lambda_url: str
) -> None:
    name = new_function("import time\ndef handler(e, c): time.sleep(0.05)")
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "-")
    load = ("--find-limit", "--rate", "10", "--duration", "1s", "--arrival", "constant")
    code, out, err = tuner("load", name, *load, "--slo", "throttles<20%", *place)
    assert code == 0, err
    told = json.loads(out)
    limit = told["limit"]
    # One sandbox, 50 ms a call: 20 calls a second at the very most, evenly spaced.
    assert 5 <= limit["best_rps"] < limit["fails_at_rps"] <= 40
    # What a busy machine fails at again, after it passed, leaves a wider gap.
    gap = limit["fails_at_rps"] / limit["best_rps"]
    assert any(gap == pytest.approx(2**each) for each in (1 / 8, 1 / 4, 1 / 2))
    rates = [step["rps"] for step in limit["steps"]]
    assert limit["best_rps"] in rates
    assert told["asked_rps"] == pytest.approx(limit["best_rps"], rel=0.1)
    assert [each["met"] for each in told["slo"]] == [True]
    with Store.open(create=False) as store:
        calls = [s.call for s in store.samples(told["run"]) if s.attempt == 1]
    assert len(calls) == len(set(calls)) > told["calls"]


def test_a_search_that_runs_out_of_connections_blames_nothing_else(tuner: Run) -> None:
    words = ("--find-limit", "--rate", "100", "--max-concurrency", "1", "--slo")
    told = loaded(tuner, *words, "client_p95<400ms", code=3)
    limit = told["limit"]
    assert (limit["best_rps"], limit["fails_at_rps"], limit["generator"]) == (None, None, True)
    assert {"concurrency-limit", "limit-not-reached"} <= {each["code"] for each in told["warnings"]}
    assert (limit["found"], limit["lacking"]) == (False, "connections")
    shown = tuner("runs", "show", "last")[1].splitlines()
    assert shown[0] == "Partial data: no limit was found, as all connections were in use"
    assert shown[1].startswith("No limit found: ")
    kept = loaded(tuner, *words, "throttles<90%", code=3)["limit"]
    assert (kept["best_rps"], kept["generator"]) == (None, True)
    few = ("--find-limit", "--rate", "5", "--max-concurrency", "2", "--slo", "throttles<90%")
    assert loaded(tuner, *few, code=3)["limit"]["best_rps"] >= 5.0
    assert "/s, no limit found" in tuner("runs", "show", "last")[1]
    slow = loaded(tuner, *words, "client_p95<1ms", code=99)["limit"]
    assert (slow["fails_at_rps"], slow["generator"]) == (100.0, False)
    assert (slow["found"], slow["lacking"]) == (True, None)


def test_a_miss_while_the_machine_has_no_cpu_left_is_not_the_function_s(
    tuner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Shortfall(looks=2, crowded=2)
    monkeypatch.setattr(ReplayEngine, "shortfall", lambda _engine: busy)
    search = ("--find-limit", "--rate", "5", "--slo")
    limit = loaded(tuner, *search, "client_p95<1ms", code=3)["limit"]
    assert (limit["found"], limit["lacking"]) == (False, "cpu")
    assert loaded(tuner, *search, "p95<1ms", code=99)["limit"]["found"]  # timed by the function


def test_a_search_that_fails_at_once_says_to_begin_lower(tuner: Run) -> None:
    told = loaded(tuner, "--find-limit", "--rate", "50", code=99)
    assert told["limit"]["best_rps"] is None
    assert "limit-below" in [warning["code"] for warning in told["warnings"]]
    free = loaded(tuner, "--find-limit", "--slo", "client_p95<1s", "--max-cost", "0.01", code=3)
    assert free["limit"]["best_rps"] >= 16
    assert "limit-not-reached" in [warning["code"] for warning in free["warnings"]]
    code, out, _ = tuner("runs", "show", "last")
    assert (code, out.startswith("Partial data")) == (0, True)
    assert "Sustains" in out


class Impatient(Silent):
    """Asks to stop after so many samples, as Ctrl-C does."""

    def __init__(self, after: int = 10) -> None:
        self.count, self.after = 0, after

    def sampled(self, sample: Sample) -> None:
        self.count += 1

    def stop(self) -> bool:
        return self.count >= self.after


def test_a_load_that_is_interrupted_drains_and_reports_what_there_is(tuner: Run) -> None:
    options = LoadOptions("replay:rec.csv", seed=4, rate="50", duration="10m")
    result = run_load(options, None, Impatient())
    assert result.run.state is RunState.INTERRUPTED
    assert LoadResult(result).exit_code == 130
    assert 10 <= result.figures.calls < 30
    assert result.figures.dropped == {}
    assert result.figures.asked_rps == pytest.approx(50, rel=0.3)
    assert tuner("report", "last")[0] == 0


@pytest.mark.parametrize("find_limit", [False, True])
def test_a_load_that_is_stopped_before_its_first_call_is_an_empty_one(
    tuner: Run, find_limit: bool
) -> None:
    rate = None if find_limit else "50"
    options = LoadOptions("replay:rec.csv", seed=4, rate=rate, find_limit=find_limit)
    result = run_load(options, None, Impatient(after=0))
    assert result.run.state is RunState.INTERRUPTED
    assert LoadResult(result).exit_code == 130
    assert result.figures.calls == 0
    assert tuner("report", "last")[0] == 0


@pytest.mark.slow
def test_several_workers_send_the_load_together(
    tuner: Run, new_function: Any, local_lambda_url: str
) -> None:
    name = new_function("def handler(e, c): pass")
    place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "-")
    load = ("--rate", "40", "--duration", "1s", "--workers", "2")
    code, out, err = tuner("load", name, *load, *place)
    assert code == 0, err
    told = json.loads(out)
    assert (told["calls"], told["outcomes"]["ok"]) == (40, 40)


def test_the_terminal_leads_with_the_answer(tuner: Run) -> None:
    code, out, _ = tuner("load", "replay:rec.csv", "--rate", "20", "--duration", "5s")
    assert code == 0
    assert "succeeded" in out.splitlines()[0]
    assert "Latency, since due" in out
    assert out.splitlines()[-1].startswith("Report: reports/rec.csv-")
    _, quiet, _ = tuner("load", "replay:rec.csv", "--rate", "20", "--duration", "5s", "--quiet")
    assert len(quiet.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--rate 50 (open model)"),
        (("--rate", "5", "--users", "3"), "cannot have --users and --rate"),
        (("--rate", "0"), "has to be above zero"),
        (("--rate", "1000000000"), "is above 100,000/s"),
        (("--rate", "5", "--think", "1s"), "Give it with --users"),
        (("--users", "5", "--arrival", "poisson"), "is for an open model"),
        (("--rate", "5", "--retry", "often"), "none, backoff, decorrelated or adaptive"),
        (("--rate", "5", "--stop-on", "p95>3s"), "'errors>5%'"),
        (("--find-limit", "--users", "3"), "Leave --users"),
        (("--rate", "5", "--workers", "0"), "leaves no process to send"),
        (("--rate", "5", "--bind", "here:1"), "is for --expect-workers"),
        (("--rate", "5", "--secret-file", "s.txt"), "is for --expect-workers"),
        (("--rate", "5", "--expect-workers", "1"), "openssl rand -hex 32"),
        (("--rate", "5", "--expect-workers", "1", "--secret-file", "no"), "--secret-file no"),
        (
            ("--rate", "5", "--expect-workers", "1", "--bind", "here"),
            "not of the form HOST:PORT",
        ),
        (("--rate", "5", "--memory", "128,256"), "is not one size"),
        (("--profile-load", "none-such"), "throttle-probe"),
        (("--profile-load", "stream-like", "--rate", "5"), "Leave --rate out"),
        (("--rate", "5", "--event", "s3", "--payload", "1"), "cannot go with --payload"),
        (("--rate", "5", "--mode", "async"), "a recording has no queue of events"),
        (("--profile-load", "async-drain"), "a recording has no queue of events"),
        (("--rate", "5", "--mode", "later"), "sync or async"),
        (("--rate", "5", "--drain", "1m"), "Give it with --mode async"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused_in_two_lines(
    tuner: Run, words: tuple[str, ...], says: str
) -> None:
    code, _, err = tuner("load", "replay:rec.csv", *words)
    assert says in err
    assert len(err.splitlines()) <= 2
    assert code in (1, 2)


def test_throttled_calls_are_sent_again_and_the_function_is_left_as_it_was(
    tuner: Run, new_function: Any, lambda_client: Any, local_lambda_url: str
) -> None:
    name = new_function("import time\ndef handler(e, c): time.sleep(0.1)")
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    before = lambda_client.get_function_configuration(FunctionName=name)
    words = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "-")
    load = ("--rate", "20", "--duration", "2s", "--retry", "decorrelated")
    code, out, err = tuner("load", name, *load, *words)
    assert code == 0, err
    told = json.loads(out)
    assert told["calls"] == 40
    assert told["attempts"] > 40
    assert set(told["throttles"]) == {"ReservedFunctionConcurrentInvocationLimitExceeded"}
    assert told["retries"]["amplification"] == told["attempts"] / 40
    assert told["retries"]["backoff_ms"]["p50"] > 50
    # A sandbox may take the next call before the caller has read the last answer.
    assert told["concurrency"]["max"] <= 2
    after = lambda_client.get_function_configuration(FunctionName=name)
    assert after["RevisionId"] == before["RevisionId"]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_beside_a_handler_are_not_taken_for_modules_of_ours(tuner: Run, workers: str) -> None:
    pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
    Path("app.py").write_text("def handler(event, context):\n    return 1\n")
    for name in ("http", "queue", "email", "types", "locust", "msgpack"):
        Path(f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    load = ("--rate", "5", "--duration", "1s", "--workers", workers, "--yes", "--json", "-")
    code, out, err = tuner("load", "local:app.py", *load)
    assert code == 0, err
    assert json.loads(out)["outcomes"]["ok"] == 5


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("load", "--users", "500"), "--users 500"),
        (("load", "--rate", "9", "--max-concurrency", "500"), "--max-concurrency 500"),
        (("sweep", "--rate", "9", "--max-concurrency", "500"), "--max-concurrency 500"),
    ],
)
def test_too_few_open_files_are_told_before_the_load(words: tuple[str, ...], what: str) -> None:
    command, *options = words
    tuner = shlex.join([sys.executable, "-m", "tuner", command, "demo:io", *options])
    ended = subprocess.run(
        ["sh", "-c", f"ulimit -n 256; {tuner}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"tuner: {what}: takes 564 open files in each process, and 256 are allowed",
        "Run `ulimit -n 564` first, or use more --workers.",
    ]
