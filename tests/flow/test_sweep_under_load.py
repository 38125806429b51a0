"""``tuner sweep --profile-load``: sizes compared under load, from the words to the answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from tuner.records import Outcome, Purpose
from tuner.store.documents import LOADS
from tuner.store.runs import Store

pytestmark = pytest.mark.slow

#: Takes as long as the size lets it, without any CPU: 0.8 s at 128 MB, 0.12 s at 1,024 MB.
WAITING = """
import os, time
def handler(event, context):
    time.sleep(0.8 * (128 / int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])) ** 0.9)
"""


@pytest.fixture
def narrow(new_function: Any, lambda_client: Any, local_lambda_url: str) -> tuple[str, ...]:
    """A function that may run three times at once, and where it is."""
    name = new_function(WAITING)
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    return (name, "--endpoint-url", local_lambda_url, "--region", "eu-west-1")


GRID = ("--memory", "128,512,1024", "--method", "grid", "--samples", "2", "--cold", "0")


def test_a_size_that_throttles_under_load_gives_way_to_the_next_cheapest(
    tuner: Run, narrow: tuple[str, ...]
) -> None:
    words = ("--rate", "10", "--duration", "4s", "--slo", "throttles<40%", "--seed", "5")
    code, out, err = tuner("sweep", *narrow, *GRID, *words, "--json", "-")
    assert code == 0, err
    told = json.loads(out)
    loads = {size["memory_mb"]: size["load"] for size in told["sizes"]}
    assert {size: load["calls"] for size, load in loads.items()} == {128: 40, 512: 40, 1024: 40}
    assert [loads[size]["met"] for size in (128, 512, 1024)] == [False, True, True]
    assert loads[128]["outcomes"]["throttled"] > 16
    assert loads[128]["throttles"] == {
        "ReservedFunctionConcurrentInvocationLimitExceeded": loads[128]["outcomes"]["throttled"]
    }
    pick = told["recommendation"]
    assert (pick["memory_mb"], pick["meets_slo"], pick["slo"]) == (512, True, ["throttles<40%"])
    assert any(reason.startswith("128 MB misses throttles<40%") for reason in pick["reasons"])
    assert told["load"]["peak_rps"] == 10.0
    assert all(size["throttles"] == 0 and size["warm"]["n"] == 3 for size in told["sizes"])
    assert told["spend"]["invocations"] >= 120

    with Store.open(create=False) as store:
        samples = store.samples(told["run"])
    loaded = [s for s in samples if s.purpose is Purpose.LOAD]
    assert len(loaded) == 120
    assert len({(s.call, s.attempt) for s in samples}) == len(samples)
    assert sum(s.outcome is Outcome.THROTTLED for s in loaded) == sum(
        load["outcomes"]["throttled"] for load in loads.values()
    )

    again = json.loads(tuner("recommend", "last", "--json", "-")[1])
    assert {**again, "report": None} == {**told, "report": None}
    code, out, _ = tuner("recommend", "last", "--slo", "client_p50<150ms")
    assert code == 0
    assert "1,024 MB" in out.splitlines()[0]
    assert "512 MB misses client_p50<150ms" in out
    assert tuner("report", "last")[0] == 0
    page = next(Path("reports").glob("*.html")).read_text()
    assert "Sizes under load" in page


def test_a_resumed_run_loads_only_the_sizes_that_it_has_not_loaded(
    tuner: Run, narrow: tuple[str, ...]
) -> None:
    words = ("--rate", "10", "--duration", "1s", "--seed", "5", "--json", "-")
    first = json.loads(tuner("sweep", *narrow, *GRID, *words)[1])
    with Store.open(create=False) as store:
        loads = store.document(first["run"], LOADS)
        assert loads is not None
        assert [load["memory_mb"] for load in loads["each"]] == [128, 512, 1024]
        cut = {**loads, "each": loads["each"][:1]}
        store.save_document(first["run"], LOADS, cut)  # as after a crash in the second load
        before = len(store.samples(first["run"]))
    code, out, err = tuner("sweep", "--resume", first["run"], "--json", "-")
    assert code == 0, err
    told = json.loads(out)
    assert told["sizes"][0]["load"] == first["sizes"][0]["load"]
    assert [size["load"]["calls"] for size in told["sizes"]] == [10, 10, 10]
    with Store.open(create=False) as store:
        samples = store.samples(first["run"])
    assert sum(s.purpose is Purpose.LOAD for s in samples[before:]) == 20
    assert len({(s.call, s.attempt) for s in samples}) == len(samples)


def test_no_size_that_bears_the_load_fails_the_gate(tuner: Run, narrow: tuple[str, ...]) -> None:
    words = ("--rate", "10", "--duration", "1s", "--slo", "client_p50<1ms", "--seed", "5")
    code, out, _ = tuner("sweep", *narrow, *GRID, *words)
    assert code == 99
    assert "No size tested under load" in out


def test_a_limit_leaves_loads_out_and_says_so(tuner: Run, narrow: tuple[str, ...]) -> None:
    words = ("--rate", "10", "--duration", "1s", "--invocations", "20", "--seed", "5")
    code, out, _ = tuner("sweep", *narrow, *GRID, *words, "--json", "-")
    told = json.loads(out)
    assert code == 3
    assert told["state"] == "partial"
    assert sum(size["load"] is not None for size in told["sizes"]) < 3
    assert told["recommendation"] is not None


def test_users_of_a_closed_load_and_a_profile_of_one_s_own_do_as_well(
    tuner: Run, narrow: tuple[str, ...]
) -> None:
    Path("mine.toml").write_text(
        'about = "two users"\nusers = 2\nduration = "1s"\nslo = ["client_p99<30s"]\n'
    )
    code, out, err = tuner("sweep", *narrow, *GRID, "--profile-load", "./mine.toml", "--json", "-")
    assert code == 0, err
    told = json.loads(out)
    assert told["recommendation"]["slo"] == ["client_p99<30s"]
    assert told["load"]["users"] == 2
    assert all(size["load"]["asked_rps"] is None for size in told["sizes"])
    assert all(size["load"]["concurrency"]["max"] <= 2 for size in told["sizes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay:rec.csv", "--profile-load", "steady"), "knows neither queues nor throttles"),
        (("demo:io", "--profile-load", "async-drain"), "events, whose answers contain no duration"),
        (("demo:cpu", "--duration", "5s"), "--duration: is for a load on each size"),
        (("demo:cpu", "--max-concurrency", "5"), "--max-concurrency: is for a load"),
        (("demo:cpu", "--rate", "5000", "--duration", "1m"), "at most 100,000"),
        (("demo:cpu", "--profile-load", "steady", "--max-time", "30s"), "ends within one load"),
        (("demo:cpu", "--profile-load", "steady", "--invocations", "90"), "ends within one load"),
        (("demo:cpu", "--rate", "-1"), "--rate"),
    ],
)
def test_a_load_that_cannot_be_is_refused_before_anything_begins(
    tuner: Run, words: tuple[str, ...], said: str
) -> None:
    code, out, err = tuner("sweep", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not Path(".tuner").exists()


def test_a_plan_counts_the_loads(tuner: Run) -> None:
    base = ("demo:cpu", "--method", "grid", "--memory", "128,512", "--samples", "3", "--cold", "0")
    plain = json.loads(tuner("plan", *base, "--expect", "50ms", "--json", "-")[1])
    loaded = json.loads(
        tuner(
            *("plan", *base, "--expect", "50ms", "--json", "-"),
            *("--rate", "20", "--duration", "10s"),
        )[1]
    )
    assert plain["load"] is None
    assert loaded["load"]["sizes"] == {"low": 2, "high": 2}
    assert loaded["load"]["calls"] == {"low": 200.0, "high": 200.0}
    more = loaded["invocations"]["low"] - plain["invocations"]["low"]
    assert 400 <= more <= 410
    assert loaded["seconds"]["low"] >= plain["seconds"]["low"] + 20
    assert loaded["cost_usd"]["low"] > 20 * plain["cost_usd"]["low"]
    assert (
        "under load    2 sizes, 200 calls each"
        in tuner("plan", *base, "--rate", "20", "--duration", "10s")[1]
    )
