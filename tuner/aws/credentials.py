"""Credentials for signing elsewhere: the load engine signs its own requests.

Read anew at every call, so that what expires is refreshed by the credential chain. Never printed,
logged or stored.
"""

from collections.abc import Callable

from botocore.exceptions import BotoCoreError

from tuner.aws.session import AwsSession
from tuner.aws.translate import translate
from tuner.errors import AccessDenied

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
            raise translate(error, session.asked("reading credentials", "AWS")) from error
        return frozen.access_key, frozen.secret_key, frozen.token

    return read
