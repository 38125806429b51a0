"""What users of aws-lambda-power-tuning bring: its input becomes a sweep, its output a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from tuner import recommend, sweep
from tuner.cli.app import main
from tuner.errors import UsageError
from tuner.options.commands import SweepCall
from tuner.options.payloads import read_payloads
from tuner.options.sweep import stored_options, with_secrets

WEIGHTED = [{"payload": {"id": 1}, "weight": 3}, {"payload": "two", "weight": 1}]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    lines = ["memory_mb,duration_ms"]
    for size, base in ((128, 900.0), (256, 400.0), (512, 210.0), (1024, 130.0)):
        lines += [f"{size},{base + wobble}" for wobble in (-2, -1, 0, 1, 2)]
    (tmp_path / "rec.csv").write_text("\n".join(lines))
    return tmp_path


def write_input(folder: Path, **document: Any) -> str:
    (folder / "input.json").write_text(json.dumps(document))
    return "input.json"


def test_an_input_names_function_sizes_samples_and_strategy(here: Path) -> None:
    file = write_input(
        here, lambdaARN="replay:rec.csv", powerValues=[128, "512"], num=6, strategy="speed"
    )
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "--power-tuning-input", file, "--json", "out.json", "--quiet"])
    assert not ended.value.code
    result = json.loads((here / "out.json").read_text())
    assert [(size["memory_mb"], size["warm"]["n"]) for size in result["sizes"]] == [
        (128, 6),
        (512, 6),
    ]
    assert result["recommendation"]["strategy"] == "speed"


def test_what_is_written_on_the_command_line_goes_before_the_file(here: Path) -> None:
    file = write_input(here, lambdaARN="nobody", powerValues=[128], num=6, strategy="speed")
    words = ["--strategy", "cost", "--samples", "5", "--memory", "256,512"]
    with pytest.raises(SystemExit):
        main(["sweep", "replay:rec.csv", "--power-tuning-input", file, "--json", "o.json", *words])
    result = json.loads((here / "o.json").read_text())
    assert result["recommendation"]["strategy"] == "cost"
    assert [(size["memory_mb"], size["warm"]["n"]) for size in result["sizes"]] == [
        (256, 5),
        (512, 5),
    ]


def test_what_an_input_asks_for_in_vain_is_a_warning_of_the_run(here: Path) -> None:
    file = write_input(here, lambdaARN="replay:rec.csv", num=5, parallelInvocation=True)
    swept = sweep(power_tuning_input=file, output=None)
    for result in (swept, recommend("last")):
        [warning] = [w for w in result.sweep.warnings if w.code == "power-tuning-input"]
        assert "parallelInvocation" in warning.text


def test_weighted_payloads_of_an_input_are_sent_by_weight_and_stored_by_hash(here: Path) -> None:
    file = write_input(here, lambdaARN="f", payload=WEIGHTED)
    options = SweepCall.made(None, power_tuning_input=file)
    sent = read_payloads(options)
    assert [(payload.body, payload.weight) for payload in sent] == [
        (b'{"id": 1}', 3.0),
        (b'"two"', 1.0),
    ]
    kept = options.stored()
    assert str(kept["payloads"]).startswith("sha256:")
    again = with_secrets(stored_options(kept), options)
    assert read_payloads(again) == sent
    with pytest.raises(UsageError, match="--payloads"):
        with_secrets(stored_options(kept), SweepCall.made("f", payloads='[{"payload": 1}]'))


def test_a_payload_of_the_command_line_replaces_all_of_the_files(here: Path) -> None:
    file = write_input(here, lambdaARN="f", payload=WEIGHTED)
    options = SweepCall.made(None, power_tuning_input=file, payload='{"own": 1}')
    assert [payload.body for payload in read_payloads(options)] == [b'{"own": 1}']


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"num": 5}, "lambdaARN"),
        ({"lambdaARN": "f", "powerValues": [64]}, "128"),
        ({"lambdaARN": "f", "balancedWeight": 5}, "--balance"),
        ({"lambdaARN": "f", "strategy": "fast"}, "strategy"),
        ({"lambdaARN": "f", "payloadS3": "s3://b"}, "is not the URL of an object"),
    ],
)
def test_an_input_that_cannot_be_used_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], document: dict[str, Any], says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "--power-tuning-input", write_input(here, **document)])
    said = capsys.readouterr().err
    assert (ended.value.code, says in said, len(said.splitlines())) == (2, True, 2), said


def test_an_output_is_imported_as_a_run_that_can_be_asked_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stats = [
        {"value": size, "averageDuration": ms, "averagePrice": 1e-6}
        for size, ms in ((128, 900), (256, 400), (512, 210), (1024, 130))
    ]
    result = {"power": "256", "duration": 400.0, "cost": 1e-6, "stats": stats}
    (here / "output.json").write_text(json.dumps({"results": result}, indent=2))
    with pytest.raises(SystemExit) as ended:
        main(["runs", "import", "output.json"])
    assert not ended.value.code
    run = capsys.readouterr().out.split()[1]
    answer = recommend(run, strategy="speed").to_dict()
    assert answer["recommendation"]["memory_mb"] == 1024
    measured = {size["memory_mb"]: size["warm"]["duration_ms"]["mean"] for size in answer["sizes"]}
    assert measured == {128: 900, 256: 400, 512: 210, 1024: 130}


def test_a_run_of_ours_that_is_named_json_is_imported_as_what_it_is(here: Path) -> None:
    run = sweep("replay:rec.csv", output=None, seed=1).sweep.run.run
    for words in (["export", run, "run.json"], ["delete", run, "--yes"], ["import", "run.json"]):
        with pytest.raises(SystemExit) as ended:
            main(["runs", *words])
        assert not ended.value.code
    assert recommend(run).sweep.run.run == run
