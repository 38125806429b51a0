"""``tuner forecast``: from given times and from stored runs, for people and as a document."""

import json
from pathlib import Path

import pytest

from support.commands import Run

GIVEN = ("--memory", "512", "--expect", "200ms", "--init", "1s", "--seed", "1")


def test_given_times_are_enough_and_nothing_is_asked(tuner: Run) -> None:
    code, out, err = tuner("forecast", "orders", "--traffic", "50rps", *GIVEN, "--json", "f.json")
    assert code == 0, err
    assert "concurrent calls at the peak" in out
    document = json.loads(Path("f.json").read_text())
    assert document["schema"] == "tuner.forecast/1"
    assert document["concurrency"]["mean"] == pytest.approx(10.0, rel=0.05)
    assert document["calls"] == document["warm"] + document["cold"]
    assert len(document["timeline"]) == 300
    assert document["bill"]["total_usd"] > 0.0
    assert {each["name"] for each in document["remedies"]} >= {"reserved concurrency"}


def test_a_flash_crowd_beyond_the_limit_says_what_to_ask_for(tuner: Run) -> None:
    words = ("--traffic", "100rps", "--flash", "20", "--account-concurrency", "100")
    _, out, _ = tuner(
        "forecast", "orders", *words, *GIVEN, "--output", "pages", "--duration", "20m"
    )
    assert "throttled (account concurrency" in out
    assert "L-B99A9384" in out
    page = next(Path("pages").glob("*.html")).read_text()
    assert "Request for a higher limit" in page


@pytest.mark.parametrize(
    "words", [("--times", "1e300"), ("--flash", "1e9"), ("--duration", "9e9d")]
)
def test_a_traffic_beyond_all_bounds_is_refused(tuner: Run, words: tuple[str, str]) -> None:
    code, _, err = tuner("forecast", "orders", "--traffic", "20rps", *GIVEN, *words)
    assert code == 2 and "above" in err


def test_a_stored_run_and_its_target_have_their_own_times(tuner: Run) -> None:
    rows = [f"{mb},{60_000 / mb + n},0" for mb in (128, 512) for n in range(8)]
    rows += [f"{mb},{60_000 / mb},300" for mb in (128, 512)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms,init_ms", *rows]))
    assert tuner("sweep", "replay:rec.csv", "--seed", "1")[0] == 0
    Path("day.csv").write_text("per_minute\n" + "600\n1200\n600\n")
    for ref in ("last", "replay:rec.csv"):
        _, out, _ = tuner(
            "forecast", ref, "--traffic", "day.csv", "--times", "10", "--memory", "512",
            "--json", "-", "--seed", "1",
        )  # fmt: skip
        document = json.loads(out)
        assert document["calls"] == pytest.approx(24_000, rel=0.02)
        assert document["wait_ms"]["p50"] == pytest.approx(121.0, abs=3.0)
        assert "10 times" in document["traffic"]
    code, _, err = tuner("forecast", "last", "--traffic", "1rps", "--memory", "256")
    assert code == 2
    assert "128 MB, 512 MB" in err


def test_a_sweep_is_forecast_at_its_pick_and_what_it_did_not_measure_is_said(tuner: Run) -> None:
    rows = [f"{mb},{ms + n},0" for mb, ms in ((128, 400), (256, 150)) for n in range(12)]
    rows += [f"256,{300 + n},{500 + n}" for n in range(3)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms,init_ms", *rows]))
    grid = ("--method", "grid", "--samples", "10", "--seed", "1")
    assert tuner("sweep", "replay:rec.csv", *grid)[0] == 0
    words = ("--duration", "5m", "--flash", "3", "--flash-for", "1m", "--seed", "1")
    limit = ("--account-concurrency", "250")
    _, out, _ = tuner("forecast", "last", "--traffic", "400rps", *words, *limit, "--json", "f.json")
    document = json.loads(Path("f.json").read_text())
    assert (document["memory_mb"], document["memory_from"]) == (256, "as the run recommends")
    assert "Memory: 256 MB (as the run recommends)" in out
    assert "% of the limit" in out
    assert document["wait_ms"]["p90"] is not None
    assert document["wait_ms"]["p95"] is document["wait_ms"]["p99"] is None
    assert f"{document['warm_calls']} warm calls were measured" in out
    assert "p95 of the waits needs 20, and those above it more" in out
    assert "if each 5 min of it is like this, with its flash crowd" in out
    assert "No cold start was measured at 128 MB. Assumed: cold starts as at 256 MB" in out
    counts = {each["name"]: each["count"] for each in document["remedies"]}
    assert f"provisioned concurrency: {counts['provisioned concurrency']}" in out
    assert counts["128 MB"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("orders",), "needs a traffic"),
        (("orders", "--traffic", "1rps"), "is no stored run"),
        (("orders", "--traffic", "1rps", "--expect", "1s"), "needs --memory"),
        (("orders", "--traffic", "1rps", "--times", "0", *GIVEN), "factors above 0"),
        (("orders", "--traffic", "1rps", "--provisioned", "5000", *GIVEN), "more than"),
    ],
)
def test_what_is_missing_is_named_with_the_next_step(
    tuner: Run, words: tuple[str, ...], said: str
) -> None:
    code, _, err = tuner("forecast", *words)
    assert code == 2
    assert said in err
