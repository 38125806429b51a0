"""Published versions and aliases, with AWS's recorded answers."""

from collections import Counter
from typing import Any

import pytest

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def publish(api: Any, path: str, **change: Any) -> str:
    """Change the function, let it settle, publish; gives the version."""
    if change:
        api.call("PUT", f"{path}/configuration", change)
        api.later()
    return api.call("POST", f"{path}/versions", {}).body["Version"]


def test_a_version_is_a_full_configuration_with_its_own_arn(api: Any) -> None:
    path = api.ready(MemorySize=256)
    reply = api.call("POST", f"{path}/versions", {"Description": "first"})
    assert reply.status == 201
    assert (reply.body["Version"], reply.body["FunctionArn"]) == ("1", f"{ARN}:1")
    assert (reply.body["State"], reply.body["LastUpdateStatus"]) == ("Active", "Successful")
    assert (reply.body["Description"], reply.body["MemorySize"]) == ("first", 256)


def test_publishing_without_a_change_gives_the_same_version_and_revision(api: Any) -> None:
    path = api.ready()
    first = api.call("POST", f"{path}/versions", {"Description": "one"})
    again = api.call("POST", f"{path}/versions", {})
    assert again.status == 201
    assert again.body == first.body


def test_uploading_the_same_code_again_is_a_change_of_its_own(api: Any) -> None:
    path = api.ready()
    code = {"ZipFile": api.zip()}
    published = []
    for again in (False, True, True):
        if again:
            api.call("PUT", f"{path}/code", code)
            api.later()
        published += [publish(api, path), publish(api, path)]
    assert published == ["1", "1", "2", "2", "3", "3"]


def test_a_changed_description_is_enough_for_a_new_version(api: Any) -> None:
    path = api.ready()
    assert [publish(api, path), publish(api, path, Description="x")] == ["1", "2"]


def test_version_numbers_are_never_used_again(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    publish(api, path, Description="x")
    assert api.call("DELETE", path, Qualifier="2").status == 204
    assert publish(api, path, Description="y") == "3"


def test_creating_with_publish_gives_version_one(api: Any) -> None:
    made = api.create(Publish=True)
    assert made.body["Version"] == "1"
    api.later()
    assert api.invoke("f", qualifier="1").headers["X-Amz-Executed-Version"] == "1"


def test_another_code_hash_is_refused(api: Any) -> None:
    path = api.ready()
    have = api.call("GET", f"{path}/configuration").body["CodeSha256"]
    reply = api.call("POST", f"{path}/versions", {"CodeSha256": "other"})
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text == (
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({have}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )


def test_versions_are_listed_after_latest(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    told = api.call("GET", f"{path}/versions").body["Versions"]
    assert [(v["Version"], v["FunctionArn"]) for v in told] == [
        ("$LATEST", f"{ARN}:$LATEST"),
        ("1", f"{ARN}:1"),
    ]
    everything = api.call("GET", "/2015-03-31/functions", FunctionVersion="ALL").body
    assert [f["Version"] for f in everything["Functions"]] == ["$LATEST", "1"]


def test_latest_is_not_deleted_by_itself(api: Any) -> None:
    path = api.ready()
    reply = api.call("DELETE", path, Qualifier="$LATEST")
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text == "$LATEST version cannot be deleted without deleting the function."


def test_versions_have_sandboxes_of_their_own(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    publish(api, path, MemorySize=1024)
    for qualifier in ("1", "2", "1", "2", None):
        api.invoke("f", qualifier=qualifier)
    assert [(box.spec.version, box.spec.memory_mb, box.served) for box in api.host.made] == [
        ("1", 128, 2),
        ("2", 1024, 2),
        ("$LATEST", 1024, 1),
    ]


def test_a_deleted_version_cannot_be_invoked_and_its_sandbox_ends(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    api.invoke("f", qualifier="1")
    api.call("DELETE", path, Qualifier="1")
    api.turn()
    assert api.host.made[0].stopped
    reply = api.invoke("f", qualifier="1")
    assert (reply.status, reply.body["Message"]) == (404, f"Function not found: {ARN}:1")


def test_an_alias_points_to_a_version(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    reply = api.call("POST", f"{path}/aliases", {"Name": "live", "FunctionVersion": "1"})
    assert reply.status == 201
    revision = reply.body.pop("RevisionId")
    assert reply.body == {
        "AliasArn": f"{ARN}:live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "",
    }
    assert api.call("GET", f"{path}/aliases/live").body["RevisionId"] == revision
    assert api.invoke("f", qualifier="live").headers["X-Amz-Executed-Version"] == "1"
    assert api.invoke("f:live").headers["X-Amz-Executed-Version"] == "1"


def test_weights_share_invocations_between_two_versions(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    publish(api, path, MemorySize=256)
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    made = api.call(
        "POST",
        f"{path}/aliases",
        {"Name": "both", "FunctionVersion": "1", "RoutingConfig": routing},
    )
    assert made.body["RoutingConfig"] == routing
    ran = Counter(
        api.invoke("f", qualifier="both").headers["X-Amz-Executed-Version"] for _ in range(800)
    )
    assert 150 <= ran["2"] <= 250
    assert ran["1"] + ran["2"] == 800


def test_an_updated_alias_keeps_what_is_not_given(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    publish(api, path, MemorySize=256)
    first = api.call(
        "POST",
        f"{path}/aliases",
        {"Name": "live", "FunctionVersion": "1", "Description": "kept"},
    ).body
    moved = api.call("PUT", f"{path}/aliases/live", {"FunctionVersion": "2"}).body
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "kept")
    assert moved["RevisionId"] != first["RevisionId"]
    stale = api.call("PUT", f"{path}/aliases/live", {"RevisionId": first["RevisionId"]})
    assert (stale.status, stale.error) == (412, "PreconditionFailedException")


def test_aliases_are_listed_by_version_and_deleted_without_complaint(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    for name, version in (("b", "1"), ("a", "$LATEST")):
        api.call("POST", f"{path}/aliases", {"Name": name, "FunctionVersion": version})
    listed = api.call("GET", f"{path}/aliases").body["Aliases"]
    assert [alias["Name"] for alias in listed] == ["a", "b"]
    one = api.call("GET", f"{path}/aliases", FunctionVersion="1").body["Aliases"]
    assert [alias["Name"] for alias in one] == ["b"]
    assert api.call("DELETE", f"{path}/aliases/a").status == 204
    assert api.call("DELETE", f"{path}/aliases/a").status == 204


def test_a_version_that_an_alias_uses_is_not_deleted(api: Any) -> None:
    path = api.ready()
    publish(api, path)
    api.call("POST", f"{path}/aliases", {"Name": "live", "FunctionVersion": "1"})
    refused = api.call("DELETE", path, Qualifier="1")
    assert refused.error == "ResourceConflictException"
    said = "Unable to delete version because the following aliases reference it: [live]"
    assert refused.body["message"] == said


def test_three_texts_for_an_alias_that_is_not_there(api: Any) -> None:
    path = api.ready()
    for reply, text in (
        (api.call("GET", f"{path}/aliases/no"), f"Cannot find alias arn: {ARN}:no"),
        (api.call("PUT", f"{path}/aliases/no", {}), f"Alias not found: {ARN}:no"),
        (api.call("GET", path, Qualifier="no"), f"Function not found: {ARN}:no"),
        (api.invoke("f", qualifier="no"), f"Function not found: {ARN}:no"),
    ):
        assert (reply.status, reply.error) == (404, "ResourceNotFoundException")
        assert reply.body["Message"] == text


def test_an_alias_that_exists_is_not_made_again(api: Any) -> None:
    path = api.ready()
    alias = {"Name": "live", "FunctionVersion": "$LATEST"}
    api.call("POST", f"{path}/aliases", alias)
    reply = api.call("POST", f"{path}/aliases", alias)
    assert (reply.status, reply.text) == (409, f"Alias already exists: {ARN}:live")


@pytest.mark.parametrize(
    ("version", "weights", "error", "text"),
    [
        (
            "1",
            {"2": 0.5, "3": 0.1},
            "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        ("1", {"2": 2.0}, "ValidationException", "less than or equal to 1.0"),
        (
            "1",
            {"1": 0.5},
            "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing "
            "configuration.",
        ),
        (
            "$LATEST",
            {"1": 0.5},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        ("1", {"$LATEST": 0.5}, "ValidationException", "pattern: [0-9]+"),
        ("1", {"10": 0.5}, "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ],
)
def test_impossible_weights_are_refused(
    api: Any, version: str, weights: dict[str, float], error: str, text: str
) -> None:
    path = api.ready()
    publish(api, path)
    publish(api, path, MemorySize=256)
    routing = {"AdditionalVersionWeights": weights}
    reply = api.call(
        "POST",
        f"{path}/aliases",
        {"Name": "a", "FunctionVersion": version, "RoutingConfig": routing},
    )
    assert reply.error == error
    assert text in reply.text
    assert ("Type" in reply.body) == (error != "ValidationException" and version != "$LATEST")


def test_a_number_is_no_name_for_an_alias(api: Any) -> None:
    path = api.ready()
    reply = api.call("POST", f"{path}/aliases", {"Name": "2024", "FunctionVersion": "1"})
    assert reply.error == "ValidationException"
    assert reply.text.endswith("pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
