"""Events sent by the load engine, and what a real log says became of them: the local Lambda's own,
and CloudWatch Logs as moto plays it."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from support.factories import a_batch, a_sample, a_variant
from tuner.aws.control import ControlPlane
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock
from tuner.engine.engine import BatchPolicy, Call, Mode
from tuner.engine.locust_engine import LocustEngine
from tuner.experiment.afterwards import EventDrain
from tuner.measure.event_fates import End
from tuner.measure.event_figures import EventFigures
from tuner.records import Outcome, Purpose
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target
from tuner.targets.observers import EventSettings

SOURCE = "def handler(event, context):\n    return 1 / event['by']\n"
LATEST = a_variant()


def target_at(url: str, function: str) -> AwsTarget:
    session = open_session(SessionOptions("eu-west-1", None, url, ("any", "any")))
    options = AwsOptions(journal=None)
    return AwsTarget(ControlPlane(session, options.clock), parse_target(function), options)


def client_at(url: str, service: str = "lambda") -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name="eu-west-1",
        aws_access_key_id="any", aws_secret_access_key="any",
    )  # fmt: skip


def sent_and_followed(target: AwsTarget, bodies: tuple[bytes, ...], number: int) -> EventFigures:
    clock = WallClock()
    endpoint = target.endpoint()
    engine, origin_wall_s = LocustEngine(endpoint, clock), clock.wall()
    drain = EventDrain(target.events(LATEST), clock, origin_wall_s)
    calls = [Call(n, LATEST, n % len(bodies), Purpose.LOAD, 0.01 * n) for n in range(number)]
    try:
        samples = list(
            engine.run(
                a_batch(calls, 4, BatchPolicy(mode=Mode.ASYNC), payloads=bodies, timeout_s=30.0)
            )
        )
    finally:
        engine.close()
    assert [(s.outcome, s.status) for s in samples] == [(Outcome.OK, 202)] * number
    for sample in samples:
        drain.accept(sample)
    drain.run(60.0, lambda: False, lambda _text: None)
    return drain.figures(0.0)


def test_each_event_is_followed_from_its_acceptance_to_its_last_try(
    start_local_lambda: Callable[..., Any],
    make_zip: Callable[..., bytes],
    settled: Callable[..., Any],
) -> None:
    # A platform minute lasts 20 ms, so that all three tries fit into a moment.
    with start_local_lambda("--time-scale", "3000") as url:
        client = client_at(url)
        client.create_function(
            FunctionName="events",
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/r",
            Handler="app.handler",
            Code={"ZipFile": make_zip({"app.py": SOURCE})},
            DeadLetterConfig={"TargetArn": "arn:aws:sqs:eu-west-1:000000000000:dead"},
        )
        settled(client, "events")
        told = sent_and_followed(target_at(url, "events"), (b'{"by": 1}', b'{"by": 0}'), 6)
    assert told.by_tries == {1: 3, 3: 3}
    assert (told.ends[End.SUCCEEDED], told.ends[End.EXHAUSTED], told.unknown) == (3, 3, 0)
    assert (told.started, told.retried, told.duplicates) == (6, 3, 0)
    assert told.billed == 12
    waits = [told.retry_wait.percentile_ms(percent) for percent in (1.0, 100.0)]
    # A timer may be a millisecond early, which is three platform seconds here.
    assert 54_000 <= (waits[0] or 0) < 114_000 <= (waits[1] or 0)
    assert told.following.settings.dead_letters == "arn:aws:sqs:eu-west-1:000000000000:dead"
    assert told.following.time_scale == 3000


def test_the_rules_for_events_are_those_of_what_is_invoked(
    local_lambda_url: str, lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(SOURCE)
    lambda_client.publish_version(FunctionName=name)
    lambda_client.put_function_event_invoke_config(
        FunctionName=name, Qualifier="1", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=90
    )
    target = target_at(local_lambda_url, name)
    assert target.events(LATEST).settings == EventSettings()
    version = target.events(a_variant(128, "1"))
    assert version.settings == EventSettings(retries=0, age_s=90.0)


@pytest.fixture
def log_group(moto_url: str) -> Any:
    """CloudWatch Logs with a log of the function's, and a way to write to it."""
    logs = client_at(moto_url, "logs")
    group = "/aws/lambda/watched"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")

    def write(*lines: tuple[float, str]) -> None:
        events = [{"timestamp": int(at_s * 1000), "message": text} for at_s, text in lines]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    yield write
    logs.delete_log_group(logGroupName=group)


def test_events_are_found_in_cloudwatch_logs(moto_url: str, log_group: Any) -> None:
    from tuner.aws.logs import FunctionLog
    from tuner.targets.aws_observers import AwsTrail

    clock, now = WallClock(), time.time()
    figures = "\tDuration: 100.00 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\t"
    log_group(
        (now - 300.0, "START RequestId: one Version: $LATEST\n"),
        (now - 299.9, f"REPORT RequestId: one{figures}Status: timeout\n"),
        (now - 299.8, "a line of the function's own\n"),
        (now - 239.0, "START RequestId: one Version: $LATEST\n"),
        (now - 238.9, f"REPORT RequestId: one{figures}\n"),
        (now - 200.0, "START RequestId: two Version: $LATEST\n"),
    )
    session = open_session(SessionOptions("eu-west-1", None, moto_url, ("any", "any")))
    log = FunctionLog(session, "/aws/lambda/watched", clock, beside=True)
    drain = EventDrain(AwsTrail(EventSettings(), log), clock, now - 301.0)
    drain._since_s = drain._first_s = now - 400.0
    for name in ("one", "two", "three"):
        drain.accept(a_sample(took_s=0.5, request_id=name))
    drain.run(0.0, lambda: False, lambda _text: None)
    told = drain.figures(0.0)
    assert told.by_tries == {0: 1, 1: 1, 2: 1}
    assert told.ends[End.RUNNING] == told.ends[End.UNSEEN] == told.retried == 1
    assert told.dwell.percentile_ms(1) == pytest.approx(500, rel=0.01)
