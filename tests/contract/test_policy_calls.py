"""Each command's policy against the calls that the command makes: all allowed, none unused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.control import Control
from tuner.aws.policy import CLONE_PREFIX, Where, policy
from tuner.cli.app import main
from tuner.target.aws import AwsTarget
from tuner.target.isolation import Isolation

#: IAM names two operations differently, and the load engine sends Invoke without boto3.
ACTIONS = {"Invoke": "InvokeFunction"}
#: What IAM asks for beside the operation that needs it.
WITH = {
    "CreateFunction": {"lambda:TagResource", "lambda:GetLayerVersion", "iam:PassRole"},
}


class Record:
    """Actions that were needed, each with the function's name and whether it had a qualifier."""

    def __init__(self) -> None:
        self.calls: set[tuple[str, str, bool]] = set()

    @property
    def actions(self) -> set[str]:
        """What was needed, with what IAM asks beside it."""
        needed = {action for action, _, _ in self.calls}
        for operation, more in WITH.items():
            if f"lambda:{operation}" in needed:
                needed |= more
        return needed


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Record:
    """Every call of the control plane from now on."""
    found = Record()
    send = Control.send

    def recorded(self: Control, operation: str, thing: str, **parameters: Any) -> Any:
        name = str(parameters.get("FunctionName", "")).split(":function:")[-1]
        action = f"lambda:{ACTIONS.get(operation, operation)}"
        qualified = "Qualifier" in parameters or "Name" in parameters
        found.calls.add((action, name, qualified))
        return send(self, operation, thing, **parameters)

    monkeypatch.setattr(Control, "send", recorded)
    return found


def check(record: Record, command: str, function: str, isolation: str = "versions") -> None:
    """Every call is allowed on what it was made on; no action is left over."""
    document = policy([command], Where(function), isolation)
    allowed: dict[str, list[str]] = {}
    for statement in document["Statement"]:
        resources = statement["Resource"]
        listed = [resources] if isinstance(resources, str) else resources
        for action in statement["Action"]:
            allowed.setdefault(action, []).extend(listed)
    assert set(allowed) == record.actions
    base = "arn:aws:lambda:*:*:function:"
    for action, name, qualified in record.calls:
        if not action.startswith("lambda:"):
            continue
        ours = name.startswith(CLONE_PREFIX)
        wanted = f"{base}{CLONE_PREFIX}*" if ours else f"{base}{function}" + ":*" * qualified
        assert wanted in allowed[action] or allowed[action] == ["*"], (action, name, qualified)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def at(service: Any) -> tuple[str, ...]:
    """The options that lead a command to a service."""
    return ("--endpoint-url", service.url, "--region", "eu-west-1")


NEEDED_WITHOUT_REPORT = ("logs:FilterLogEvents", "", False)
GRID = ("--method", "grid", "--memory", "128,256", "--samples", "1", "--cold", "1", "-q")


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("isolation", ["versions", "clone", "in-place"])
@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_sweep(service: Any, function: str, record: Record, isolation: str) -> None:
    where = (*at(service), "--isolation", isolation)
    before = service.picture(function)
    assert run("sweep", f"{function}:live", *where, *GRID) == 0
    assert service.picture(function) == before
    invoked = CLONE_PREFIX if isolation == "clone" else function
    # The load engine invokes, without boto3: a version, a version of the copy, or $LATEST.
    record.calls.add(("lambda:InvokeFunction", invoked, isolation == "versions"))
    record.calls.add(NEEDED_WITHOUT_REPORT)
    check(record, "sweep", function, isolation)


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_restore_of_a_copy(
    function: str, record: Record, open_target: Callable[..., AwsTarget], service: Any
) -> None:
    target = open_target(function, journal=Path(".tuner/journal"), isolation=Isolation.CLONE)
    target.prepare(512)
    target.close()
    record.calls.clear()
    assert run("restore") == 0
    check(record, "restore", function, "clone")


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_plan(service: Any, function: str, record: Record) -> None:
    assert run("plan", f"{function}:live", *at(service)) == 0
    check(record, "plan", function)


def test_restore(function: str, record: Record, open_target: Callable[..., AwsTarget]) -> None:
    target = open_target(function, journal=Path(".tuner/journal"))
    target.prepare(512)
    assert target._maker is not None
    assert target._journal is not None
    target._maker._set(640, f"{target._journal.opening.mark}left as a crash leaves it")
    target.close()
    record.calls.clear()
    assert run("restore") == 0
    check(record, "restore", function)


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_doctor(service: Any, function: str, record: Record) -> None:
    assert run("doctor", f"{function}:live", *at(service)) == 0
    record.calls.add(("sts:GetCallerIdentity", "", False))  # which loopback has no use for
    record.calls.add(("logs:FilterLogEvents", "", False))  # of another service than Lambda
    check(record, "doctor", function)


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_apply(service: Any, function: str, record: Record) -> None:
    where = (*at(service), "--isolation", "versions")
    assert run("sweep", function, *where, *GRID) in (0, 3)
    record.calls.clear()
    assert run("apply", "last", "--memory", "640", "--alias", "live", "--yes") == 0
    moved = service.client.get_function_configuration(FunctionName=function, Qualifier="live")
    assert moved["MemorySize"] == 640
    assert run("apply", "last", "--undo") == 0
    now = service.client.get_function_configuration(FunctionName=function)
    assert now["MemorySize"] == 256
    record.calls.add(("cloudwatch:GetMetricData", "", False))  # while it watches steps
    check(record, "apply", function)


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_load(service: Any, function: str, record: Record) -> None:
    words = ("--rate", "5", "--duration", "2s", "-q")
    assert run("load", f"{function}:live", *at(service), *words) in (0, 3)
    assert run("load", f"{function}:live", *at(service), *words, "--mode", "async") in (0, 3)
    assert run("load", function, *at(service), *words, "--mode", "async") in (0, 3)
    record.calls.add(("lambda:InvokeFunction", function, True))  # the alias, by the load engine
    record.calls.add(("lambda:InvokeFunction", function, False))
    record.calls.add(NEEDED_WITHOUT_REPORT)
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


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["versions", "clone"])
@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_bench(service: Any, function: str, record: Record, isolation: str) -> None:
    text = SUITE.format(function=function, url=service.url, isolation=isolation)
    Path("tuner.toml").write_text(text)
    before = service.picture(function)
    here = ("--environment", "here", "--quiet")
    assert run("bench", *here) in (0, 3)
    assert run("bench", *here, "--only", "alias", "--against", "1") in (0, 1, 3)
    assert service.picture(function) == before
    for qualified in (True, False):  # aliases, versions and $LATEST, by the load engine
        record.calls.add(("lambda:InvokeFunction", function, qualified))
    record.calls.add(("lambda:InvokeFunction", CLONE_PREFIX, True))
    record.calls.add(NEEDED_WITHOUT_REPORT)
    check(record, "bench", function, isolation)
