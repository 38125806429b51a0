"""Provisioned concurrency: put, read, listed, deleted; who it refuses, and what it serves."""

from typing import Any

import pytest

PATH = "/2019-09-30/functions/f/provisioned-concurrency"
FUNCTION = "/2015-03-31/functions/f"


def put(api: Any, count: int, qualifier: str = "1") -> Any:
    return api.call("PUT", PATH, {"ProvisionedConcurrentExecutions": count}, Qualifier=qualifier)


def published(api: Any) -> None:
    api.ready()
    assert api.call("POST", f"{FUNCTION}/versions").status == 201


def alias(api: Any, name: str = "live", version: str = "1") -> None:
    body = {"Name": name, "FunctionVersion": version}
    assert api.call("POST", f"{FUNCTION}/aliases", body).status == 201


def test_it_is_in_progress_until_every_init_is_done(api: Any) -> None:
    published(api)
    api.host.inits.clear()
    reply = put(api, 3)
    told = {key: reply.body[key] for key in reply.body if key != "LastModified"}
    assert (reply.status, told) == (
        202,
        {
            "RequestedProvisionedConcurrentExecutions": 3,
            "AllocatedProvisionedConcurrentExecutions": 0,
            "AvailableProvisionedConcurrentExecutions": 0,
            "Status": "IN_PROGRESS",
        },
    )
    api.turn()
    assert api.call("GET", PATH, Qualifier="1").body["Status"] == "IN_PROGRESS"
    api.host.inits.set()
    api.turn()
    ready = api.call("GET", PATH, Qualifier="1").body
    assert (ready["Status"], ready["AvailableProvisionedConcurrentExecutions"]) == ("READY", 3)


def test_calls_are_served_by_what_is_ready_and_beyond_it_by_new_sandboxes(api: Any) -> None:
    published(api)
    put(api, 1)
    api.turn()
    assert [box.spec.initialization for box in api.host.made] == ["provisioned-concurrency"]
    assert api.invoke("f", qualifier="1").status == 200
    assert (len(api.host.made), api.host.made[0].served) == (1, 1)
    api.host.made[0].busy = False
    api.host.gate.clear()
    first = api.loop.create_task(api.invoking("f", qualifier="1"))
    second = api.loop.create_task(api.invoking("f", qualifier="1"))
    api.turn()
    api.host.gate.set()
    api.run(first)
    api.run(second)
    assert [box.spec.initialization for box in api.host.made[1:]] == ["on-demand"]
    assert api.invoke("f").status == 200  # $LATEST has sandboxes of its own
    assert len(api.host.made) == 3


def test_a_failed_init_ends_in_failed_with_none_kept(api: Any) -> None:
    published(api)
    api.host.inits_well = False
    put(api, 2)
    api.turn()
    told = api.call("GET", PATH, Qualifier="1").body
    assert (told["Status"], told["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert told["AllocatedProvisionedConcurrentExecutions"] == 0
    assert all(box.stopped for box in api.host.made)
    settings = api.call("GET", "/2016-08-19/account-settings").body["AccountLimit"]
    assert settings["UnreservedConcurrentExecutions"] == 1000


def test_one_that_dies_is_replaced(api: Any) -> None:
    published(api)
    put(api, 1)
    api.turn()
    api.host.behave = lambda spec, invocation: (b"null", "Unhandled", False)
    api.invoke("f", qualifier="1")
    api.turn()
    assert [box.spec.initialization for box in api.host.made] == ["provisioned-concurrency"] * 2
    assert (api.host.made[0].stopped, api.host.made[1].stopped) == (True, False)


def test_deleting_ends_its_sandboxes_and_is_final(api: Any) -> None:
    published(api)
    put(api, 2)
    api.turn()
    assert api.call("DELETE", PATH, Qualifier="1").status == 204
    api.turn()
    assert all(box.stopped for box in api.host.made)
    reply = api.call("GET", PATH, Qualifier="1")
    assert (reply.status, reply.error, reply.text) == (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    assert api.call("DELETE", PATH, Qualifier="1").status == 204


@pytest.mark.parametrize("away", ["version", "function", "alias"])
def test_it_goes_with_what_it_is_on(api: Any, away: str) -> None:
    published(api)
    alias(api)
    put(api, 1, "live" if away == "alias" else "1")
    api.turn()
    if away == "alias":
        api.call("DELETE", f"{FUNCTION}/aliases/live")
    elif away == "version":
        api.call("DELETE", f"{FUNCTION}/aliases/live")
        api.call("DELETE", FUNCTION, Qualifier="1")
    else:
        api.call("DELETE", FUNCTION)
    api.turn()
    assert all(box.stopped for box in api.host.made)
    settings = api.call("GET", "/2016-08-19/account-settings").body["AccountLimit"]
    assert settings["UnreservedConcurrentExecutions"] == 1000


def test_it_moves_with_its_alias(api: Any) -> None:
    published(api)
    alias(api)
    put(api, 1, "live")
    api.turn()
    api.call("PUT", f"{FUNCTION}/configuration", {"Timeout": 9})
    api.later()
    api.call("POST", f"{FUNCTION}/versions")
    moved = api.call("PUT", f"{FUNCTION}/aliases/live", {"FunctionVersion": "2"})
    assert moved.status == 200
    assert api.call("GET", PATH, Qualifier="live").body["Status"] == "IN_PROGRESS"
    api.turn()
    assert [box.spec.version for box in api.host.made] == ["1", "2"]
    assert [box.stopped for box in api.host.made] == [True, False]


def test_it_is_listed_by_arn(api: Any) -> None:
    published(api)
    put(api, 1)
    listed = api.call("GET", PATH, List="ALL").body["ProvisionedConcurrencyConfigs"]
    assert [one["FunctionArn"].rsplit(":", 1)[-1] for one in listed] == ["1"]


def test_only_published_versions_can_have_it(api: Any) -> None:
    published(api)
    assert put(api, 1, "$LATEST").text == (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    assert api.call("GET", PATH, Qualifier="$LATEST").text == (
        "The function resource provided must be an alias or a published version."
    )
    assert put(api, 1, "7").status == 404
    alias(api, "head", "$LATEST")
    assert put(api, 1, "head").status == 400


def test_a_count_below_one_is_refused_in_awss_words(api: Any) -> None:
    published(api)
    reply = put(api, 0)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.text == (
        "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to "
        "satisfy constraint: Member must have value greater than or equal to 1"
    )
    assert api.call("PUT", PATH, {}, Qualifier="1").error == "ValidationException"


def test_a_version_and_its_alias_cannot_both_have_it(api: Any) -> None:
    published(api)
    alias(api)
    put(api, 1)
    reply = put(api, 1, "live")
    assert (reply.status, reply.text) == (
        409,
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
        "version",
    )
    api.call("DELETE", PATH, Qualifier="1")
    put(api, 1, "live")
    assert put(api, 1).text == "Version is pointed by a Provisioned Concurrency alias"


def test_the_account_keeps_a_hundred_for_others(api: Any) -> None:
    published(api)
    assert put(api, 1001).text == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved "
        "concurrency [1000]."
    )
    assert put(api, 901).text == (
        "Specified ConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    assert api.host.made == []


def test_a_reservation_bounds_it_and_is_bound_by_it(api: Any) -> None:
    published(api)
    reserve = "/2017-10-31/functions/f/concurrency"
    api.call("PUT", reserve, {"ReservedConcurrentExecutions": 2})
    assert put(api, 3).text == (
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function"
    )
    assert put(api, 2).status == 202
    assert api.call("PUT", reserve, {"ReservedConcurrentExecutions": 1}).body == {
        "message": " ReservedConcurrentExecutions  1 should not be lower than function's total "
        "provisioned concurrency [2]."
    }


def test_it_comes_up_again_after_a_restart(api: Any) -> None:
    published(api)
    put(api, 2)
    api.turn()
    api.run(api.service.close())
    api.open()
    api.turn()
    assert api.call("GET", PATH, Qualifier="1").body["Status"] == "READY"
    assert len(api.host.made) == 2


def test_what_init_wrote_is_in_the_log_and_in_no_invocations(api: Any) -> None:
    published(api)
    put(api, 1)
    api.turn()
    lines = [line for _, _, _, line in api.service.logs.lines("eu-west-1", "/aws/lambda/f")]
    assert lines == ["loading"]


def test_snap_start_is_refused_since_there_are_no_snapshots(api: Any) -> None:
    api.ready()
    reply = api.call(
        "PUT", f"{FUNCTION}/configuration", {"SnapStart": {"ApplyOn": "PublishedVersions"}}
    )
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert "no SnapStart" in reply.text
    assert (
        api.call("PUT", f"{FUNCTION}/configuration", {"SnapStart": {"ApplyOn": "None"}}).status
        == 200
    )
