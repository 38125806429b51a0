"""Who counted an AWS function's invocations: asked of moto's CloudWatch."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tuner.records import Invoked, Metric
from tuner.targets.aws import AwsTarget
from tuner.targets.choices import Isolation

MINUTE_S = time.time() // 60 * 60 - 120
ONE, TWO, BARE = (Invoked("x86_64", qualifier) for qualifier in ("1", "2", None))
SPAN_S = (MINUTE_S - 60, MINUTE_S + 120)


@pytest.fixture
def count(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put figures as Lambda does; ours finds the same CloudWatch."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", moto_url)
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    client = boto3.client("cloudwatch", endpoint_url=moto_url, region_name="eu-west-1", **keys)

    def put(function: str, resource: str, metric: Metric, *values: float) -> None:
        dimensions = [
            {"Name": "FunctionName", "Value": function},
            {"Name": "Resource", "Value": resource},
        ]
        data = [
            {"MetricName": metric.value, "Timestamp": MINUTE_S + 20.0 * place, "Value": value}
            | {"Dimensions": dimensions}
            for place, value in enumerate(values)
        ]
        client.put_metric_data(Namespace="AWS/Lambda", MetricData=data)

    return put


@pytest.mark.parametrize("service", ["moto"], indirect=True)
def test_figures_of_versions_and_of_the_bare_name_are_kept_apart(
    count: Any, target: AwsTarget, function: str
) -> None:
    count(function, f"{function}:1", Metric.INVOCATIONS, 3, 4, 1, 2)
    count(function, f"{function}:1", Metric.CONCURRENCY, 2, 5, 1)
    count(function, f"{function}:1", Metric.DURATION, 100, 50.5)
    count(function, function, Metric.INVOCATIONS, 9)
    metrics = target.metrics()
    assert metrics is not None
    found = metrics.metered([ONE, BARE, TWO], SPAN_S)
    assert found[ONE].total(Metric.INVOCATIONS, *SPAN_S) == 10.0
    assert found[ONE].total(Metric.INVOCATIONS, MINUTE_S, MINUTE_S + 60) == 8.0
    assert found[ONE].highest(Metric.CONCURRENCY, *SPAN_S) == 5.0
    assert found[ONE].total(Metric.DURATION, *SPAN_S) == 150.5
    assert found[BARE].total(Metric.INVOCATIONS, *SPAN_S) == 9.0
    assert found[TWO].highest(Metric.INVOCATIONS, *SPAN_S) is None
    assert not metrics.traced


@pytest.mark.parametrize("service", ["moto"], indirect=True)
def test_of_a_copy_the_copy_is_asked_for(
    count: Any, open_target: Callable[..., AwsTarget], function: str
) -> None:
    target = open_target(function, isolation=Isolation.CLONE)
    copy = target.endpoint().function
    count(copy, f"{copy}:1", Metric.INVOCATIONS, 7)
    metrics = target.metrics()
    assert metrics is not None
    assert metrics.metered([ONE], SPAN_S)[ONE].total(Metric.INVOCATIONS, *SPAN_S) == 7.0


def test_loopback_has_no_metrics_unless_the_environment_names_a_service(
    target: AwsTarget, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert target.metrics() is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    assert (target.metrics() is None) == (service.name == "local")
