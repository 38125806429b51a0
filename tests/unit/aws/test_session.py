"""Opening a session: what is honoured, what is missing, and what is said then."""

import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tuner.aws.control import ControlPlane
from tuner.aws.session import (
    SessionOptions,
    current_keys,
    is_loopback,
    open_session,
    refuse_proxy,
)
from tuner.errors import AccessDenied, UsageError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, region or files of the machine reach these tests."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_no_region_is_bad_usage_that_names_the_option() -> None:
    with pytest.raises(UsageError, match="no AWS region is set") as caught:
        open_session(SessionOptions())
    assert "--region" in caught.value.fix


def test_an_unknown_profile_is_bad_usage_that_names_it() -> None:
    with pytest.raises(UsageError, match="profile dev"):
        open_session(SessionOptions(region="eu-west-1", profile="dev"))


@pytest.mark.parametrize("region", ["eu west", "-", "eu-west-1.evil.example/"])
def test_a_region_that_is_none_is_bad_usage(region: str) -> None:
    with pytest.raises(UsageError):
        open_session(SessionOptions(region=region))


@pytest.mark.parametrize("url", ["127.0.0.1:4577", "ftp://x", "http://", "http://[", "x y"])
def test_an_endpoint_that_is_no_url_is_bad_usage(url: str) -> None:
    with pytest.raises(UsageError, match="--endpoint-url"):
        open_session(SessionOptions(region="eu-west-1", endpoint_url=url))


def test_the_region_option_counts_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert open_session(SessionOptions()).region == "us-west-2"
    monkeypatch.setenv("AWS_REGION", "eu-north-1")  # as with AWS's own command line
    assert open_session(SessionOptions()).region == "eu-north-1"
    assert open_session(SessionOptions(region="eu-west-1")).region == "eu-west-1"


def test_the_endpoint_of_the_environment_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:4577")
    session = open_session(SessionOptions(region="eu-west-1"))
    assert session.endpoint_url == "http://127.0.0.1:4577"
    assert session.loopback


def test_on_loopback_neither_region_nor_credentials_are_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for options in (SessionOptions(endpoint_url="http://127.0.0.1:4577"), SessionOptions()):
        session = open_session(options)
        assert session.loopback
        assert current_keys(session)() == ("tuner", "tuner", None)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://localhost:4577")


def test_credentials_of_the_environment_are_used_on_loopback_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    session = open_session(SessionOptions(endpoint_url="http://127.0.0.1:4577"))
    assert current_keys(session)() == ("AKIA", "secret", "token")


def test_without_credentials_aws_is_refused_with_the_next_step() -> None:
    session = open_session(SessionOptions(region="eu-west-1"))
    with pytest.raises(AccessDenied, match="no AWS credentials") as caught:
        current_keys(session)()
    assert "--profile" in caught.value.fix


def use_helper(folder: Path, expires: datetime) -> None:
    """Configure a credential process whose keys are numbered by how often it was asked."""
    helper = folder / "helper.py"
    helper.write_text(
        f"""
import json, pathlib
asked = pathlib.Path({str(folder / "asked")!r})
n = int(asked.read_text()) + 1 if asked.exists() else 1
asked.write_text(str(n))
print(json.dumps({{"Version": 1, "AccessKeyId": f"key{{n}}", "SecretAccessKey": "s",
                  "SessionToken": "t", "Expiration": {expires.isoformat()!r}}}))
"""
    )
    (folder / "config").write_text(f"[default]\ncredential_process = {sys.executable} {helper}\n")


def test_credentials_that_end_soon_are_refreshed_each_time(tmp_path: Path) -> None:
    use_helper(tmp_path, datetime.now(UTC) + timedelta(minutes=5))
    keys = current_keys(open_session(SessionOptions(region="eu-west-1")))
    first, second = keys(), keys()
    assert first[0] != second[0]
    assert second[2] == "t"


def test_credentials_that_stay_expired_are_told_as_such(tmp_path: Path) -> None:
    use_helper(tmp_path, datetime.now(UTC) - timedelta(hours=1))
    session = open_session(SessionOptions(region="eu-west-1"))
    with pytest.raises(AccessDenied, match="credentials have expired"):
        current_keys(session)()


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:4577", True),
        ("http://127.8.9.1", True),
        ("http://localhost:1", True),
        ("http://[::1]:4577", True),
        ("https://lambda.eu-west-1.amazonaws.com", False),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
        ("not a url", False),
        ("http://[", False),
    ],
)
def test_loopback_is_told_from_everything_else(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("around", "refused"), [("", True), ("example.com", True), (".amazonaws.com", False)]
)
def test_a_proxy_that_measured_calls_cannot_use_is_refused_before_any_call(
    around: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", around)
    session = open_session(SessionOptions(region="eu-west-1", keys=("k", "s")))
    with pytest.raises(UsageError, match="HTTPS_PROXY") if refused else nullcontext():
        refuse_proxy(session)
    if refused:
        control = ControlPlane(session)
        target = AwsTarget(control, parse_target("orders"), AwsOptions())
        with pytest.raises(UsageError, match="through a proxy"):
            target.prepare([Setting(512)])
        assert control.calls.total() == 0


def test_a_service_on_this_machine_is_asked_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, local_lambda_url: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    session = open_session(SessionOptions(region="eu-west-1", endpoint_url=local_lambda_url))
    refuse_proxy(session)
    assert isinstance(list(ControlPlane(session).functions()), list)
