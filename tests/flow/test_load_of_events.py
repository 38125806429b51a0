"""``tuner load --mode async`` end to end: on local Lambdas whose minutes last seconds."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tuner.cli.app import main
from tuner.engine.engine import Mode
from tuner.errors import UsageError
from tuner.options.load import DRAIN_S, load_spec
from tuner.options.load_options import LoadOptions
from tuner.store.runs import Store

pytestmark = pytest.mark.slow

SOURCE = """
import time

def handler(event, context):
    time.sleep(event.get("s", 0))
    return 1 / event.get("by", 1)
"""


@pytest.fixture(scope="module")
def quick(start_local_lambda: Callable[..., Any]) -> Iterator[str]:
    """A local Lambda on which a minute lasts a fifth of a second."""
    with start_local_lambda("--time-scale", "300") as url:
        yield url


@pytest.fixture
def events(
    quick: str, make_zip: Callable[..., bytes], settled: Callable[..., Any]
) -> Iterator[Any]:
    """A client of that Lambda, on which there is a function ``events``."""
    client = boto3.client(
        "lambda", endpoint_url=quick, region_name="eu-west-1",
        aws_access_key_id="any", aws_secret_access_key="any",
    )  # fmt: skip
    client.create_function(
        FunctionName="events",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        MemorySize=1769,
        Timeout=20,
        Code={"ZipFile": make_zip({"app.py": SOURCE})},
    )
    settled(client, "events")
    yield client
    client.delete_function(FunctionName="events")


@pytest.fixture
def told(
    quick: str, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Load ``events`` in an empty folder: the exit code and the document."""

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        where = ("--endpoint-url", quick, "--region", "eu-west-1", "--json", "-", "--seed", "2")
        with pytest.raises(SystemExit) as ended:
            main(("load", "events", "--mode", "async", *where, *words))
        said = capsys.readouterr()
        assert said.out, said.err
        return int(ended.value.code or 0), json.loads(said.out)

    return run


def payloads(folder: Path, *weighted: tuple[dict[str, Any], int]) -> tuple[str, str]:
    listed = [{"payload": payload, "weight": weight} for payload, weight in weighted]
    (folder / "payloads.json").write_text(json.dumps(listed))
    return "--payloads", str(folder / "payloads.json")


def test_every_event_is_followed_to_its_end_and_every_try_is_paid_for(
    events: Any, told: Callable[..., Any], tmp_path: Path
) -> None:
    mixed = payloads(tmp_path, ({"by": 1}, 3), ({"by": 0}, 1))
    code, document = told("--rate", "20", "--duration", "2s", *mixed)
    assert code == 0, document["warnings"]
    found = document["events"]
    assert document["load"]["mode"] == "async"
    assert document["outcomes"]["ok"] == found["accepted"] == found["started"] == 40
    failed = found["ends"]["retries_exhausted"]
    assert failed > 0
    assert found["ends"]["succeeded"] == 40 - failed
    assert found["events_by_tries"] == {"1": 40 - failed, "3": failed}
    assert found["tries"] == found["billed_tries"] == 40 + 2 * failed
    assert (found["retried"], found["unknown"], found["given_up"]) == (failed, 0, failed)
    assert found["dead_lettered"] is None
    assert document["latency_ms"]["p50"] > 0
    assert document["duration_ms"]["p50"] > 0
    assert 1 <= document["cold_starts"] <= 40
    assert document["concurrency"]["max"] >= 1
    assert sum(row["accepted"] for row in found["timeline"]) == 40
    assert sum(row["begun"] for row in found["timeline"]) == 40
    assert sum(row["retried"] for row in found["timeline"]) == 2 * failed
    per_try = document["cost_usd"] / found["tries"]
    assert per_try == pytest.approx(2e-7 + found["billed_ms"] / found["tries"] * 2.88e-8, rel=0.01)
    assert Path(document["report"]).read_text().count("What became of the events") >= 1
    with Store.open(create=False) as store:
        stored = store.document(document["run"], "load")
    assert stored is not None
    assert stored["events"] == found


def test_events_that_lambda_gave_up_are_errors_to_an_objective(
    events: Any, told: Callable[..., Any], tmp_path: Path
) -> None:
    events.put_function_event_invoke_config(FunctionName="events", MaximumRetryAttempts=0)
    words = ("--rate", "10", "--duration", "1s", "--payload", '{"by": 0}')
    code, document = told(*words, "--slo", "errors<50%", "--slo", "client_p99<5s")
    assert code == 99
    assert [each["met"] for each in document["slo"]] == [False, True]
    assert document["slo"][0]["value"] == 1.0
    assert document["events"]["following"]["max_retries"] == 0
    assert document["events"]["tries"] == 10


def test_too_old_events_and_those_of_a_switched_off_function_differ(
    events: Any, told: Callable[..., Any]
) -> None:
    events.put_function_event_invoke_config(FunctionName="events", MaximumEventAgeInSeconds=60)
    words = ("--rate", "5", "--duration", "1s", "--payload", '{"by": 0}')
    _, document = told(*words)
    assert document["events"]["ends"]["age_exceeded"] == 5
    events.put_function_concurrency(FunctionName="events", ReservedConcurrentExecutions=0)
    _, document = told(*words)
    assert document["events"]["ends"]["switched_off"] == 5
    assert (document["events"]["started"], document["cost_usd"]) == (0, 0.0)


def test_when_the_time_to_follow_is_over_the_load_is_partial_and_says_why(
    events: Any, told: Callable[..., Any]
) -> None:
    words = ("--rate", "4", "--duration", "1s", "--payload", '{"s": 15}', "--drain", "500ms")
    code, document = told(*words)
    assert code == 3
    assert document["note"] == "4 of 4 events had not ended when time was up"
    assert document["events"]["ends"]["running"] == 4
    assert "events-unknown" in [each["code"] for each in document["warnings"]]


def test_ctrl_c_ends_the_following_and_there_is_still_a_report(
    events: Any, quick: str, tmp_path: Path
) -> None:
    words = ("--rate", "4", "--duration", "1s", "--payload", '{"s": 15}', "--json", "out.json")
    command = [sys.executable, "-m", "tuner", "load", "events", "--mode", "async", *words]
    child = subprocess.Popen(
        [*command, "--endpoint-url", quick, "--region", "eu-west-1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stderr is not None
        give_up = time.monotonic() + 60
        while "following 4 events" not in child.stderr.readline():
            assert time.monotonic() < give_up
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()
    assert child.returncode == 130, errors
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["state"] == "interrupted"
    assert document["events"]["accepted"] == 4
    assert list(tmp_path.glob("reports/*.html"))


@pytest.mark.parametrize(
    ("present", "says"),
    [
        ({"url": "https://x.example/"}, "waits for the answer"),
        ({"find_limit": True}, "needs answers"),
        ({"max_cost": 1, "rate": 1}, "accepted already"),
        ({"target": "replay:rec.csv", "rate": 1}, "no queue of events"),
    ],
)
def test_what_does_not_go_with_events_is_refused(present: dict[str, Any], says: str) -> None:
    given = {"target": "f", "rate": None if "find_limit" in present else 1, **present}
    with pytest.raises(UsageError, match=says):
        load_spec(LoadOptions(mode="async", **given))
    assert load_spec(LoadOptions(mode="sync", **given)).drain_s == DRAIN_S


def test_options_come_before_what_a_profile_suggests() -> None:
    def read(**given: Any) -> tuple[Mode, float]:
        spec = load_spec(LoadOptions("f", **given))
        return spec.mode, spec.drain_s

    assert read(profile_load="async-drain") == (Mode.ASYNC, 300.0)
    assert read(profile_load="async-drain", mode="sync") == (Mode.SYNC, DRAIN_S)
    assert read(profile_load="async-drain", drain="0") == (Mode.ASYNC, 0.0)
    assert read(rate=1, mode="async") == (Mode.ASYNC, DRAIN_S)
    with pytest.raises(UsageError, match="above 6h"):
        read(rate=1, mode="async", drain="7h")
