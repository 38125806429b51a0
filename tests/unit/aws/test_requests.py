"""Every request that is sent to AWS, held against botocore's model of the service.

Which operations are sent is read from the source, so that a new one cannot be forgotten here.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore.stub import Stubber

import tuner
from tuner.aws.calls import AwsService, Patience
from tuner.aws.control import ControlPlane
from tuner.aws.insights import ask_logs
from tuner.aws.inventory import tagged_functions
from tuner.aws.journal import Journal
from tuner.aws.logs import FunctionLog
from tuner.aws.metrics import SplitAlias, read_health
from tuner.aws.optimizer import advised_sizes
from tuner.aws.payloads import read_s3
from tuner.aws.session import AwsSession, SessionOptions, open_session
from tuner.aws.tags import remove_tags
from tuner.aws.traces import read_traces
from tuner.aws.translate import words_for
from tuner.aws.versions import provision, wait_until_ready
from tuner.clock import VirtualClock
from tuner.errors import AccessDenied
from tuner.recording.production import Deployed

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package

from test_journal import OPENING
from test_translate import EXPECTED

SOURCE = Path(tuner.__file__).parent
#: Whoever sends one of these takes its name, in the service model's words, first.
SENDERS = {"send", "call", "_delete", "pages"}
OTHER_SERVICES = {
    "GetCallerIdentity": "sts",
    "GetMetricData": "cloudwatch",
    "FilterLogEvents": "logs",
    "GetObject": "s3",
    "GetTraceSummaries": "xray",
    "BatchGetTraces": "xray",
    "GetResources": "resourcegroupstaggingapi",
    "StartQuery": "logs",
    "GetQueryResults": "logs",
    "StopQuery": "logs",
    "GetLambdaFunctionRecommendations": "compute-optimizer",
}


def sent_by_the_source() -> set[str]:
    found = set()
    for path in SOURCE.rglob("*.py"):
        if "locallambda" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            first = node.args[0] if node.args else None
            if node.func.attr in SENDERS and isinstance(first, ast.Constant):
                found |= {first.value} if isinstance(first.value, str) else set()
    return found


OPERATIONS = sorted(sent_by_the_source())


@pytest.fixture(scope="module")
def session() -> Iterator[AwsSession]:
    """One that would go to AWS itself, with keys that nobody has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield open_session(SessionOptions(region="eu-west-1", keys=("k", "s")))


CREATE = {
    "FunctionName": "orders",
    "Role": "arn:aws:iam::000000000000:role/r",
    "Code": {"ZipFile": b"zip"},
}
CODE = {
    "FunctionName": "orders",
    "ZipFile": b"zip",
    "Architectures": ["arm64"],
    "RevisionId": "rev",
}
LAYER = "arn:aws:lambda:eu-west-1:000000000000:layer:shared"
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
ALIAS = {"Name": "live", "RevisionId": "rev"}
DEPLOYED = Deployed("o", ARN, 512, 3.0, "python3.13", "x86_64", log_group="/aws/lambda/o")
EVENTS = {"FunctionName": "orders", "Qualifier": "live"}
SENT: dict[str, Callable[[ControlPlane], object]] = {
    "GetFunction": lambda c: c.get("orders", "1"),
    "UpdateFunctionConfiguration": lambda c: c.update("orders", 512, "text", "rev"),
    "PublishVersion": lambda c: c.publish("orders", "text", "rev", "sha"),
    "DeleteFunction": lambda c: c.delete_version("orders", "7"),
    "ListVersionsByFunction": lambda c: list(c.versions("orders")),
    "ListFunctions": lambda c: list(c.functions()),
    "TagResource": lambda c: c.send("TagResource", ARN, Resource=ARN, Tags={"tuner:R": "1"}),
    "UntagResource": lambda c: remove_tags(c, ARN, ["tuner:R"]),
    "GetAlias": lambda c: c.get_alias("orders", "live"),
    "UpdateAlias": lambda c: c.update_alias("orders", ALIAS, "1", {"2": 0.1}),
    "CreateFunction": lambda c: c.send("CreateFunction", "orders", **CREATE),
    "GetLayerVersion": lambda c: c.send("GetLayerVersion", LAYER, LayerName=LAYER, VersionNumber=3),
    "UpdateFunctionCode": lambda c: c.send("UpdateFunctionCode", "orders", **CODE),
    "GetAccountSettings": lambda c: c.send("GetAccountSettings", "the account"),
    "ListProvisionedConcurrencyConfigs": lambda c: list(c.provisioned("orders")),
    "PutProvisionedConcurrencyConfig": lambda c: provision(c, Journal(None, OPENING), "7", 5),
    "GetProvisionedConcurrencyConfig": lambda c: wait_until_ready(c, "orders", "7", bool),
    "DeleteProvisionedConcurrencyConfig": lambda c: c.withdraw("orders", "7"),
    "Invoke": lambda c: c.send("Invoke", "orders", InvocationType="DryRun", FunctionName="orders"),
    "ListEventSourceMappings": lambda c: c.send(
        "ListEventSourceMappings", "orders", FunctionName="orders"
    ),
    "GetFunctionEventInvokeConfig": lambda c: c.send(
        "GetFunctionEventInvokeConfig", "orders", **EVENTS
    ),
    "GetMetricData": lambda c: read_health(
        AwsService(c.session, "cloudwatch", c.clock),
        c.clock,
        SplitAlias("o", "live", ("1", "2")),
        60.0,
    ),
    "FilterLogEvents": lambda c: list(
        FunctionLog(c.session, "/aws/lambda/o", c.clock).lines(("REPORT",), 1.0)
    ),
    "GetCallerIdentity": lambda c: AwsService(c.session, "sts", c.clock).send(
        "GetCallerIdentity", "AWS"
    ),
    "GetTraceSummaries": lambda c: read_traces(
        AwsService(c.session, "xray", c.clock), "orders", (0.0, 60.0)
    ),
    "BatchGetTraces": lambda c: AwsService(c.session, "xray", c.clock).send(
        "BatchGetTraces", "orders", TraceIds=["1-58406520-a006649127e371903a2de979"]
    ),
    "GetResources": lambda c: tagged_functions(
        AwsService(c.session, "resourcegroupstaggingapi", c.clock), {"team": "shop"}
    ),
    "StartQuery": lambda c: list(
        ask_logs(AwsService(c.session, "logs", c.clock), c.clock, [DEPLOYED], (0.0, 60.0))
    ),
    "GetQueryResults": lambda c: AwsService(c.session, "logs", c.clock).send(
        "GetQueryResults", "Logs Insights", queryId="q"
    ),
    "StopQuery": lambda c: AwsService(c.session, "logs", c.clock).send(
        "StopQuery", "a query", queryId="q"
    ),
    "GetLambdaFunctionRecommendations": lambda c: advised_sizes(
        AwsService(c.session, "compute-optimizer", c.clock)
    ),
    "GetObject": lambda c: read_s3(c.session, "s3://bucket/key", 10, c.clock),
}


def method(operation: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_that_the_source_sends_has_the_parameters_of_the_model(
    operation: str, session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore's stub checks parameters against the service model; nothing leaves."""
    client = session.client
    if operation in OTHER_SERVICES:
        client = session.boto.create_client(OTHER_SERVICES[operation], region_name=session.region)
        monkeypatch.setattr(session.boto, "create_client", lambda *_, **__: client)
    control = ControlPlane(session, VirtualClock(), patience=Patience(attempts=1))
    with Stubber(client) as stub:
        stub.add_client_error(method(operation), "AccessDeniedException", "no", 403)
        with pytest.raises(AccessDenied, match=f":{operation} is not allowed"):
            SENT[operation](control)
        stub.assert_no_pending_responses()


def errors_of(operation: str) -> list[str]:
    model = botocore.session.get_session().get_service_model(
        "sts" if operation == "AssumeRole" else OTHER_SERVICES.get(operation, "lambda")
    )
    return [shape.error_code for shape in model.operation_model(operation).error_shapes]


@pytest.mark.parametrize("operation", [*OPERATIONS, "AssumeRole"])
def test_every_error_of_the_model_for_what_is_sent_has_its_words(operation: str) -> None:
    for code in errors_of(operation):
        assert code in EXPECTED, "its words are tested there"
        assert words_for(code) or code == "NoSuchKey"
