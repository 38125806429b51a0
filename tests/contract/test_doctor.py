"""``tuner doctor``: what it finds, what it advises, and that it changes nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.commands import exit_code
from tuner.aws.clone import clone_name
from tuner.aws.control import ControlPlane
from tuner.aws.session import AwsSession
from tuner.cli.app import main
from tuner.targets.aws import AwsTarget
from tuner.targets.checkup import check_up
from tuner.targets.names import parse_target
from tuner.targets.seam import Level


def findings(target: AwsTarget) -> dict[str, Any]:
    return {finding.name: finding for finding in target.check_up()}


def test_a_healthy_function_has_no_problem_and_is_left_as_it_was(
    target: AwsTarget, service: Any, function: str
) -> None:
    before = service.picture(function)
    revision = service.client.get_function(FunctionName=function)["Configuration"].get("RevisionId")
    found = findings(target)
    assert [f for f in found.values() if f.level is Level.PROBLEM] == []
    assert found["lambda:InvokeFunction"].level is Level.OK
    assert service.picture(function) == before
    after = service.client.get_function(FunctionName=function)["Configuration"].get("RevisionId")
    assert service.name == "moto" or after == revision


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_each_missing_right_is_named_with_the_policy_that_gives_it(
    target: AwsTarget, aws_session: AwsSession, function: str
) -> None:
    denied = ("Invoke", "UpdateFunctionConfiguration", "PublishVersion", "ListVersionsByFunction")
    events = aws_session.client.meta.events

    def deny(**_: object) -> object:
        parsed = {
            "Error": {"Code": "AccessDeniedException", "Message": "not authorized"},
            "ResponseMetadata": {"HTTPStatusCode": 403},
        }
        return SimpleNamespace(status_code=403), parsed

    for operation in denied:
        events.register(f"before-call.lambda.{operation}", deny)
    try:
        found = findings(target)
    finally:
        for operation in denied:
            events.unregister(f"before-call.lambda.{operation}", deny)
    bad = {name for name, finding in found.items() if finding.level is Level.PROBLEM}
    assert bad == {
        "lambda:InvokeFunction",
        "lambda:UpdateFunctionConfiguration",
        "lambda:PublishVersion",
        "lambda:ListVersionsByFunction",
    }
    assert all("tuner policy" in found[name].fix for name in bad)


def test_a_copy_that_a_run_has_left_is_a_problem_with_its_fix(
    target: AwsTarget, service: Any, function: str, make_zip: Callable[..., bytes]
) -> None:
    run = "01K3AZZZZZZZZZZZZZZZZZZZZZ"
    copy, described = clone_name(function, run), f"tuner {run} copy of {function}"
    service.create(copy, make_zip({"app.py": "..."}), Description=described)
    try:
        found = findings(target)["left by a run"]
    finally:
        service.client.delete_function(FunctionName=copy)
    assert found.level is Level.PROBLEM and copy in found.text and run in found.text
    assert f"tuner restore {function}" in found.fix
    assert findings(target)["left by a run"].level is Level.OK


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_function_that_gets_no_invocation_through_is_a_problem(
    target: AwsTarget, service: Any, function: str
) -> None:
    service.client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    assert findings(target)["reserved concurrency"].level is Level.PROBLEM


def test_what_does_not_exist_ends_the_examination(
    open_target: Callable[..., AwsTarget], service: Any
) -> None:
    found = findings(open_target("nobody"))
    assert list(found) == ["proxy", "credentials", "function"]
    assert found["function"].level is Level.PROBLEM


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_log_settings_that_hide_durations_fail_with_the_fix(
    service: Any,
    function: str,
    await_update: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.client.update_function_configuration(
        FunctionName=function, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"}
    )
    await_update(service, function)
    where = ["--endpoint-url", service.url, "--region", "eu-west-1"]
    with pytest.raises(SystemExit) as ended:
        main(["doctor", function, *where, "--json", "-"])
    document = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert document["ok"] is False
    (hidden,) = [f for f in document["findings"] if f["name"] == "report-hidden"]
    assert hidden["fix"] == "Set SystemLogLevel to INFO."


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_ways_to_start_are_told_with_what_stands_in_their_way(
    target: AwsTarget, service: Any, function: str
) -> None:
    service.client.put_provisioned_concurrency_config(
        FunctionName=function, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    found = findings(target)["ways to start"]
    assert found.level is Level.OK
    assert "the local Lambda takes no snapshots" in found.text
    assert "1 of its aliases and versions are provisioned now" in found.text


def test_a_demo_is_fit_to_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "demo:cpu"])
    assert ended.value.code == 0
    assert "ok target: it can be described" in capsys.readouterr().out


XRAY = ("xray:GetTraceSummaries", "xray:BatchGetTraces")


@pytest.mark.parametrize("service", ["moto"], indirect=True)
def test_the_right_to_ask_cloudwatch_and_xray_is_tried_where_there_are_any(
    target: AwsTarget,
    open_target: Callable[..., AwsTarget],
    service: Any,
    make_zip: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "cloudwatch:GetMetricData" not in findings(target)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", service.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", service.url)
    found = findings(target)
    assert found["cloudwatch:GetMetricData"].level is Level.OK
    assert not set(XRAY) & found.keys()
    package = make_zip({"app.py": "def handler(event, context):\n    return event\n"})
    service.create("traced", package, TracingConfig={"Mode": "Active"})
    found = findings(open_target("traced"))
    assert [found[right].level for right in XRAY] == [Level.OK, Level.OK]


def test_a_permission_for_the_cross_check_alone_is_only_a_warning(
    target: AwsTarget, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"__type": "AccessDeniedException", "message": "not you"}'
    head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def refuse(_server: Any, connection: Any, _number: int) -> bool:
        connection.sendall(head + body)
        return True

    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", serve(refuse).url)
    found = findings(target)["cloudwatch:GetMetricData"]
    assert found.level is Level.WARNING
    assert "cloudwatch:GetMetricData is not allowed" in found.text
    assert "--no-cross-check" in found.fix


def test_a_proxy_that_measured_calls_cannot_use_is_a_problem(
    aws_session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    away = replace(aws_session, endpoint_url="https://lambda.eu-west-1.amazonaws.com")
    for session, level in ((aws_session, Level.OK), (away, Level.PROBLEM)):
        found = next(check_up(ControlPlane(session), parse_target("orders")))
        assert (found.name, found.level) == ("proxy", level)
    assert "leads lambda.eu-west-1.amazonaws.com through a proxy" in found.text
    assert "NO_PROXY=lambda.eu-west-1.amazonaws.com" in found.fix


def test_a_target_that_cannot_be_opened_is_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.js").write_text("exports.handler = async () => 1;\n")
    assert exit_code("doctor", f"local:{tmp_path}", "--runtime", "nodejs18.x") == 1
    assert "X  target: nodejs18.x: is deprecated" in capsys.readouterr().out
