"""Commands on stored runs: recommend, report, runs; each in a fresh working directory."""

import json
from pathlib import Path

import pytest

from support.commands import Run
from tuner.units import format_ms


@pytest.fixture
def swept(tuner: Run, tmp_path: Path) -> str:
    """A stored run of a function that costs least at 256 MB; its id."""
    lines = ["memory_mb,duration_ms,init_ms"]
    for size, base in ((128, 900.0), (256, 400.0), (512, 210.0), (1024, 130.0)):
        lines += [f"{size},{base + wobble}," for wobble in (-2, -1, 0, 1, 2)]
        lines += [f"{size},{base * 1.2},150"]
    (tmp_path / "rec.csv").write_text("\n".join(lines))
    code, out, err = tuner(
        "sweep", "replay:rec.csv", "--memory", "recorded", "--seed", "3", "--json", "-"
    )
    assert code == 0, err
    result = json.loads(out)
    assert result["recommendation"]["memory_mb"] == 256
    assert any(size["cold"]["n"] for size in result["sizes"])
    return str(result["run"])


def test_recommend_with_another_strategy_invokes_nothing_and_chooses_again(
    tuner: Run, swept: str
) -> None:
    code, out, _ = tuner("recommend", swept[:12], "--strategy", "speed", "--json", "-")
    result = json.loads(out)
    assert (code, result["recommendation"]["memory_mb"]) == (0, 1024)
    assert result["run"] == swept


def test_prices_of_another_architecture_come_with_a_doubt_about_durations(
    tuner: Run, swept: str
) -> None:
    _, before, _ = tuner("recommend", "last", "--json", "-")
    _, after, _ = tuner("recommend", "last", "--arch", "arm64", "--json", "-")
    x86, arm = json.loads(before), json.loads(after)
    cost = [r["recommendation"]["cost_usd_per_million"]["mean"] for r in (x86, arm)]
    assert cost[1] < cost[0]
    assert "other-arch" in [w["code"] for w in arm["warnings"]]


def test_report_writes_the_page_again(tuner: Run, swept: str, tmp_path: Path) -> None:
    code, out, _ = tuner("report", "last", "--output", "again")
    page = tmp_path / out.splitlines()[-1].removeprefix("Report: ")
    assert (code, page.parent.name) == (0, "again")
    assert swept in page.read_text()


def test_a_run_survives_export_delete_and_import(tuner: Run, swept: str) -> None:
    assert tuner("runs", "export", swept, "run.jsonl.gz")[0] == 0
    _, direct, _ = tuner("recommend", "run.jsonl.gz", "--json", "-")
    assert tuner("runs", "delete", swept, "--yes")[0] == 0
    assert tuner("recommend", swept, "--json", "-")[0] == 1
    assert tuner("runs", "import", "run.jsonl.gz")[0] == 0
    _, again, _ = tuner("recommend", "last", "--json", "-")
    assert json.loads(again)["recommendation"] == json.loads(direct)["recommendation"]


def test_runs_lists_what_is_stored(tuner: Run, swept: str) -> None:
    code, out, _ = tuner("runs")
    assert code == 0
    assert swept in out
    assert "replay:rec.csv" in out


MEASURED = "duration of all measured calls"


def test_traffic_gives_the_bill_of_a_month_with_measured_cold_starts(
    tuner: Run, swept: str
) -> None:
    _, out, _ = tuner("recommend", "last", "--traffic", "0.01rps", "--json", "-")
    month, sizes = json.loads(out)["monthly"], json.loads(out)["sizes"]
    assert month["calls"] == pytest.approx(26_280)
    each = [s[kind] for s in sizes for kind in ("warm", "cold") if s[kind]["n"]]
    took = sum(calls["n"] * calls["duration_ms"]["mean"] for calls in each)
    mean = format_ms(took / sum(calls["n"] for calls in each))
    derived = f"derived from the traffic, an idle timeout of 320 s and the mean {MEASURED} ({mean})"
    assert month["cold_share_from"] == derived
    assert 0.03 < month["cold_share"] < 0.06
    assert month["sizes"][0]["memory_mb"] == 256
    assert month["sizes"][0]["init_usd"] > 0
    assert month["sizes"][0]["other_arch_usd"] < month["sizes"][0]["total_usd"]
    _, out, _ = tuner("recommend", "last", "--traffic", "20rps", "--cold-share", "2%")
    assert "Cost per month by memory size" in out
    assert "Cold starts: 2 % (given)" in out
    _, out, _ = tuner("recommend", "last", "--json", "-")
    assert json.loads(out)["monthly"] is None


def test_a_recordings_own_cold_share_is_used_when_it_is_asked_for(tuner: Run, swept: str) -> None:
    words = ("--traffic", "1rps", "--cold-share", "recorded", "--json", "-")
    month = json.loads(tuner("recommend", "last", *words)[1])["monthly"]
    assert month["cold_share"] == pytest.approx(4 / 24)
    assert month["cold_share_from"] == "recorded: 4 of 24 calls"


def test_a_traffic_file_counts_for_a_sweep_and_its_loss_is_told(tuner: Run, swept: str) -> None:
    Path("calls.csv").write_text("per_minute\n" + "60\n" * 90)
    words = ("--memory", "recorded", "--seed", "3", "--traffic", "calls.csv", "--json", "-")
    swept_again = json.loads(tuner("sweep", "replay:rec.csv", *words)[1])
    assert swept_again["monthly"]["calls"] == pytest.approx(730 * 3600)
    assert swept_again["monthly"]["traffic"] == "1/s on average over 1 h 30 min"
    Path("calls.csv").unlink()
    again = json.loads(tuner("recommend", "last", "--json", "-")[1])
    assert again["monthly"] is None
    assert "traffic-lost" in [warning["code"] for warning in again["warnings"]]
    code, _, err = tuner("recommend", "last", "--traffic", "calls.csv")
    assert (code, "calls.csv" in err, len(err.splitlines())) == (2, True, 2)


@pytest.mark.parametrize("width", [80, 60, 40])
def test_runs_never_cuts_an_id(
    tuner: Run, swept: str, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    assert swept in tuner("runs")[1]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("recommend", "last"), 1, "tuner sweep"),
        (("report", "01ABC"), 1, "tuner sweep"),
        (("runs", "delete", "nothing", "--yes"), 1, "tuner sweep"),
        (("runs", "import", "no-such-file"), 2, "no-such-file"),
        (("local", "--port", "99999"), 2, "0 to 65535"),
    ],
)
def test_commands_without_their_input_say_what_to_do(
    tuner: Run, words: tuple[str, ...], code: int, says: str
) -> None:
    got, _, err = tuner(*words)
    assert (got, says in err, len(err.splitlines()) <= 2) == (code, True, True), err


def test_cold_forces_cold_starts_at_each_size_and_chooses_nothing(
    tuner: Run, tmp_path: Path
) -> None:
    code, out, err = tuner(
        "cold", "demo:io", "--memory", "128,512", "--cold", "2", "--seed", "1", "--json", "-"
    )
    assert code == 0, err
    result = json.loads(out)
    assert [(s["memory_mb"], s["cold"]["n"]) for s in result["sizes"]] == [(128, 2), (512, 2)]
    assert all(s["cold"]["init_ms"]["p50"] > 0 for s in result["sizes"])
    assert result["recommendation"] is None
    _, shown, _ = tuner("runs", "show", "last")
    assert "4 cold starts at 2 sizes" in shown


def test_a_stored_run_is_shown_and_listed_as_its_sweep_said_it(tuner: Run, swept: str) -> None:
    words = ("sweep", "replay:rec.csv", "--memory", "recorded", "--seed", "5")
    code, said, _ = tuner(*words)
    assert code == 0
    _, shown, _ = tuner("runs", "show", "last")
    assert shown == "".join(line for line in said.splitlines(True) if "Report: " not in line)
    headline = said.partition(":")[0]
    assert headline.startswith("256 MB")
    _, listed, _ = tuner("runs", "list")
    assert headline in listed
    _, told, _ = tuner("recommend", "last", "--json", "-")
    assert f"{json.loads(told)['recommendation']['memory_mb']} MB" in headline


def test_runs_are_copied_to_another_store_where_commands_find_them(tuner: Run, swept: str) -> None:
    code, out, err = tuner("runs", "copy", "--to", "team.db")
    assert (code, err) == (0, "")
    assert out.startswith("Copied 1 run (")
    assert out.endswith("samples) to store team.db.\n")
    _, before, _ = tuner("recommend", swept, "--json", "-")
    assert tuner("recommend", swept, "--store", "team.db", "--json", "-")[1] == before
    again = tuner("runs", "copy", swept, "--to", "team.db")
    assert again[1] == "Copied 0 runs (0 samples) to store team.db. There already: 1 run.\n"
    code, _, err = tuner("runs", "copy", "nowhere", "--to", "team.db")
    assert (code, err.splitlines()[0]) == (1, "tuner: run nowhere: no stored run starts with this")


def test_what_speed_is_worth_decides_between_equally_cheap_sizes(
    tuner: Run, tmp_path: Path
) -> None:
    rows = ["memory_mb,duration_ms"]
    for size, ms in ((256, 400.0), (512, 200.0), (1024, 101.0)):  # 1,024 MB costs 1 % more
        rows += [f"{size},{ms}"] * 12
    file = tmp_path / "even.csv"
    file.write_text("\n".join(rows))
    words = (
        "sweep",
        f"replay:{file}",
        "--memory",
        "recorded",
        "--yes",
        "--seed",
        "1",
        "--json",
        "-",
    )
    picks = {}
    for worth in ("0", "0.05"):
        code, out, _ = tuner(*words, "--worth", worth)
        assert code == 0
        picks[worth] = json.loads(out)["recommendation"]
    assert picks["0.05"]["memory_mb"] == 1024
    assert picks["0"]["memory_mb"] < 1024
    assert picks["0.05"]["verified_calls"] >= 10
    assert set(picks["0"]["choices"]) == {"cheapest", "balanced", "fastest"}


def test_an_objective_on_cold_starts_that_were_not_measured_is_said(
    tuner: Run, tmp_path: Path
) -> None:
    file = tmp_path / "warm.csv"
    file.write_text("\n".join(["memory_mb,duration_ms", *["256,40"] * 12, *["512,30"] * 12]))
    words = (
        "sweep",
        f"replay:{file}",
        "--memory",
        "recorded",
        "--slo",
        "cold_p99<1s",
        "--json",
        "-",
    )
    _, out, _ = tuner(*words, "--slo", "cold_p99<1s")
    codes = [warning["code"] for warning in json.loads(out)["warnings"]]
    assert "cold-unmeasured" in codes


def test_a_grid_uses_the_whole_limit_of_invocations(tuner: Run, tmp_path: Path) -> None:
    file = tmp_path / "two.csv"
    file.write_text("\n".join(["memory_mb,duration_ms", *["256,40"] * 12, *["512,30"] * 12]))
    words = ("sweep", f"replay:{file}", "--method", "grid", "--memory", "recorded")
    limit = ("--samples", "20", "--invocations", "30")
    code, out, _ = tuner(*words, *limit, "--json", "-")
    result = json.loads(out)
    assert code == 3  # the limit cuts the grid
    assert result["spend"]["invocations"] == 30
