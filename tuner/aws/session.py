"""A boto3 session and its Lambda client, from the options and the usual credential chain.

It opens and names what is missing; it sends nothing by itself (the credential chain may ask the
instance's metadata service). Retries are switched off in botocore: ``control.py`` has them, where
they can be seen.
"""

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from tuner.aws.role import assume_role
from tuner.aws.translate import Asked, translate
from tuner.errors import UsageError

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

    def asked(self, operation: str, thing: str) -> Asked:
        """What ``translate`` wants to know of a call."""
        return Asked(operation, thing, self.region, self.endpoint_url)


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
        raise translate(error, Asked("open a session", thing)) from error


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
