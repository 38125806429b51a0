"""A boto3 session and its Lambda client, from the options and the usual credential chain.

It opens and names what is missing; it sends nothing by itself (the credential chain may ask the
instance's metadata service). Retries are switched off in botocore: ``control.py`` has them, where
they can be seen.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from tuner.aws.translate import ApiCall, translate
from tuner.errors import AccessDenied, UsageError

#: What a service on loopback gets when there are no credentials; it does not check them.
LOOPBACK_KEYS = ("tuner", "tuner")
LOOPBACK_REGION = "us-east-1"


@dataclass(frozen=True)
class SessionOptions:
    """Where and as whom: ``--region``, ``--profile``, ``--endpoint-url``, ``--assume-role``.

    ``keys`` (access key, secret key) skips the credential chain.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    keys: tuple[str, str] | None = None
    assume_role: str | None = None


@dataclass(frozen=True)
class AwsSession:
    """An opened session: its Lambda client, and what has to be known to sign elsewhere."""

    boto: Any
    client: Any
    region: str
    endpoint_url: str
    verify_tls: bool | str
    profile: str | None = None
    assume_role: str | None = None

    @property
    def loopback(self) -> bool:
        """Whether the service is on this machine."""
        return is_loopback(self.endpoint_url)

    def api_call(self, operation: str, thing: str) -> ApiCall:
        """What ``translate`` wants to know of a call."""
        return ApiCall(operation, thing, self.region, self.endpoint_url)


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, judged without asking a name server."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_session(options: SessionOptions) -> AwsSession:
    """Open a session; raises :class:`UsageError` for a missing region or a bad profile or URL."""
    _check_url(options.endpoint_url)
    try:
        return _open(options)
    except (BotoCoreError, ValueError) as error:
        thing = f"profile {options.profile}" if options.profile else "AWS"
        raise translate(error, ApiCall("open a session", thing)) from error


def _check_url(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise UsageError(
            "--endpoint-url", f"{url!r} is not a URL", "Write it like http://127.0.0.1:4577."
        )


def _open(options: SessionOptions) -> AwsSession:
    core = botocore.session.Session(profile=options.profile)
    keys = options.keys
    if options.endpoint_url and is_loopback(options.endpoint_url):
        _never_ask_the_instance(core)
    region = options.region or core.get_config_variable("region")
    if options.assume_role:
        assume_role(core, options.assume_role, region)
    client = _client(core, options, region, keys)
    if keys is None and is_loopback(client.meta.endpoint_url):
        _never_ask_the_instance(core)
        if core.get_credentials() is None:
            keys = LOOPBACK_KEYS
            client = _client(core, options, region, keys)
    if keys is not None:
        core.set_credentials(*keys)
    return AwsSession(
        boto=core,
        client=client,
        region=client.meta.region_name,
        endpoint_url=client.meta.endpoint_url,
        verify_tls=core.get_config_variable("ca_bundle") or True,
        profile=options.profile,
        assume_role=options.assume_role,
    )


def _client(
    core: botocore.session.Session,
    options: SessionOptions,
    region: str | None,
    keys: tuple[str, str] | None,
) -> Any:
    try:
        return _make_client(core, options, region, keys)
    except NoRegionError:
        # A service on loopback answers for any region, so none has to be named for it.
        client = _make_client(core, options, LOOPBACK_REGION, keys)
        if not is_loopback(client.meta.endpoint_url):
            raise
        return client


def _make_client(
    core: botocore.session.Session,
    options: SessionOptions,
    region: str | None,
    keys: tuple[str, str] | None,
) -> Any:
    return boto3.Session(botocore_session=core).client(
        "lambda",
        region_name=region,
        endpoint_url=options.endpoint_url,
        aws_access_key_id=keys[0] if keys else None,
        aws_secret_access_key=keys[1] if keys else None,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 1},
            user_agent_extra="tuner",
        ),
    )


def _never_ask_the_instance(core: botocore.session.Session) -> None:
    """Drop the metadata service from the chain: off EC2 it only costs seconds of waiting."""
    core.get_component("credential_provider").remove("iam-role")


_ROLE = re.compile(r"arn:aws[a-zA-Z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,600}", re.ASCII)


def assume_role(core: Any, role_arn: str, region: str | None) -> None:
    """Give a botocore session the role's credentials.

    Raises :class:`UsageError` for what is no role's ARN, :class:`AccessDenied` for a refusal.
    """
    if not _ROLE.fullmatch(role_arn):
        fix = "Write it like arn:aws:iam::123456789012:role/tuner."
        raise UsageError(f"--assume-role {role_arn[:80]!r}", "is not the ARN of a role", fix)
    source = core.get_credentials()
    if source is None:
        fix = "Set AWS_PROFILE or --profile, run `aws configure` or `aws sso login`."
        raise AccessDenied("AWS", "no AWS credentials were found to assume the role with", fix)

    def client(service: str, **more: Any) -> Any:
        return core.create_client(service, **{"region_name": region, **more})

    fetcher = AssumeRoleCredentialFetcher(
        client, source, role_arn, extra_args={"RoleSessionName": "tuner"}, cache={}
    )
    try:
        fetcher.fetch_credentials()
    except (ClientError, BotoCoreError) as error:
        asked = ApiCall("AssumeRole", role_arn, region or "", service="sts")
        raise translate(error, asked) from error
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


#: access key, secret key, session token (or None)
Keys = tuple[str, str, str | None]


def current_keys(session: AwsSession) -> Callable[[], Keys]:
    """A function that gives the keys valid now; it raises :class:`AccessDenied` if there are none.

    The chain is walked once; refreshing is then the credentials' own doing.
    """

    def read() -> Keys:
        try:
            credentials = session.boto.get_credentials()
            if credentials is None:
                raise AccessDenied(
                    "AWS",
                    "no AWS credentials were found",
                    "Set AWS_PROFILE or --profile, run `aws configure` or `aws sso login`.",
                )
            frozen = credentials.get_frozen_credentials()
        except RuntimeError as error:  # how botocore says that a refresh gave expired ones
            raise AccessDenied(
                "AWS",
                "the credentials have expired",
                "Refresh them (aws sso login, aws configure, or new environment variables).",
            ) from error
        except (BotoCoreError, OSError) as error:
            raise translate(error, session.api_call("reading credentials", "AWS")) from error
        return frozen.access_key, frozen.secret_key, frozen.token

    return read
