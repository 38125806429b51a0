"""Each command's policy against the calls that the command makes: all allowed, none unused.

The commands run behind a proxy that writes down every request, invocations included; which
action of IAM a request needs is read from botocore's service model.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
import pytest

from support import fault_proxy as f
from support.commands import exit_code as run
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.control import ControlPlane
from tuner.aws.moving import Steps
from tuner.aws.policy import CLONE_PREFIX, PolicyScope, policy
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock
from tuner.errors import AccessDenied
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

pytestmark = pytest.mark.slow

#: IAM names one operation differently.
ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}
#: What IAM asks for beside the operation that needs it.
WITH = {
    "lambda:CreateFunction": {"lambda:TagResource", "lambda:GetLayerVersion", "iam:PassRole"},
    "lambda:UntagResource": {"lambda:ListTags"},  # GetFunction shows tags with it only
    "lambda:UpdateFunctionCode": {"lambda:GetLayerVersion"},  # of each layer that there is
}
#: Asked only where an answer's log tail lacks REPORT, which the local Lambda's never does.
WITHOUT_REPORT = ("logs:FilterLogEvents", "", False)
#: Asked when a run is over; there is no CloudWatch beside a service on loopback.
AFTERWARDS = {
    ("cloudwatch:GetMetricData", "", False),
    ("xray:GetTraceSummaries", "", False),
    ("xray:BatchGetTraces", "", False),
}
GRID = ("--method", "grid", "--memory", "128,256", "--samples", "1", "--cold", "1", "-q", "--yes")
ISOLATIONS = ("versions", "clone", "in-place")
locally = pytest.mark.parametrize("service", ["local"], indirect=True)

Call = tuple[str, str, bool]  # action, function's name, whether it had a qualifier


def routes() -> list[tuple[str, re.Pattern[str], str]]:
    """Method, path and name of Lambda's operations, those with the longest paths first."""
    model = botocore.session.get_session().get_service_model("lambda")
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        parts = re.split(r"(\{\w+\+?\})", http["requestUri"].split("?")[0])
        path = "".join(r"([^/]+)" if part.startswith("{") else re.escape(part) for part in parts)
        found.append((http["method"], re.compile(f"{path}/?"), name))
    return sorted(found, key=lambda route: -len(route[1].pattern))


ROUTES = routes()


def call_of(method: str, url: str, target: str, body: bytes) -> Call:
    """The action that a request needs, and on what."""
    if target:
        return f"logs:{target.rsplit('.', 1)[-1]}", "", False
    where = urlsplit(url)
    for verb, path, operation in ROUTES:
        match = path.fullmatch(where.path)
        lists = "List" in parse_qs(where.query)  # told from a Get of the same path by its query
        if verb == method and match and (not lists or operation.startswith("List")):
            names = [unquote(group) for group in match.groups()]
            if operation == "CreateFunction":
                names = [json.loads(body)["FunctionName"]]
            function = names[0].split(":function:")[-1] if names else ""
            qualified = "Qualifier" in parse_qs(where.query) or operation.endswith("Alias")
            return f"lambda:{ACTIONS.get(operation, operation)}", function, qualified
    raise AssertionError(f"no operation of Lambda: {method} {url}")


@dataclass
class Record:
    """What a command asked for; behind ``url`` everything is written down."""

    proxy: f.FaultProxy
    more: set[Call] = field(default_factory=set)

    @property
    def where(self) -> tuple[str, ...]:
        """The options that lead a command here."""
        return ("--endpoint-url", self.proxy.url, "--region", "eu-west-1")

    @property
    def calls(self) -> set[Call]:
        """Without the local Lambda's own paths and the packages that it hands out."""
        own = ("/tuner/",)
        asked = [one for one in self.proxy.asked if not one[1].startswith(own)]
        return {call_of(*one) for one in asked} | self.more

    def forget(self) -> None:
        """What was asked so far was another command's."""
        self.proxy.asked.clear()
        self.more.clear()


@pytest.fixture
def record(service: Any) -> Iterator[Record]:
    """A service behind the proxy."""
    with f.FaultProxy(service.url).serving() as proxy:
        yield Record(proxy)


def check(
    record: Record,
    command: str,
    function: str,
    isolation: str = "versions",
    architectures: bool = False,
    *,
    provisioned: bool = False,
) -> None:
    """Every call is allowed on what it was made on; no action is left over."""
    scope = PolicyScope(function, role="arn:aws:iam::123456789012:role/orders")
    document = policy([command], scope, isolation, architectures, provisioned=provisioned)
    allowed: dict[str, list[str]] = {}
    for statement in document["Statement"]:
        resources = statement["Resource"]
        listed = [resources] if isinstance(resources, str) else resources
        for action in statement["Action"]:
            allowed.setdefault(action, []).extend(listed)
    calls = record.calls
    needed = {action for action, _, _ in calls}
    needed |= {beside for action in needed for beside in WITH.get(action, ())}
    assert set(allowed) == needed
    base = "arn:aws:lambda:*:*:function:"
    for action, name, qualified in calls:
        if not action.startswith("lambda:"):
            continue
        ours = name.startswith(CLONE_PREFIX)
        wanted = f"{base}{CLONE_PREFIX}*" if ours else f"{base}{function}" + ":*" * qualified
        assert wanted in allowed[action] or allowed[action] == ["*"], (action, name, qualified)


@pytest.mark.parametrize("isolation", ISOLATIONS)
@locally
def test_sweep(service: Any, function: str, record: Record, isolation: str) -> None:
    record.more |= {WITHOUT_REPORT, *AFTERWARDS}
    before = service.picture(function)
    where = (*record.where, "--isolation", isolation)
    assert run("sweep", f"{function}:live", *where, *GRID) == 0
    assert service.picture(function) == before
    check(record, "sweep", function, isolation)


@locally
def test_sweep_over_architectures_needs_what_copies_need(
    service: Any, function: str, record: Record
) -> None:
    record.more |= {WITHOUT_REPORT, *AFTERWARDS}
    before = service.picture(function)
    words = ("--architectures", "both", *GRID)
    assert run("sweep", f"{function}:live", *record.where, *words) == 0
    assert service.picture(function) == before
    check(record, "sweep", function, "clone")


@locally
def test_cold(service: Any, function: str, record: Record) -> None:
    record.more |= {WITHOUT_REPORT, *AFTERWARDS}
    before = service.picture(function)
    words = ("--memory", "128", "--cold", "1", "-q", "--yes")
    assert run("cold", f"{function}:live", *record.where, *words) in (0, 3)
    assert service.picture(function) == before
    check(record, "cold", function)


@locally
def test_cold_of_ways_to_start(service: Any, function: str, record: Record) -> None:
    record.more |= {WITHOUT_REPORT, *AFTERWARDS}
    before = service.picture(function)
    words = ("--variants", "provisioned=1", "--cold", "1", "-q", "--yes")
    assert run("cold", f"{function}:live", *record.where, *words) == 0
    assert service.picture(function) == before
    check(record, "cold", function, provisioned=True)


@locally
def test_restore_of_a_provisioned_version(
    service: Any, function: str, record: Record, hasty_clock: WallClock
) -> None:
    session = open_session(SessionOptions(region="eu-west-1", endpoint_url=record.proxy.url))
    options = AwsOptions(journal=Path(".tuner/journal"))
    target = AwsTarget(ControlPlane(session, hasty_clock), parse_target(function), options)
    one_variant(target, Setting(512, start="provisioned=1"))
    assert target._deployed._maker is not None
    assert target._deployed._journal is not None
    target._deployed._maker._set(
        640, f"{target._deployed._journal.header.mark}left as a crash leaves it"
    )
    target.close()
    record.forget()
    assert run("restore") == 0
    assert run("restore", function, *record.where) == 0
    check(record, "restore", function, provisioned=True)
    listed = service.client.list_provisioned_concurrency_configs(FunctionName=function)
    assert listed["ProvisionedConcurrencyConfigs"] == []


@pytest.mark.parametrize("isolation", ISOLATIONS)
@locally
def test_restore(function: str, record: Record, isolation: str, hasty_clock: WallClock) -> None:
    session = open_session(SessionOptions(region="eu-west-1", endpoint_url=record.proxy.url))
    options = AwsOptions(journal=Path(".tuner/journal"), isolation=Isolation(isolation))
    target = AwsTarget(ControlPlane(session, hasty_clock), parse_target(function), options)
    one_variant(target, Setting(512))
    if isolation == "versions":
        assert target._deployed._maker is not None
        assert target._deployed._journal is not None
        target._deployed._maker._set(
            640, f"{target._deployed._journal.header.mark}left as a crash leaves it"
        )
    target.close()
    record.forget()
    assert run("restore") == 0
    assert run("restore", function, *record.where) == 0
    record.more.add(("lambda:ListTags", function, False))  # with which GetFunction shows tags
    check(record, "restore", function, isolation)


@locally
def test_plan(function: str, record: Record) -> None:
    assert run("plan", f"{function}:live", *record.where) == 0
    check(record, "plan", function)


@locally
def test_plan_of_ways_to_start(function: str, record: Record) -> None:
    variants = ("--variants", "provisioned=1")
    assert run("plan", f"{function}:live", *record.where, *variants) == 0
    check(record, "plan", function, provisioned=True)


@locally
def test_doctor(function: str, record: Record) -> None:
    assert run("doctor", f"{function}:live", *record.where) == 0
    # Of other services than Lambda, which are not there on loopback.
    record.more |= {("sts:GetCallerIdentity", "", False), *AFTERWARDS}
    record.more.add(("lambda:ListTags", function, False))  # with which GetFunction shows tags
    check(record, "doctor", function)


class Impatient(WallClock):
    """Does not wait for the steps of an alias."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds / 10, 0.02))


RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.mark.parametrize("arch", [None, "arm64"])
@locally
def test_apply_in_steps_and_taken_back(
    service: Any, function: str, record: Record, monkeypatch: pytest.MonkeyPatch, arch: str | None
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    session = open_session(SessionOptions(region="eu-west-1", endpoint_url=record.proxy.url))

    def reply(**_: object) -> object:
        record.more.add(("cloudwatch:GetMetricData", "", False))
        return SimpleNamespace(status_code=200), {"MetricDataResults": []}

    session.boto.register("before-call.cloudwatch.GetMetricData", reply)
    before = service.picture(function)
    control = ControlPlane(session, Impatient())
    application = Application(control, function, Path(".tuner/applied"), lambda _text: None)
    application.stack()  # as the command asks first
    done = application.apply(ApplyOptions(RUN, 640, "live", Steps((0.5,), 1.0), arch=arch))
    assert done is not None
    application.undo(done)
    assert service.picture(function) == before
    check(record, "apply", function, architectures=arch is not None)


@locally
def test_restore_after_an_interrupted_apply_needs_no_other_policy(
    service: Any, function: str, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = service.picture(function)
    session = open_session(SessionOptions(region="eu-west-1", endpoint_url=record.proxy.url))
    control = ControlPlane(session, Impatient())
    application = Application(control, function, Path(".tuner/applied"), lambda _text: None)
    denied = f.refuses(403, "AccessDeniedException", "no")
    record.proxy.strike(5, denied, lasting=True)
    with pytest.raises(AccessDenied):
        application.apply(ApplyOptions(RUN, 640, "live"))
    record.proxy.pass_on()
    record.forget()
    assert run("restore") == 0
    assert service.picture(function) == before
    allowed = {
        a for s in policy(["apply"], PolicyScope(function))["Statement"] for a in s["Action"]
    }
    needed = {action for action, _, _ in record.calls}
    assert needed
    assert needed <= allowed


@locally
def test_load_of_calls_events_and_a_function_url(
    function: str, record: Record, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    words = ("--rate", "5", "--duration", "1s", "-q")
    live = f"{function}:live"
    assert run("load", live, *record.where, *words) in (0, 3)
    assert run("load", live, *record.where, *words, "--mode", "async") in (0, 3)
    assert ("lambda:InvokeFunction", function, True) in record.calls
    assert ("lambda:GetFunctionEventInvokeConfig", function, True) in record.calls

    def answers(_server: Any, connection: Any, _number: int) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return True

    front = serve(answers)
    url = ("--url", front.url, "--url-auth", "iam:lambda")
    assert run("load", live, *record.where, *words, *url) in (0, 3)
    assert b"/lambda/aws4_request" in front.requests[0]  # what a Function URL asks for
    record.more.add(("lambda:InvokeFunctionUrl", function, True))
    record.more |= {WITHOUT_REPORT, *AFTERWARDS}
    check(record, "load", function)


SUITE = """[suite]
gates = ["p50 +50%", "init +90%"]
most = 20
cold = 2
[[case]]
name = "sizes"
target = "{function}"
sizes = [256]
[[case]]
name = "alias"
target = "{function}:live"
gates = ["p50 +50%"]
[environments.here]
endpoint_url = "{url}"
region = "eu-west-1"
isolation = "{isolation}"
"""


@pytest.mark.parametrize("isolation", ["versions", "clone"])
@locally
def test_bench(
    service: Any,
    function: str,
    record: Record,
    isolation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUNER_TRUST", "1")  # the suite names an endpoint
    monkeypatch.setenv("TUNER_TRUST", "1")
    record.more.add(WITHOUT_REPORT)
    url = record.proxy.url
    text = SUITE.format(function=function, url=url, isolation=isolation)
    Path("tuner.toml").write_text(text)
    before = service.picture(function)
    here = ("--environment", "here", "--quiet")
    assert run("bench", *here) in (0, 3)
    assert run("bench", *here, "--only", "alias", "--against", "1") in (0, 1, 3)
    assert service.picture(function) == before
    check(record, "bench", function, isolation)


@locally
def test_a_bench_that_may_make_no_copy_goes_on_without_the_control(
    service: Any, function: str, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AccessDenied(function, "iam:PassRole is not allowed")

    monkeypatch.setenv("TUNER_TRUST", "1")
    monkeypatch.setattr("tuner.targets.aws_versions.make_clone", refused)
    text = SUITE.format(function=function, url=record.proxy.url, isolation="versions")
    Path("tuner.toml").write_text(text)
    before = service.picture(function)
    code = run("bench", "--environment", "here", "--quiet", "--json", "out.json")
    cases = json.loads(Path("out.json").read_text())["cases"]
    assert code in (0, 3), cases
    assert "failed" not in {case["state"] for case in cases}
    said = [one["text"] for one in cases[0]["warnings"]]
    assert "No control was called: iam:PassRole is not allowed." in said
    assert service.picture(function) == before
