"""Metrics in OpenTelemetry's protocol, as a receiver on this machine gets them."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.receiver import Receiver, receiving
from support.sweeps import called, load_of_ten_seconds
from tuner.errors import Partial, UsageError
from tuner.outputs.otlp import endpoint, send_metrics
from tuner.report.metrics import families, table
from tuner.report.open_metrics import open_metrics
from tuner.report.sweep_document import document

HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def points_of(collector: Receiver) -> dict[str, list[tuple[dict[str, str], float, int]]]:
    """Labels, value and time (ns) of each point, by the metric's name."""
    found: dict[str, list[tuple[dict[str, str], float, int]]] = {}
    for posted in collector.posted:
        [resource] = posted.json["resourceMetrics"]
        [scoped] = resource["scopeMetrics"]
        for metric in scoped["metrics"]:
            for point in metric["gauge"]["dataPoints"]:
                labels = {each["key"]: each["value"]["stringValue"] for each in point["attributes"]}
                assert isinstance(point["timeUnixNano"], str), "64 bits are a text in JSON"
                value = labels, point["asDouble"], int(point["timeUnixNano"])
                found.setdefault(metric["name"], []).append(value)
    return found


@pytest.mark.parametrize("told", [document(called()), load_of_ten_seconds()])
def test_a_collector_gets_every_point_of_the_one_table(
    collector: Receiver, told: dict[str, Any]
) -> None:
    sent = send_metrics(told, collector.url)
    found = points_of(collector)
    table = list(families(told))
    assert sent == sum(map(len, found.values())) == sum(len(each.points) for each in table)
    assert len(found) == len(table)
    expected = sorted((p.value, round(p.at_s * 1e9)) for each in table for p in each.points)
    got = sorted((value, at_ns) for points in found.values() for _, value, at_ns in points)
    assert [value for value, _ in got] == [value for value, _ in expected]
    for (_, at_ns), (_, wanted_ns) in zip(got, expected, strict=True):
        assert abs(at_ns - wanted_ns) < 1_000_000
    [posted] = collector.posted
    assert (posted.path, posted.headers["Content-Type"]) == ("/v1/metrics", "application/json")


@pytest.mark.parametrize("told", [document(called()), load_of_ten_seconds()])
def test_every_metric_of_the_table_can_be_exported_in_both_forms(
    collector: Receiver, told: dict[str, Any]
) -> None:
    named = {family.name: family.unit for family in table(told)}
    text = open_metrics(told)
    assert {line.split()[2] for line in text.splitlines() if "# TYPE" in line} == named.keys()
    assert all(name.endswith(unit) for name, unit in named.items())
    send_metrics(told, collector.url)
    short = {name.removesuffix(f"_{unit}") for name, unit in named.items() if unit != "usd"}
    sent = {name.replace(".", "_") for name in points_of(collector)}
    assert sent == short | {name for name, unit in named.items() if unit == "usd"}


def test_names_and_units_are_opentelemetry_s(collector: Receiver) -> None:
    for told in (document(called()), load_of_ten_seconds()):
        send_metrics(told, collector.url)
    units = {
        metric["name"]: metric["unit"]
        for posted in collector.posted
        for metric in posted.json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    }
    assert units["tuner.load.latency"] == units["tuner.sweep.duration"] == "s"
    assert units["tuner.sweep.recommended"] == "MBy"
    assert units["tuner.sweep.cost_per_million_usd"] == "{USD}"
    assert units["tuner.load.in_flight"] == units["tuner.run.info"] == ""


def test_the_protocol_s_own_messages_can_be_read_of_it(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = pytest.importorskip(
        "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2",
        reason="needs pip install opentelemetry-proto",
    )
    from google.protobuf.json_format import Parse

    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b,service.name=x")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "nightly")
    told = load_of_ten_seconds()
    sent = send_metrics(told, collector.url)
    request = Parse(collector.posted[0].body, metrics.ExportMetricsServiceRequest())
    [resource] = request.resource_metrics
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named == {"service.name": "nightly", "team": "a b"}
    [scoped] = resource.scope_metrics
    assert scoped.scope.name == "tuner"
    assert sum(len(metric.gauge.data_points) for metric in scoped.metrics) == sent
    [rate] = [each for each in scoped.metrics if each.name == "tuner.load.rate"]
    ok = [
        point.as_double
        for point in rate.gauge.data_points
        if ("kind", "succeeded") in {(a.key, a.value.string_value) for a in point.attributes}
    ]
    assert ok == [row["ok"] for row in told["timeline"]]


def test_a_long_load_is_sent_in_parts(collector: Receiver) -> None:
    told = load_of_ten_seconds()
    row = told["timeline"][0]
    told["timeline"] = [{**row, "second": second} for second in range(900)]
    sent = send_metrics(told, collector.url)
    assert sent > 5_000
    assert len(collector.posted) == -(-sent // 5_000)
    found = points_of(collector)
    assert len(found["tuner.load.in_flight"]) == 900
    assert max(len(posted.body) for posted in collector.posted) < 4_000_000


def test_headers_of_the_variables_are_sent_and_never_in_clear_elsewhere(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HEADERS, "authorization=Bearer%20TOKEN, x-scope = a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-scope=b")
    send_metrics(document(called()), collector.url)
    headers = {name.lower(): value for name, value in collector.posted[0].headers.items()}
    assert (headers["authorization"], headers["x-scope"]) == ("Bearer TOKEN", "b")
    with pytest.raises(UsageError, match="would show the headers") as error:
        send_metrics(document(called()), "http://collector.example:4318")
    assert "TOKEN" not in str(error.value)


@pytest.mark.parametrize("written", ["a", "=b", "a=b%0d%0ac: d", "ä=b"])
def test_headers_that_cannot_be_read_are_refused_unseen(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv(HEADERS, written)
    with pytest.raises(UsageError, match=f"{HEADERS}: cannot be read"):
        send_metrics(document(called()), collector.url)
    assert collector.posted == []


def test_an_endpoint_gets_the_protocol_s_path_unless_it_is_of_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://x.example/otlp/in")
    assert endpoint("env:OTEL_EXPORTER_OTLP_ENDPOINT") == "http://collector:4318/v1/metrics"
    assert endpoint("env:OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") == "https://x.example/otlp/in"
    assert endpoint("https://x.example/v1/metrics") == "https://x.example/v1/metrics"
    with pytest.raises(UsageError, match="is not an http address"):
        endpoint("collector:4318")


def test_what_a_collector_does_not_take_is_an_error(collector: Receiver) -> None:
    told = document(called())
    collector.answer = b'{"partialSuccess": {"rejectedDataPoints": "7", "errorMessage": "too old"}}'
    with pytest.raises(Partial, match=r"--otlp to 127\.0\.0\.1: was refused: 7 points: too old"):
        send_metrics(told, collector.url)
    collector.answer, collector.codes = b"", [400]
    with pytest.raises(Partial, match="HTTP 400"):
        send_metrics(told, collector.url)
    collector.answer = b'{"partialSuccess": {}}'
    assert send_metrics(told, collector.url) > 0
