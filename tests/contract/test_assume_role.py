"""``--assume-role``: whose credentials are used, and what a refusal says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.journal import pending
from tuner.aws.session import SessionOptions, current_keys, narrowed_keys, open_session
from tuner.cli.app import main
from tuner.errors import AccessDenied, TargetError, UsageError
from tuner.records import Setting
from tuner.targets.aws import open_aws
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

ROLE = "arn:aws:iam::123456789012:role/tuner"


@pytest.fixture
def _sts(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")


@pytest.mark.usefixtures("_sts")
def test_the_roles_temporary_credentials_sign_everything() -> None:
    session = open_session(
        SessionOptions("eu-west-1", None, "http://127.0.0.1:9", assume_role=ROLE)
    )
    access_key, _, token = current_keys(session)()
    assert access_key != "mine"
    assert token
    assert session.assume_role == ROLE


def test_what_is_no_role_is_bad_usage() -> None:
    with pytest.raises(UsageError, match="not the ARN of a role"):
        open_session(SessionOptions("eu-west-1", assume_role="tuner"))


def test_a_refusal_names_the_action(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.credentials import AssumeRoleCredentialFetcher
    from botocore.exceptions import ClientError

    def refuse(_self: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")

    monkeypatch.setattr(AssumeRoleCredentialFetcher, "fetch_credentials", refuse)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    with pytest.raises(AccessDenied, match="sts:AssumeRole is not allowed"):
        open_session(SessionOptions("eu-west-1", assume_role=ROLE))


@pytest.mark.usefixtures("_sts")
@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_crashed_run_is_put_back_in_the_same_role(service: Any, function: str) -> None:
    before = service.picture(function)
    given = SessionOptions("eu-west-1", None, service.url, assume_role=ROLE)
    target = open_aws(parse_target(function), AwsOptions(given))
    one_variant(target, Setting(512))
    target.close()
    (entry,) = pending(Path(".tuner/journal"))
    assert entry.header.assume_role == ROLE
    with pytest.raises(SystemExit) as ended:
        main(["restore"])
    assert ended.value.code == 0
    assert service.picture(function) == before


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def policies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The session policies of requests to STS, as they are sent."""
    from botocore.client import BaseClient

    found: list[dict[str, Any]] = []
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def note(self: Any, operation: str, params: dict[str, Any]) -> Any:
        if "Policy" in params:
            found.append(json.loads(params["Policy"]))
        return send(self, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    return found


@pytest.mark.usefixtures("_sts")
@pytest.mark.parametrize("role", [None, ROLE])
def test_keys_for_other_machines_may_only_invoke_the_one_function(
    monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    session = open_session(
        SessionOptions("eu-west-1", None, "http://127.0.0.1:9", assume_role=role)
    )
    asked = policies(monkeypatch)
    access_key, _, token = narrowed_keys(session, ARN)()
    assert access_key not in ("mine", current_keys(session)()[0])
    assert token
    assert {(s["Effect"], s["Action"]) for p in asked for s in p["Statement"]} == {
        ("Allow", "lambda:InvokeFunction")
    }
    assert {r for p in asked for s in p["Statement"] for r in s["Resource"]} == {ARN, f"{ARN}:*"}


@pytest.mark.usefixtures("_sts")
def test_temporary_credentials_are_not_narrowed_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "temporary")
    session = open_session(SessionOptions("eu-west-1", None, "http://127.0.0.1:9"))
    with pytest.raises(TargetError, match="narrows no temporary credentials"):
        narrowed_keys(session, ARN)
