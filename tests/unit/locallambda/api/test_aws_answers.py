"""Answers that were recorded on AWS, beside those of the local Lambda."""

import asyncio
import base64
import json
from typing import Any

import pytest

from tuner.locallambda.registry.names import function_arn

BASE = "/2015-03-31/functions"
QUEUES = "arn:aws:sqs:eu-west-1:000000000000:"
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"
CONFIG = "/2019-09-25/functions/f/event-invoke-config"
ALLOW = {
    "StatementId": "s",
    "Action": "lambda:InvokeFunction",
    "Principal": "s3.amazonaws.com",
    "SourceAccount": "123456789012",
}


def publish(api: Any, path: str = f"{BASE}/f", **body: Any) -> Any:
    return api.call("POST", f"{path}/versions", body)


def with_alias(api: Any) -> str:
    """A function with version 1 behind the alias ``live``."""
    path: str = api.ready()
    publish(api)
    api.call("POST", f"{path}/aliases", {"Name": "live", "FunctionVersion": "1"})
    return path


def test_a_new_version_moves_the_revision_of_latest_and_the_same_one_does_not(api: Any) -> None:
    path = api.ready()
    revisions = [api.call("GET", f"{path}/configuration").body["RevisionId"]]
    versions = []
    for _ in range(2):
        versions.append(publish(api).body)
        revisions.append(api.call("GET", f"{path}/configuration").body["RevisionId"])
    assert revisions[0] != revisions[1] == revisions[2]
    assert versions[0]["RevisionId"] == versions[1]["RevisionId"] not in revisions
    stale = publish(api, Description="x", RevisionId=revisions[0])
    assert (stale.status, stale.error) == (412, "PreconditionFailedException")


def test_a_version_of_an_update_is_pending_until_it_settles(api: Any) -> None:
    made = api.create(Publish=True).body
    assert (made["FunctionArn"], made["Version"]) == (ARN, "1")
    api.later()
    code = {"ZipFile": api.zip("def handler(event, context): return 2\n"), "Publish": True}
    updated = api.call("PUT", f"{BASE}/f/code", code).body
    assert (updated["FunctionArn"], updated["Version"]) == (f"{ARN}:2", "2")
    assert (updated["State"], updated["StateReasonCode"]) == ("Pending", "Creating")
    refused = api.invoke("f:2")
    assert (refused.status, refused.error) == (409, "ResourceConflictException")
    api.later()
    settled = api.call("GET", f"{BASE}/f/configuration", Qualifier="2").body
    assert settled["State"] == "Active"
    assert settled["RevisionId"] != updated["RevisionId"]
    assert api.invoke("f:2").status == 200


def test_an_alias_of_latest_serves_and_shows_latest(api: Any) -> None:
    path = api.ready()
    api.call("POST", f"{path}/aliases", {"Name": "head", "FunctionVersion": "$LATEST"})
    shown = api.call("GET", f"{path}/configuration", Qualifier="head")
    assert (shown.status, shown.body["Version"]) == (200, "$LATEST")
    assert api.invoke("f:head").headers["X-Amz-Executed-Version"] == "$LATEST"


def test_tagging_moves_the_revision_of_a_function(api: Any) -> None:
    path = api.ready()
    revisions = [api.call("GET", f"{path}/configuration").body["RevisionId"]]
    api.call("POST", f"/2017-03-31/tags/{ARN}", {"Tags": {"a": "b"}})
    revisions.append(api.call("GET", f"{path}/configuration").body["RevisionId"])
    api.call("DELETE", f"/2017-03-31/tags/{ARN}", tagKeys="a")
    revisions.append(api.call("GET", f"{path}/configuration").body["RevisionId"])
    assert len(set(revisions)) == 3


def test_the_first_permission_of_an_alias_takes_its_own_revision(api: Any) -> None:
    path = with_alias(api)
    revision = api.call("GET", f"{path}/aliases/live").body["RevisionId"]
    query = {"Qualifier": "live"}
    wrong = api.call("POST", f"{path}/policy", {**ALLOW, "RevisionId": "wrong"}, **query)
    assert wrong.status == 412
    right = api.call("POST", f"{path}/policy", {**ALLOW, "RevisionId": revision}, **query)
    assert right.status == 201


@pytest.mark.parametrize("qualifier", ["live", "1", "$LATEST", None])
def test_an_arn_is_qualified_as_it_was_asked_for(api: Any, qualifier: str | None) -> None:
    path = with_alias(api)
    query = {} if qualifier is None else {"Qualifier": qualifier}
    expected = ARN if qualifier is None else f"{ARN}:{qualifier}"
    found = api.call("GET", path, **query).body["Configuration"]
    assert found["FunctionArn"] == expected
    assert api.call("GET", f"{path}/configuration", **query).body["FunctionArn"] == expected
    assert found["Version"] == ("1" if qualifier in ("live", "1") else "$LATEST")


#: What Terraform and others ask of every function; none of it is there.
NOTHING = [
    ("/2020-06-30/functions/f/code-signing-config", {}),
    ("/2024-08-31/functions/f/recursion-config", {"RecursiveLoop": "Terminate"}),
    (
        "/2021-07-20/functions/f/runtime-management-config",
        {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:$LATEST"},
    ),
    ("/2018-10-31/layers", {"Layers": []}),
    ("/2018-10-31/layers/l/versions", {"LayerVersions": []}),
    ("/2015-03-31/event-source-mappings", {"EventSourceMappings": []}),
    ("/2021-10-31/functions/f/urls", {"FunctionUrlConfigs": []}),
]


@pytest.mark.parametrize(("path", "expected"), NOTHING)
def test_what_a_function_does_not_have_is_told(api: Any, path: str, expected: Any) -> None:
    api.ready()
    reply = api.call("GET", path)
    assert (reply.status, reply.body) == (200, expected)


def test_a_permission_is_kept_shown_and_removed(api: Any) -> None:
    path = f"{api.ready()}/policy"
    made = api.call("POST", path, ALLOW)
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
        "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}},
    }
    assert (made.status, json.loads(made.body["Statement"])) == (201, statement)
    again = api.call("POST", path, ALLOW)
    assert (again.status, again.error) == (409, "ResourceConflictException")
    assert "The statement id (s) provided already exists." in again.text
    api.open()  # a restart
    shown = api.call("GET", path).body
    policy = json.loads(shown["Policy"])
    assert (policy["Id"], policy["Statement"]) == ("default", [statement])
    stale = api.call("DELETE", f"{path}/s", RevisionId="old")
    assert stale.status == 412
    assert "Call the GetPolicy API" in stale.text
    assert api.call("DELETE", f"{path}/other").status == 404
    assert api.call("DELETE", f"{path}/s", RevisionId=shown["RevisionId"]).status == 204
    assert api.call("GET", path).status == 404


def test_invoke_async_is_accepted_and_runs(api: Any) -> None:
    api.ready()
    reply = api.call("POST", "/2014-11-13/functions/f/invoke-async", {"n": 1})
    assert (reply.status, reply.body) == (202, {"Status": 202})
    api.later()
    assert [record["requestPayload"] for record in api.service.records()] == [{"n": 1}]


def test_stored_code_counts_for_latest_and_for_each_version(api: Any) -> None:
    path = with_alias(api)
    size = api.call("GET", f"{path}/configuration").body["CodeSize"]
    usage = api.call("GET", "/2016-08-19/account-settings").body["AccountUsage"]
    assert usage == {"TotalCodeSize": 2 * size, "FunctionCount": 1}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_an_arn_names_the_partition_of_its_region(region: str, partition: str) -> None:
    assert function_arn(region, "f").startswith(f"arn:{partition}:lambda:{region}:")


def test_a_client_context_may_be_laid_out_in_lines(api: Any) -> None:
    seen: list[str | None] = []

    def behave(spec: Any, call: Any) -> tuple[bytes, None, bool]:
        seen.append(call.client_context)
        return b"null", None, True

    api.ready()
    api.host.behave = behave
    context = base64.b64encode(b'{"a": 1,\r\n "b":\n2}').decode()
    assert api.invoke("f", X_Amz_Client_Context=context).status == 200
    assert seen == ['{"a": 1, "b":2}']


def test_a_function_that_is_a_destination_gets_the_record(api: Any) -> None:
    seen: list[Any] = []
    api.ready()
    api.ready("target")
    to = f"{ARN[:-1]}target"
    put = api.call("PUT", CONFIG, {"DestinationConfig": {"OnSuccess": {"Destination": to}}})
    assert put.status == 200

    def behave(spec: Any, call: Any) -> tuple[bytes, None, bool]:
        seen.append((spec.function_name, json.loads(call.event)))
        return b'"done"', None, True

    api.host.behave = behave
    api.invoke("f", b'{"n": 1}', X_Amz_Invocation_Type="Event")
    api.later()
    assert [name for name, _ in seen] == ["f", "target"]
    record = seen[1][1]
    assert (record["requestPayload"], record["responsePayload"]) == ({"n": 1}, "done")
    assert record["requestContext"]["condition"] == "Success"


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("target:live", "is invalid"),
        ("target:7", "is invalid"),
        ("target:$LATEST", None),
        ("queue", None),
        ("queue.fifo", "is a FIFO queue"),
    ],
)
def test_a_destination_that_gets_no_record_is_refused(api: Any, to: str, says: str | None) -> None:
    api.ready()
    api.ready("target")
    arn = f"{ARN[:-1]}{to}" if to.startswith("target") else f"{QUEUES}{to}"
    reply = api.call("PUT", CONFIG, {"DestinationConfig": {"OnSuccess": {"Destination": arn}}})
    assert reply.status == (400 if says else 200)
    assert says is None or says in reply.text


def test_dead_letters_go_to_no_fifo_queue(api: Any) -> None:
    path = api.ready()
    body = {"DeadLetterConfig": {"TargetArn": f"{QUEUES}queue.fifo"}}
    reply = api.call("PUT", f"{path}/configuration", body)
    assert reply.status == 400
    assert "standard queues only" in reply.text


def test_functions_that_are_destinations_of_each_other_come_to_an_end(api: Any) -> None:
    for name, other in (("f", "g"), ("g", "f")):
        api.create(name)
        api.create(other)
        api.later()
        to = {"OnSuccess": {"Destination": f"{ARN[:-1]}{other}"}}
        path = f"/2019-09-25/functions/{name}/event-invoke-config"
        assert api.call("PUT", path, {"DestinationConfig": to}).status == 200
    api.invoke("f", X_Amz_Invocation_Type="Event")
    for _ in range(60):
        api.later()
        api.run(asyncio.sleep(0))
    assert len(api.service.records()) == 17  # itself, and sixteen that were passed on


@pytest.mark.parametrize("kind", ["sns", "events", "s3"])
def test_what_cannot_be_delivered_is_refused_with_the_reason(api: Any, kind: str) -> None:
    api.ready()
    to = {"OnFailure": {"Destination": f"arn:aws:{kind}:eu-west-1:000000000000:t"}}
    reply = api.call("PUT", CONFIG, {"DestinationConfig": to})
    assert reply.status == 400
    assert "SQS queues and functions only" in reply.text
    letters = {"DeadLetterConfig": {"TargetArn": "arn:aws:sns:eu-west-1:000000000000:t"}}
    assert "SQS queues only" in api.call("PUT", f"{BASE}/f/configuration", letters).text
