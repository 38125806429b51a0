"""A function's log of a time span: from CloudWatch Logs, or from the local Lambda beside it.

Reads only, page by page, with CloudWatch's own limit of calls in mind; what lines mean is not
known here. Lines appear there some seconds after they were written.
"""

from collections.abc import Iterator
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tuner.aws.session import AwsSession
from tuner.aws.translate import Asked, translate

#: What the platform writes at the end of an invocation, as text or as JSON.
REPORTS = ("REPORT", "platform.report")


def read_reports(
    session: AwsSession, log_group: str, since_s: float, until_s: float
) -> Iterator[tuple[float, str]]:
    """(seconds since 1970, text) of every REPORT in a log group within a time span.

    A group that does not exist has no lines: nothing was run yet. Raises our errors. Needs
    ``logs:FilterLogEvents``.
    """
    for pattern in REPORTS:
        for at_s, text in _read(session, log_group, since_s, until_s, f'"{pattern}"'):
            if next(each for each in REPORTS if each in text) == pattern:  # each line once
                yield at_s, text


def _read(
    session: AwsSession, log_group: str, since_s: float, until_s: float, pattern: str
) -> Iterator[tuple[float, str]]:
    pages = (
        _client(session)
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=log_group,
            startTime=int(since_s * 1000),
            endTime=int(until_s * 1000) + 1,
            filterPattern=pattern,
        )
    )
    try:
        for page in pages:
            for event in page["events"]:
                yield event["timestamp"] / 1000.0, event["message"]
    except (ClientError, BotoCoreError) as error:
        answer = getattr(error, "response", {})
        if answer.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return
        asked = Asked("FilterLogEvents", log_group, session.region, service="logs")
        raise translate(error, asked) from error


def _client(session: AwsSession) -> Any:
    """The local Lambda answers for its log at its own address; elsewhere the region's service."""
    return session.boto.create_client(
        "logs",
        region_name=session.region,
        endpoint_url=session.endpoint_url if session.loopback else None,
        config=Config(retries={"mode": "standard", "total_max_attempts": 8}),
    )
