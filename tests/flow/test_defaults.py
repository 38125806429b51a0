"""`tuner.toml` gives defaults for options; what is written goes before them."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from support.commands import Run
from tuner.cli.commands import app
from tuner.cli.defaults import read_defaults
from tuner.errors import UsageError

COMMANDS: Any = typer.main.get_command(app)


@pytest.fixture(autouse=True)
def _recording() -> None:
    rows = [f"{mb},{50_000 / mb + n}" for mb in (128, 256, 512) for n in range(4)]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms", *rows]))


def sweep(tuner: Run, *words: str) -> dict[str, Any]:
    code, out, err = tuner("sweep", "replay:rec.csv", "--json", "-", *words)
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


def test_defaults_are_those_of_the_file_and_give_way_to_what_is_written(tuner: Run) -> None:
    Path("tuner.toml").write_text(
        '[defaults]\nseed = 7\nstore = "runs.db"\nslo = "p95<9s"\n'
        '[defaults.sweep]\nmemory = "128,512"\nmethod = "grid"\nno-progress = true\n'
    )
    found = sweep(tuner)
    assert found["seed"] == 7
    assert [size["memory_mb"] for size in found["sizes"]] == [128, 512]
    assert found["recommendation"]["slo"] == ["p95<9s"]
    assert sweep(tuner, "--seed", "8", "--memory", "256")["seed"] == 8
    assert Path("runs.db").exists() and not Path(".tuner").exists()
    code, out, _ = tuner("runs")  # a command within a group has them, too
    assert code == 0 and "replay:rec.csv" in out
    assert tuner("runs", "show", "last")[0] == 0


def test_every_mistake_is_told_at_once_and_help_is_shown_all_the_same(tuner: Run) -> None:
    Path("tuner.toml").write_text(
        '[defaults]\nfoo = 1\nmemory = ["128"]\n[defaults.sweep]\nbar = 2\n[defaults.swep]\n'
    )
    code, _, err = tuner("runs")
    assert code == 2
    for words in (
        "defaults: 'foo' is no option of any command",
        "defaults: memory ['128'] is no value of an option",
        "defaults.sweep: 'bar' is no option of `tuner sweep`",
        "defaults.swep: there is no such command",
    ):
        assert words in err
    assert tuner("sweep", "--help")[0] == 0


def test_a_value_that_the_option_does_not_take_ends_with_2(tuner: Run) -> None:
    Path("tuner.toml").write_text('[defaults.sweep]\nsamples = "x"\n')
    code, _, err = tuner("sweep", "replay:rec.csv")
    assert code == 2 and "--samples" in err


def test_a_file_that_is_not_toml_is_named(tuner: Run) -> None:
    Path("tuner.toml").write_text("[defaults")
    code, _, err = tuner("runs")
    assert code == 2 and "tuner.toml: is not TOML" in err


def test_nothing_can_be_agreed_to_in_advance(tuner: Run) -> None:
    Path("tuner.toml").write_text("[defaults]\nyes = true\n")
    code, _, err = tuner("runs")
    assert code == 2 and "'yes'" in err


@given(st.text(max_size=50))
def test_any_text_is_defaults_or_a_usage_error(tmp_path_factory: Any, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(f"[defaults]\n{text}", encoding="utf-8", errors="replace")
    try:
        assert set(read_defaults(COMMANDS.commands, path)) <= set(COMMANDS.commands)
    except UsageError as error:
        assert str(path) in error.thing


def test_former_spellings_in_the_file_still_work_and_disturb_no_other_command(tuner: Run) -> None:
    Path("tuner.toml").write_text(
        '[defaults]\nmethod = "grid"\nmemory = "128,512"\n'
        '[defaults.load]\nmethod = "GET"\nrate = 50\nduration = "1s"\nmemory = 128\n'
        '[defaults.report]\njson_to = "report.json"\n[defaults.schedule]\noutput = "bench.yml"\n'
    )
    assert [size["memory_mb"] for size in sweep(tuner)["sizes"]] == [128, 512]
    code, _, err = tuner("load", "replay:rec.csv")
    assert code == 2 and "tuner: --method is now --http-method\n" in err
    assert "--http-method: is for an HTTP front" in err
    assert tuner("report", "last")[0] == 0 and Path("report.json").is_file()
