"""What is kept and shown, without effect here: URLs, code signing, mappings and settings."""

from typing import Any

import pytest

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"
URL = "/2021-10-31/functions/f/url"
SIGNING = "/2020-04-22/code-signing-configs"
MAPPINGS = "/2015-03-31/event-source-mappings"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:q"
STREAM = "arn:aws:kinesis:eu-west-1:000000000000:stream/s"


def test_a_url_is_made_shown_changed_listed_and_deleted(api: Any) -> None:
    path = api.ready()
    api.call("POST", f"{path}/versions", {})
    api.call("POST", f"{path}/aliases", {"Name": "live", "FunctionVersion": "1"})
    made = api.call("POST", URL, {"AuthType": "NONE"})
    assert made.status == 201
    assert {*made.body} == {"FunctionArn", "FunctionUrl", "CreationTime", "AuthType"}
    again = api.call("POST", URL, {"AuthType": "NONE"})
    assert (again.status, again.error) == (409, "ResourceConflictException")
    api.call("POST", URL, {"AuthType": "AWS_IAM"}, Qualifier="live")
    changed = api.call("PUT", URL, {"AuthType": "AWS_IAM"}).body
    assert (changed["AuthType"], changed["FunctionUrl"]) == ("AWS_IAM", made.body["FunctionUrl"])
    api.open()  # a restart
    listed = api.call("GET", f"{URL}s").body["FunctionUrlConfigs"]
    assert [one["FunctionArn"] for one in listed] == [ARN, f"{ARN}:live"]
    assert all(one["InvokeMode"] == "BUFFERED" for one in listed)
    first = api.call("GET", f"{URL}s", MaxItems="1").body
    second = api.call("GET", f"{URL}s", MaxItems="1", Marker=first["NextMarker"]).body
    assert [*first["FunctionUrlConfigs"], *second["FunctionUrlConfigs"]] == listed
    assert api.call("DELETE", URL).status == 204
    assert api.call("GET", URL).status == 404
    assert api.call("GET", URL, Qualifier="live").body == listed[1]


def test_code_signing_is_kept_and_attached_to_functions(api: Any) -> None:
    api.ready()
    publishers = {"AllowedPublishers": {"SigningProfileVersionArns": ["arn:aws:signer:::/x"]}}
    made = api.call("POST", SIGNING, {**publishers, "Description": "d"})
    config = made.body["CodeSigningConfig"]
    arn = config["CodeSigningConfigArn"]
    policies = {"UntrustedArtifactOnDeployment": "Enforce"}
    changed = api.call("PUT", f"{SIGNING}/{arn}", {"CodeSigningPolicies": policies}).body
    assert changed["CodeSigningConfig"]["CodeSigningPolicies"] == policies
    assert changed["CodeSigningConfig"]["Description"] == "d"
    path = "/2020-06-30/functions/f/code-signing-config"
    assert api.call("GET", path).body == {}
    attached = {"CodeSigningConfigArn": arn, "FunctionName": "f"}
    assert api.call("PUT", path, {"CodeSigningConfigArn": arn}).body == attached
    api.open()  # a restart
    assert api.call("GET", path).body == attached
    assert api.call("GET", f"{SIGNING}/{arn}/functions").body == {"FunctionArns": [ARN]}
    assert api.create("g", CodeSigningConfigArn=arn).status == 201
    other = api.call("GET", path.replace("/f/", "/g/")).body
    assert other == {"CodeSigningConfigArn": arn, "FunctionName": "g"}
    assert api.create("h", CodeSigningConfigArn=f"{arn}0").error == (
        "CodeSigningConfigNotFoundException"
    )
    assert api.call("DELETE", "/2015-03-31/functions/g").status == 204
    assert len(api.call("GET", SIGNING).body["CodeSigningConfigs"]) == 1
    assert api.call("DELETE", path).status == 204
    assert api.call("GET", path).body == {}
    assert api.call("DELETE", f"{SIGNING}/{arn}").status == 204
    assert api.call("GET", SIGNING).body == {"CodeSigningConfigs": []}


@pytest.mark.parametrize(
    ("pattern", "status"),
    [
        ('{"body": {"kind": ["a", {"prefix": "b"}]}}', 202),
        ("asdf", 400),
        ('"asdf"', 400),
        ('{"body": {"kind": "a"}}', 400),
        ('{"body": []}', 400),
        (7, 400),
    ],
)
def test_filters_of_a_mapping_are_checked_and_kept(api: Any, pattern: Any, status: int) -> None:
    api.ready()
    criteria = {"Filters": [{"Pattern": pattern}]}
    asked = {"FunctionName": "f", "EventSourceArn": QUEUE, "FilterCriteria": criteria}
    made = api.call("POST", MAPPINGS, asked)
    assert made.status == status
    if status == 202:
        assert made.body["FilterCriteria"] == criteria
    else:
        assert made.text == "Invalid filter pattern definition."


def test_criteria_without_filters_are_none_and_take_filters_away(api: Any) -> None:
    api.ready()
    asked = {"FunctionName": "f", "EventSourceArn": QUEUE, "FilterCriteria": {"Filters": []}}
    made = api.call("POST", MAPPINGS, asked)
    assert made.status == 202
    assert "FilterCriteria" not in made.body
    path = f"{MAPPINGS}/{made.body['UUID']}"
    some = {"Filters": [{"Pattern": '{"body": ["a"]}'}]}
    assert api.call("PUT", path, {"FilterCriteria": some}).body["FilterCriteria"] == some
    assert api.call("PUT", path, {"BatchSize": 5}).body["FilterCriteria"] == some
    assert "FilterCriteria" not in api.call("PUT", path, {"FilterCriteria": {}}).body
    assert "FilterCriteria" not in api.call("GET", path).body


@pytest.mark.parametrize(
    ("source", "more", "filled"),
    [
        (QUEUE, {}, {"BatchSize": 10, "StateTransitionReason": "USER_INITIATED"}),
        (
            STREAM,
            {"StartingPosition": "LATEST"},
            {"BatchSize": 100, "ParallelizationFactor": 1, "MaximumRetryAttempts": -1},
        ),
    ],
)
def test_a_mapping_goes_through_its_states(
    api: Any, source: str, more: dict[str, Any], filled: dict[str, Any]
) -> None:
    api.ready()
    asked = {"FunctionName": "f", "EventSourceArn": source, "Tags": {"a": "b"}, **more}
    made = api.call("POST", MAPPINGS, asked)
    assert (made.status, made.body["State"]) == (202, "Creating")
    assert filled.items() <= made.body.items()
    path = f"{MAPPINGS}/{made.body['UUID']}"
    again = api.call("POST", MAPPINGS, asked)
    assert (again.status, made.body["UUID"] in again.text) == (409, True)
    api.open()  # a restart
    assert api.call("GET", path).body == {**made.body, "State": "Enabled"}
    tags = f"/2017-03-31/tags/{made.body['EventSourceMappingArn']}"
    api.call("POST", tags, {"Tags": {"c": "d"}})
    api.call("DELETE", tags, tagKeys="a")
    assert api.call("GET", tags).body == {"Tags": {"c": "d"}}
    changed = api.call("PUT", path, {"Enabled": False, "BatchSize": 5})
    assert (changed.status, changed.body["State"], changed.body["BatchSize"]) == (
        202,
        "Updating",
        5,
    )
    assert api.call("GET", path).body["State"] == "Disabled"
    assert len(api.call("GET", MAPPINGS, FunctionName="f").body["EventSourceMappings"]) == 1
    assert api.call("GET", MAPPINGS, FunctionName="g").body == {"EventSourceMappings": []}
    gone = api.call("DELETE", path)
    assert (gone.status, gone.body["State"]) == (202, "Deleting")
    assert api.call("GET", path).status == 404


def test_a_mapping_names_the_function_as_it_was_asked_for(api: Any) -> None:
    path = api.ready()
    api.call("POST", f"{path}/versions", {})
    for name, arn in (("f", ARN), ("f:$LATEST", f"{ARN}:$LATEST"), (f"{ARN}:1", f"{ARN}:1")):
        made = api.call("POST", MAPPINGS, {"FunctionName": name, "EventSourceArn": QUEUE})
        assert made.body["FunctionArn"] == arn


def test_a_source_that_is_not_known_is_refused_with_the_reason(api: Any) -> None:
    api.ready()
    source = "arn:aws:kafka:eu-west-1:000000000000:cluster/c"
    reply = api.call("POST", MAPPINGS, {"FunctionName": "f", "EventSourceArn": source})
    assert (reply.status, "works on AWS" in reply.text) == (400, True)


def test_recursion_and_runtime_updates_are_kept(api: Any) -> None:
    api.ready()
    loop = "/2024-08-31/functions/f/recursion-config"
    assert api.call("PUT", loop, {"RecursiveLoop": "Allow"}).body == {"RecursiveLoop": "Allow"}
    updates = "/2021-07-20/functions/f/runtime-management-config"
    manual = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:aws:lambda:r::runtime:x"}
    assert api.call("PUT", updates, {"UpdateRuntimeOn": "Manual"}).status == 400
    kept = api.call("PUT", updates, manual).body
    assert kept == {**manual, "FunctionArn": f"{ARN}:$LATEST"}
    api.open()  # a restart
    assert api.call("GET", loop).body == {"RecursiveLoop": "Allow"}
    assert api.call("GET", updates).body == kept
