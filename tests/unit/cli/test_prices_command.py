"""`tuner prices` shows what is known and keeps what it is given."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tuner.cli.command import command
from tuner.cli.setup import prices
from tuner.errors import UsageError

OFFER = {
    "offerCode": "AWSLambda",
    "publicationDate": "2027-01-01T00:00:00Z",
    "products": {"S": {"attributes": {"group": "AWS-Lambda-Duration", "regionCode": "mx-central-1",
                                      "location": "Mexico (Central)", "usagetype": "x"}}},
    "terms": {"OnDemand": {"S": {"T": {"priceDimensions": {"D": {
        "beginRange": "0", "pricePerUnit": {"USD": "0.0000175"}}}}}}},
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return CliRunner()


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(command(prices))
    return made


def test_all_regions_are_listed_with_what_is_not_known(run: CliRunner) -> None:
    result = run.invoke(app(), [])
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert rows["eu-central-2"] == ["0.0000183334", "0.0000146667", "0.22", "2024"]
    assert rows["ca-west-1"][1] == "–"
    assert "CNY" in rows["cn-north-1"]


def test_one_region_is_shown_with_its_source_and_what_is_assumed(run: CliRunner) -> None:
    known = run.invoke(app(), ["--region", "us-east-1"])
    assert "0.0000041667" in known.stdout
    sources = [line for line in known.stdout.splitlines() if "offer of" in line]
    told = "AWS Price List, AWSLambda offer of 2026-09-19"  # with its date once
    assert sources == [f"x86_64: {told}", f"arm64: {told}"]
    assumed = run.invoke(app(), ["--region", "mx-central-1"])
    assert "that of us-east-1 is used" in assumed.stdout


def test_a_downloaded_offer_is_kept_and_shown(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(json.dumps(OFFER))
    result = run.invoke(app(), ["--from", "index.json"])
    assert result.exit_code == 0
    assert "0.0000175" in result.stdout
    assert "2027-01-01 for 1 region." in result.stderr
    later = run.invoke(app(), ["--region", "mx-central-1", "--json", "-"])
    first = json.loads(later.stdout)["prices"][0]
    assert first["gb_second_usd"] == 0.0000175
    assert first["logs_gb_usd"] is None


def test_a_missing_offer_file_is_a_usage_error(run: CliRunner) -> None:
    result = run.invoke(app(), ["--from", "none.json"])
    assert isinstance(result.exception, UsageError)
    bad = run.invoke(app(), ["--json", "no/such/folder.json"])
    assert isinstance(bad.exception, UsageError)
