"""Events sent by the load engine to the local Lambda, and what its log says became of them."""

import time
from collections.abc import Callable
from typing import Any

import boto3

from tuner.aws.function_log import read_reports
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock
from tuner.load.engine import Batch, Call, Manner, Mode
from tuner.load.locust_engine import LocustEngine
from tuner.measure.event_fates import Fates, LogLine, follow
from tuner.records import Outcome, Purpose
from tuner.target.seam import Credentials, Endpoint, Variant

SOURCE = "def handler(event, context):\n    return 1 / event['by']\n"


def fates_of(url: str, samples: list[Any], origin_wall_s: float) -> Fates:
    session = open_session(SessionOptions("eu-west-1", None, url, ("any", "any")))
    later = time.time() + 1_000_000  # the platform's clock is far ahead by then
    found = read_reports(session, "/aws/lambda/events", origin_wall_s - 1, later)
    return follow(samples, [LogLine(*line) for line in found], origin_wall_s)


def test_each_event_is_followed_from_its_acceptance_to_its_last_try(
    start_local_lambda: Callable[..., Any],
    make_zip: Callable[..., bytes],
    settled: Callable[..., Any],
) -> None:
    # A platform minute lasts 20 ms, so that all three tries fit into a moment.
    with start_local_lambda("--time-scale", "3000") as url:
        client = boto3.client(
            "lambda", endpoint_url=url, region_name="eu-west-1",
            aws_access_key_id="any", aws_secret_access_key="any",
        )  # fmt: skip
        client.create_function(
            FunctionName="events",
            Runtime="python3.12",
            Role="arn:aws:iam::000000000000:role/r",
            Handler="app.handler",
            Code={"ZipFile": make_zip({"app.py": SOURCE})},
        )
        settled(client, "events")
        clock = WallClock()
        endpoint = Endpoint(url, "eu-west-1", "events", lambda: Credentials("any", "any"))
        engine, origin_wall_s = LocustEngine(endpoint, clock), clock.wall()
        variant = Variant(128, "x86_64", None)
        calls = [Call(n, variant, n % 2, Purpose.LOAD, 0.01 * n) for n in range(6)]
        bodies = (b'{"by": 1}', b'{"by": 0}')
        try:
            samples = list(engine.run(Batch(calls, bodies, 4, 0, 30.0, Manner(mode=Mode.ASYNC))))
        finally:
            engine.close()
        assert [(s.outcome, s.status) for s in samples] == [(Outcome.OK, 202)] * 6
        give_up = time.monotonic() + 20
        while True:
            fates = fates_of(url, samples, origin_wall_s)
            if sum(len(event.tries) for event in fates.events) >= 12 or time.monotonic() > give_up:
                break
            time.sleep(0.2)
    tries = {event.call: len(event.tries) for event in fates.events}
    assert tries == {0: 1, 1: 3, 2: 1, 3: 3, 4: 1, 5: 3}
    assert (fates.started, fates.retried, fates.unseen) == (6, 3, 0)
    assert fates.exhausted + fates.unknown == 3
