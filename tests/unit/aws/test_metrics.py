"""What is asked of CloudWatch and X-Ray, held against the service model by botocore's Stubber."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from tuner.aws.calls import AwsService
from tuner.aws.metrics import read_metrics
from tuner.aws.session import AwsSession, SessionOptions, open_session
from tuner.aws.traces import read_traces
from tuner.clock import VirtualClock
from tuner.errors import AccessDenied, TargetError
from tuner.records import Metric

SPAN_S = (1_700_000_040.0, 1_700_000_160.0)


@pytest.fixture(scope="module")
def session() -> AwsSession:
    """Nobody listens there: what is not stubbed fails."""
    return open_session(
        SessionOptions(region="eu-west-1", endpoint_url="http://127.0.0.1:9", keys=("k", "s"))
    )


@pytest.fixture
def stubbed(session: AwsSession) -> Iterator[Callable[[str], tuple[AwsService, Stubber]]]:
    """A service whose answers are given beforehand; all of them have to be asked for."""
    stubs: list[Stubber] = []

    def stub(name: str) -> tuple[AwsService, Stubber]:
        service = AwsService(session, name, VirtualClock())
        stubs.append(Stubber(service.client))
        stubs[-1].activate()
        return service, stubs[-1]

    yield stub
    for each in stubs:
        each.assert_no_pending_responses()


def query(name: str, metric: str, stat: str, resource: str) -> dict[str, Any]:
    dimensions = [
        {"Name": "FunctionName", "Value": "orders"},
        {"Name": "Resource", "Value": resource},
    ]
    of = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": of, "Period": 60, "Stat": stat}}


def result(name: str, *points: tuple[float, float]) -> dict[str, Any]:
    moments = [datetime.fromtimestamp(at_s, UTC) for at_s, _ in points]
    return {"Id": name, "Timestamps": moments, "Values": [value for _, value in points]}


def test_each_version_is_asked_for_by_its_resource_and_pages_are_joined(stubbed: Any) -> None:
    service, stub = stubbed("cloudwatch")
    asked: dict[str, Any] = {
        "MetricDataQueries": [
            query("m0_invocations", "Invocations", "Sum", "orders:7"),
            query("m0_duration", "Duration", "Sum", "orders:7"),
            query("m1_invocations", "Invocations", "Sum", "orders"),
            query("m1_duration", "Duration", "Sum", "orders"),
        ],
        "StartTime": SPAN_S[0],
        "EndTime": SPAN_S[1],
    }
    first = [result("m0_invocations", (SPAN_S[0], 3.0)), result("m1_invocations")]
    second = [result("m0_invocations", (SPAN_S[0] + 60, 4.0)), result("m0_duration", (0.0, 9.5))]
    page = {"MetricDataResults": first, "NextToken": "more"}
    stub.add_response("get_metric_data", page, asked)
    page = {"MetricDataResults": second}
    stub.add_response("get_metric_data", page, {**asked, "NextToken": "more"})
    wanted = (Metric.INVOCATIONS, Metric.DURATION)
    found = read_metrics(service, "orders", ["7", None], SPAN_S, wanted)
    assert found["7"].total(Metric.INVOCATIONS, *SPAN_S) == 7.0
    assert found["7"].total(Metric.INVOCATIONS, SPAN_S[0], SPAN_S[0] + 60) == 3.0
    assert found["7"].total(Metric.DURATION, 0.0, 1.0) == 9.5
    assert found["7"].highest(Metric.CONCURRENCY, *SPAN_S) is None
    assert found[None].total(Metric.INVOCATIONS, *SPAN_S) == 0.0


def test_many_versions_are_asked_for_500_figures_at_a_time(stubbed: Any) -> None:
    service, stub = stubbed("cloudwatch")
    sizes: list[int] = []
    stub.client.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData",
        lambda params, **_: sizes.append(len(params["MetricDataQueries"])),
    )
    for _ in range(2):
        stub.add_response("get_metric_data", {"MetricDataResults": []})
    versions = [str(number) for number in range(120)]
    assert set(read_metrics(service, "orders", versions, SPAN_S)) == set(versions)
    assert sizes == [500, 100]


@pytest.mark.parametrize("metric", Metric)
def test_every_figure_is_one_that_a_request_may_ask_for(stubbed: Any, metric: Metric) -> None:
    service, stub = stubbed("cloudwatch")
    stat = "Maximum" if metric is Metric.CONCURRENCY else "Sum"
    named = query(f"m0_{metric.lower()}", metric.value, stat, "orders:live")
    asked = {"MetricDataQueries": [named], "StartTime": SPAN_S[0], "EndTime": SPAN_S[1]}
    stub.add_response("get_metric_data", {"MetricDataResults": []}, asked)
    read_metrics(service, "orders", ["live"], SPAN_S, [metric])


def document(request_id: str) -> str:
    times = {"start_time": SPAN_S[0], "end_time": SPAN_S[0] + 0.1}
    aws = {"request_id": request_id}
    return json.dumps({"id": "a" * 16, "origin": "AWS::Lambda", "aws": aws, **times})


def test_whole_traces_of_the_function_are_read_five_at_a_time(stubbed: Any) -> None:
    service, stub = stubbed("xray")
    asked = {
        "StartTime": SPAN_S[0],
        "EndTime": SPAN_S[1],
        "FilterExpression": 'service("orders")',
    }
    ids = [f"1-{number:08x}-{'0' * 24}" for number in range(7)]
    whole = [{"Id": one} for one in ids]
    first = {"TraceSummaries": [*whole[:3], {"Id": "odd", "IsPartial": True}], "NextToken": "more"}
    stub.add_response("get_trace_summaries", first, asked)
    rest = {"TraceSummaries": whole[2:]}
    stub.add_response("get_trace_summaries", rest, {**asked, "NextToken": "more"})
    for some in (ids[:5], ids[5:]):
        traces = [
            {"Id": one, "Segments": [{"Id": "a" * 16, "Document": document(f"r-{one}")}]}
            for one in some
        ]
        stub.add_response("batch_get_traces", {"Traces": traces}, {"TraceIds": some})
    found = read_traces(service, "orders", SPAN_S)
    assert [each.request_id for each in found] == [f"r-{one}" for one in ids]


def test_a_hundred_traces_at_most_are_read_from_all_over_the_last_hour(stubbed: Any) -> None:
    service, stub = stubbed("xray")
    ids = [f"1-{number:08x}-{'0' * 24}" for number in range(250)]
    seen: list[str] = []
    stub.client.meta.events.register(
        "provide-client-params.xray.BatchGetTraces",
        lambda params, **_: seen.extend(params["TraceIds"]),
    )
    whole = {"TraceSummaries": [{"Id": one} for one in ids]}
    asked = {
        "StartTime": SPAN_S[1] - 3600.0,
        "EndTime": SPAN_S[1],
        "FilterExpression": 'service("orders")',
    }
    stub.add_response("get_trace_summaries", whole, asked)
    for _ in range(17):
        stub.add_response("batch_get_traces", {"Traces": []})
    assert read_traces(service, "orders", (SPAN_S[1] - 90_000.0, SPAN_S[1])) == []
    assert seen == ids[::3]


@pytest.mark.parametrize(
    ("name", "call", "code", "kind", "says"),
    [
        ("cloudwatch", "get_metric_data", "AccessDenied", AccessDenied, "cloudwatch:GetMetricData"),
        ("cloudwatch", "get_metric_data", "InvalidNextToken", TargetError, "was refused"),
        ("xray", "get_trace_summaries", "AccessDeniedException", AccessDenied, "xray:GetTraceS"),
        ("xray", "get_trace_summaries", "InvalidRequestException", TargetError, "was refused"),
        ("xray", "get_trace_summaries", "ThrottledException", TargetError, "throttles GetTraceS"),
        ("xray", "get_trace_summaries", "InternalFailure", TargetError, "X-Ray had an internal"),
    ],
)
def test_an_error_names_the_right_that_is_missing_or_the_service(
    stubbed: Any, name: str, call: str, code: str, kind: type[Exception], says: str
) -> None:
    service, stub = stubbed(name)
    patience = 4 if code in ("ThrottledException", "InternalFailure") else 1
    for _ in range(patience):
        stub.add_client_error(call, code, "what it said", 400)
    with pytest.raises(kind, match=says):
        if name == "xray":
            read_traces(service, "orders", SPAN_S)
        else:
            read_metrics(service, "orders", ["7"], SPAN_S)


def test_all_errors_of_the_model_for_what_is_asked_have_their_words(stubbed: Any) -> None:
    told = {"InvalidNextToken", "InvalidRequestException", "ThrottledException"}
    for name, operations in {
        "cloudwatch": ("GetMetricData",),
        "xray": ("GetTraceSummaries", "BatchGetTraces"),
    }.items():
        model = stubbed(name)[1].client.meta.service_model
        for operation in operations:
            assert {e.name for e in model.operation_model(operation).error_shapes} <= told
