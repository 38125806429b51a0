"""``tuner cold --variants``: side by side, with prices, in JSON, terminal and HTML; and refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tuner
from support.commands import exit_code as run
from support.snapshots import SnapshotFront
from tuner.api.sweep import run_sweep
from tuner.errors import UsageError
from tuner.options.commands import SweepCall
from tuner.store.runs import find

SLOW_INIT = "import time\ntime.sleep(0.2)\ndef handler(event, context):\n    return event\n"

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("service", ["local"], indirect=True)]


@pytest.fixture
def slow(service: Any, make_zip: Callable[..., bytes]) -> Iterator[str]:
    """A function whose INIT takes a fifth of a second."""
    service.create("slow-start", make_zip({"app.py": SLOW_INIT}), MemorySize=512)
    yield "slow-start"
    service.client.delete_function(FunctionName="slow-start")


@pytest.fixture
def front(service: Any) -> Iterator[SnapshotFront]:
    """SnapStart before the service, which so looks like AWS."""
    made = SnapshotFront(service.url)
    yield made
    made.close()


def at(url: str) -> tuple[str, ...]:
    return ("--endpoint-url", url, "--region", "us-east-1")


@pytest.fixture
def picture(service: Any) -> Callable[[str], Any]:
    """A function in us-east-1, where the prices of everything are known."""
    import boto3

    client = boto3.client(
        "lambda",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )

    def look(function: str) -> Any:
        return (
            client.get_function_configuration(FunctionName=function)["MemorySize"],
            len(client.list_versions_by_function(FunctionName=function)["Versions"]),
            client.list_provisioned_concurrency_configs(FunctionName=function)[
                "ProvisionedConcurrencyConfigs"
            ],
        )

    look.client = client  # type: ignore[attr-defined]
    return look


@pytest.fixture
def priced(picture: Any, make_zip: Callable[..., bytes]) -> Iterator[str]:
    """The same function where prices are known."""
    picture.client.create_function(
        FunctionName="priced",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/test",
        Handler="app.handler",
        Code={"ZipFile": make_zip({"app.py": SLOW_INIT})},
        MemorySize=512,
    )
    picture.client.get_waiter("function_active_v2").wait(
        FunctionName="priced", WaiterConfig={"Delay": 0.1}
    )
    yield "priced"
    picture.client.delete_function(FunctionName="priced")


def test_all_three_ways_stand_side_by_side_and_all_is_put_back(
    front: SnapshotFront, priced: str, picture: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = picture(priced)
    words = ("--variants", "snapstart,provisioned=2", "--cold", "2", "--yes", "--json", "out.json")
    assert run("cold", priced, *at(front.url), *words, "--no-progress") == 0
    shown = capsys.readouterr()
    document = json.loads(Path("out.json").read_text())
    demand, snapshot, kept = document["variants"]
    names = [row["variant"] for row in document["variants"]]
    assert names == ["on-demand", "snapstart", "provisioned=2"]
    assert [row["status"] for row in document["variants"]] == ["ok"] * 3
    assert [row["n"] for row in document["variants"]] == [2, 2, 2]
    assert demand["init_ms"]["p50"] >= 200.0
    assert snapshot["restore_ms"]["p50"] >= 200.0
    assert snapshot["init_ms"]["p50"] is None
    assert kept["init_ms"]["p50"] is None
    assert kept["first_ms"]["max"] < demand["first_ms"]["p50"]
    assert kept["spilled"] == 0
    gb = 0.5
    assert kept["kept_usd_per_hour"] == pytest.approx(2 * gb * 0.0000041667 * 3600)
    assert snapshot["kept_usd_per_hour"] == pytest.approx(gb * 0.0000015046 * 3600)
    assert demand["kept_usd_per_hour"] == 0.0
    assert document["recommendation"] is None
    assert document["spend"]["cost_usd"] > 2 * gb * 0.0000041667 * 300 + gb * 10_800 * 0.0000015046
    assert "Ways to start" in shown.out
    assert "for what is kept" in shown.err  # the plan, before it begins
    page = Path(document["report"]).read_text()
    assert "Ways to start" in page
    assert "provisioned=2 pays" in page
    assert picture(priced) == before
    assert front.applied[priced] == "None"
    assert run("report", "last") == 0
    again = find("last", None)
    assert set(again.documents) == {"answer", "begun", "startups"}


def test_a_region_without_prices_says_so_and_gives_none(
    front: SnapshotFront, service: Any, slow: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--variants", "snapstart", "--cold", "1", "--yes", "-q", "--json", "out.json")
    where = ("--endpoint-url", front.url, "--region", "eu-west-1")
    assert run("cold", slow, *where, *words) == 0
    document = json.loads(Path("out.json").read_text())
    _, snapshot = document["variants"]
    assert snapshot["kept_usd_per_hour"] is None
    assert snapshot["start_usd_per_million"] is None
    assert document["spend"]["cost_usd"] is None
    assert "startup-price" in [warning["code"] for warning in document["warnings"]]
    assert run("cold", slow, *where, *words, "--max-cost", "1") == 2
    assert "the price of snapstart in eu-west-1 is not known" in capsys.readouterr().err


def test_a_limit_that_could_not_be_kept_stops_it_before_anything_is_changed(
    front: SnapshotFront, priced: str, picture: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = picture(priced)
    words = ("--variants", "provisioned=800", "--max-cost", "0.10", "--yes", "-q")
    assert run("cold", priced, *at(front.url), *words) == 2
    assert "is less than this may cost" in capsys.readouterr().err
    with pytest.raises(UsageError, match="is less than this may cost"):
        tuner.cold(
            priced,
            endpoint_url=front.url,
            region="us-east-1",
            variants="provisioned=800",
            max_cost="0.10",
        )
    assert not any(method != "GET" for method, _ in front.calls)
    assert picture(priced) == before


def test_the_plan_says_what_is_kept_and_invokes_nothing(
    front: SnapshotFront, priced: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--variants", "snapstart,provisioned=5", "--json", "-")
    assert run("plan", priced, *at(front.url), *words) == 0
    document = json.loads(capsys.readouterr().out)
    kept = {way["variant"]: way["kept_usd"] for way in document["variants"]}
    each_s = 5 * 0.5 * 0.0000041667
    assert kept["on-demand"] == {"low": 0.0, "high": 0.0}
    assert kept["provisioned=5"]["low"] == pytest.approx(each_s * 300)
    assert kept["provisioned=5"]["high"] >= each_s * 900
    assert kept["snapstart"]["low"] >= 0.5 * 10_800 * 0.0000015046
    assert document["most_usd"] > kept["provisioned=5"]["high"]
    assert not any(method != "GET" for method, _ in front.calls)


def test_a_way_that_fails_is_a_row_with_its_reason_and_partial_data(
    front: SnapshotFront, priced: str, picture: Any
) -> None:
    front.fails, before = True, picture(priced)
    words = ("--variants", "snapstart,provisioned=1", "--cold", "1", "--yes", "-q")
    assert run("cold", priced, *at(front.url), *words, "--json", "out.json") == 3
    rows = json.loads(Path("out.json").read_text())["variants"]
    assert [row["status"] for row in rows] == ["ok", "failed", "ok"]
    assert "INIT failed" in rows[1]["reason"]
    assert picture(priced) == before


def test_more_calls_than_provisioned_are_not_counted_as_first(service: Any, slow: str) -> None:
    words = ("--variants", "provisioned=1", "--cold", "3", "-q", "--json", "out.json")
    assert run("cold", slow, *at(service.url), "--region", "eu-west-1", *words) == 0
    rows = json.loads(Path("out.json").read_text())["variants"]
    assert [row["n"] for row in rows] == [3, 1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--variants", "warm"), "is not a way to start"),
        (("--variants", "provisioned"), "needs a number"),
        (("--variants", "provisioned=2", "--memory", "128,256"), "one memory size"),
        (("--max-cost", "1"), "needs --variants"),
    ],
)
def test_bad_wishes_are_refused_in_two_lines(
    service: Any, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("cold", "nobody", *at(service.url), *words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) <= 2


def test_a_sweep_and_a_recording_have_no_ways_to_start(service: Any, slow: str) -> None:
    from tuner.experiment.experiment import Silent

    options = SweepCall.made(
        slow, endpoint_url=service.url, region="eu-west-1", variants="snapstart"
    )
    with pytest.raises(UsageError, match="are compared by `tuner cold`"):
        run_sweep(options, None, Silent())
    Path("calls.csv").write_text("memory_mb,duration_ms\n512,10\n")
    assert run("cold", "replay:calls.csv", "--memory", "512", "--variants", "provisioned=1") == 1
