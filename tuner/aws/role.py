"""Working in another account: ``--assume-role ARN``.

The role's temporary credentials replace the session's, and are renewed as they expire. The role is
assumed at once, so that a refusal is told before anything else happens.
"""

import re
from typing import Any

from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError

from tuner.aws.translate import Asked, translate
from tuner.errors import AccessDenied, UsageError

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
        asked = Asked("AssumeRole", role_arn, region or "", service="sts")
        raise translate(error, asked) from error
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
