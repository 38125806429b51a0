"""The module that CloudFormation puts beside code which a template holds, for custom resources.

Packages of such code have a copy; nothing of ours imports it. Names and meaning are those of AWS
(CloudFormation user guide, "cfn-response module").
"""

# ruff: noqa: N803, T201 - callers may name the arguments as AWS does; it prints into the log
import json
import urllib.request
from typing import Any

SUCCESS, FAILED = "SUCCESS", "FAILED"


def send(
    event: dict[str, Any],
    context: Any,
    responseStatus: str,
    responseData: dict[str, Any],
    physicalResourceId: str | None = None,
    noEcho: bool = False,
    reason: str | None = None,
) -> None:
    """Tell CloudFormation how the custom resource has fared; a failure is printed, not raised."""
    stream = context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {stream}",
        "PhysicalResourceId": physicalResourceId or stream,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    request = urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"
    )
    try:
        with urllib.request.urlopen(request, timeout=60.0) as told:
            print("Status code:", told.status)
    except (OSError, ValueError) as error:
        print("send(..) failed executing request:", error)
