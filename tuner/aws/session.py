"""A boto3 session and its Lambda client, from the options and the usual credential chain.

It opens and names what is missing; it sends nothing by itself (the credential chain may ask the
instance's metadata service), except to assume a role. Retries are switched off in botocore:
``calls.py`` has them, where they can be seen. Keys are never printed, logged or stored.
"""

import ipaddress
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
    RefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from botocore.utils import get_environ_proxies

from tuner.aws.policy import checked_role
from tuner.aws.translate import LOG_IN, ApiCall, translate
from tuner.errors import AccessDenied, TargetError, UsageError

#: What a service on loopback gets when there are no credentials; it does not check them.
LOOPBACK_KEYS = ("tuner", "tuner")
LOOPBACK_REGION = "us-east-1"

#: access key, secret key, session token (or None)
Keys = tuple[str, str, str | None]


def profile_names() -> list[str]:
    """The profiles of the AWS configuration; asks nothing of the network."""
    return list(botocore.session.Session().available_profiles)


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
    """An opened session: its Lambda client, and what is needed to sign elsewhere."""

    boto: Any
    client: Any
    region: str
    endpoint_url: str
    verify_tls: bool | str
    profile: str | None = None
    assume_role: str | None = None

    @property
    def loopback(self) -> bool:
        """True if the service is on this machine."""
        return is_loopback(self.endpoint_url)

    def api_call(self, operation: str, thing: str) -> ApiCall:
        """A call to Lambda in this session, for ``translate``."""
        return ApiCall(operation, thing, self.region, self.endpoint_url)


def is_loopback(url: str) -> bool:
    """True if a URL's host is this machine, judged without asking a name server."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_proxy(session: AwsSession) -> None:
    """Raise UsageError where boto3 would go through a proxy: measured calls go straight, so they
    would fail, or time another way, after the function was changed."""
    url = session.endpoint_url
    proxy = None if session.loopback else get_environ_proxies(url).get(urlsplit(url).scheme)
    if proxy:
        host = urlsplit(url).hostname
        name = f"{urlsplit(url).scheme.upper()}_PROXY"
        reason = f"leads {host} through a proxy, which the calls that are measured cannot use"
        fix = f"Measure where {host} can be reached directly, with NO_PROXY={host}."
        raise UsageError(name, reason, fix)


def open_session(options: SessionOptions) -> AwsSession:
    """Open a session; raises :class:`UsageError` for a missing region or a bad profile or URL."""
    _check_url(options.endpoint_url)
    try:
        return _open(options)
    except (BotoCoreError, ValueError) as error:
        thing = f"profile {options.profile}" if options.profile else "AWS"
        raise translate(error, ApiCall("open a session", thing)) from error


def current_keys(session: AwsSession) -> Callable[[], Keys]:
    """A callable that returns the keys valid now; it raises :class:`AccessDenied` without any.

    The load engine signs its own requests. The chain is walked once; what expires is then
    refreshed by the credentials themselves.
    """

    def read() -> Keys:
        try:
            credentials = session.boto.get_credentials()
            if credentials is None:
                raise NoCredentialsError()
            frozen = credentials.get_frozen_credentials()
        except RuntimeError as error:  # how botocore says that a refresh returned expired ones
            raise AccessDenied("AWS", "the credentials have expired", LOG_IN) from error
        except (BotoCoreError, OSError) as error:
            raise translate(error, session.api_call("reading credentials", "AWS")) from error
        return frozen.access_key, frozen.secret_key, frozen.token

    return read


def signed_headers(session: AwsSession, url: str) -> Mapping[str, str]:
    """The headers of a GET to a page that the Lambda of the session has beside its API."""
    request = AWSRequest("GET", url)
    SigV4Auth(session.boto.get_credentials(), "lambda", session.region).add_auth(request)
    return dict(request.headers.items())


def _check_url(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        fix = "Write it like http://127.0.0.1:4577."
        raise UsageError("--endpoint-url", f"{url!r} is not a URL", fix)


def _open(options: SessionOptions) -> AwsSession:
    core = botocore.session.Session(profile=options.profile)
    keys = options.keys
    if options.endpoint_url and is_loopback(options.endpoint_url):
        _never_ask_the_instance(core)
    # AWS's command line and other SDKs let AWS_REGION count most; botocore does not read it.
    named = options.region or os.environ.get("AWS_REGION")
    region = named or core.get_config_variable("region")
    if options.assume_role:
        _assume_role(core, options.assume_role, region)
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
    make = partial(
        boto3.Session(botocore_session=core).client,
        "lambda",
        endpoint_url=options.endpoint_url,
        aws_access_key_id=keys[0] if keys else None,
        aws_secret_access_key=keys[1] if keys else None,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 1},
            user_agent_extra="tuner",
            proxies={} if options.endpoint_url and is_loopback(options.endpoint_url) else None,
        ),
    )
    try:
        return make(region_name=region)
    except NoRegionError:  # a service on loopback answers for any region, so it needs none
        client = make(region_name=LOOPBACK_REGION)
        if not is_loopback(client.meta.endpoint_url):
            raise
        return client


def _never_ask_the_instance(core: botocore.session.Session) -> None:
    """Drop the metadata service from the chain: off EC2 it only costs seconds of waiting."""
    core.get_component("credential_provider").remove("iam-role")


def narrowed_keys(session: AwsSession, function_arn: str) -> Callable[[], Keys]:
    """As :func:`current_keys`, but the keys may do no more than invoke one function.

    STS makes them with a session policy: of a role that is assumed anyway, or of a user's own
    access keys. Raises TargetError with the reason where it cannot. Source: AWS STS API reference,
    "AssumeRole" and "GetFederationToken".
    """
    resources = [function_arn, f"{function_arn}:*"]
    allowed = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    if session.assume_role is not None:
        core = botocore.session.Session(profile=session.profile)
        _assume_role(core, session.assume_role, session.region, {"Policy": policy})
        return current_keys(replace(session, boto=core))
    if current_keys(session)()[2] is not None:
        reason = "STS narrows no temporary credentials"
        raise TargetError("AWS", reason, "Use --assume-role, or access keys of a user.")

    def fetch() -> dict[str, str]:
        sts = session.boto.create_client("sts", region_name=session.region)
        try:
            found = sts.get_federation_token(Name="tuner", Policy=policy)["Credentials"]
        except (ClientError, BotoCoreError) as error:
            call = ApiCall("GetFederationToken", "AWS", session.region, service="sts")
            raise translate(error, call) from error
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        keys = dict(zip(("access_key", "secret_key", "token"), map(found.get, names), strict=True))
        return {**keys, "expiry_time": found["Expiration"].isoformat()}

    core = botocore.session.Session()
    core._credentials = RefreshableCredentials.create_from_metadata(fetch(), fetch, "federation")
    return current_keys(replace(session, boto=core))


def _assume_role(
    core: Any, role_arn: str, region: str | None, more: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Give a botocore session a role's credentials, which are renewed as they expire.

    The role is assumed at once, so that a refusal shows before anything else happens.
    """
    checked_role(role_arn, "--assume-role")
    call = ApiCall("AssumeRole", role_arn, region or "", service="sts")

    def client(service: str, **more: Any) -> Any:
        return core.create_client(service, **{"region_name": region, **more})

    try:
        source = core.get_credentials()
        if source is None:
            raise NoCredentialsError()
        fetcher = AssumeRoleCredentialFetcher(
            client, source, role_arn, extra_args={"RoleSessionName": "tuner", **more}, cache={}
        )
        fetcher.fetch_credentials()
    except (ClientError, BotoCoreError) as error:
        raise translate(error, call) from error
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
