"""Create, read, update, list and delete functions, with AWS's states and recorded answers."""

import json
from typing import Any

import pytest

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def test_a_new_function_is_pending_as_recorded(api: Any) -> None:
    made = api.create(Environment={"Variables": {"K1": "v"}}, Tags={"a": "b"})
    assert made.status == 201
    told = made.body
    assert told["FunctionArn"] == ARN
    assert (told["State"], told["StateReasonCode"]) == ("Pending", "Creating")
    assert told["StateReason"] == "The function is being created."
    assert "LastUpdateStatus" not in told
    assert told["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    assert told["EphemeralStorage"] == {"Size": 512}
    assert told["TracingConfig"] == {"Mode": "PassThrough"}
    assert told["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert (told["MemorySize"], told["Timeout"], told["Version"]) == (128, 3, "$LATEST")
    assert told["Environment"] == {"Variables": {"K1": "v"}}


def test_it_becomes_active_with_another_revision(api: Any) -> None:
    made = api.create()
    api.later()
    now = api.call("GET", "/2015-03-31/functions/f/configuration").body
    assert (now["State"], now["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in now
    assert now["RevisionId"] != made.body["RevisionId"]


def test_a_pending_function_is_neither_invoked_nor_changed(api: Any) -> None:
    api.create()
    for reply in (
        api.invoke("f"),
        api.call("PUT", "/2015-03-31/functions/f/configuration", {"MemorySize": 256}),
        api.call("POST", "/2015-03-31/functions/f/versions", {}),
    ):
        assert (reply.status, reply.error) == (409, "ResourceConflictException")
        assert reply.body["message"] == (
            "The operation cannot be performed at this time. "
            "The function is currently in the following state: Pending"
        )


def test_an_update_shows_the_new_values_in_progress_and_settles(api: Any) -> None:
    path = api.ready()
    before = api.call("GET", f"{path}/configuration").body["RevisionId"]
    told = api.call("PUT", f"{path}/configuration", {"MemorySize": 512}).body
    assert told["MemorySize"] == 512
    assert (told["State"], told["LastUpdateStatus"]) == ("Active", "InProgress")
    assert told["LastUpdateStatusReason"] == "The function is being created."
    assert told["LastUpdateStatusReasonCode"] == "Creating"
    api.later()
    settled = api.call("GET", f"{path}/configuration").body
    assert settled["LastUpdateStatus"] == "Successful"
    assert len({before, told["RevisionId"], settled["RevisionId"]}) == 3


@pytest.mark.parametrize(
    ("method", "end", "body"),
    [
        ("PUT", "/configuration", {"MemorySize": 256}),
        ("PUT", "/code", {"ZipFile": "UEsDBA=="}),
        ("POST", "/versions", {}),
    ],
)
def test_a_second_change_while_one_is_in_progress_is_refused(
    api: Any, method: str, end: str, body: dict[str, Any]
) -> None:
    path = api.ready()
    api.call("PUT", f"{path}/configuration", {"MemorySize": 512})
    reply = api.call(method, path + end, body)
    assert (reply.status, reply.error) == (409, "ResourceConflictException")
    assert reply.body == {
        "Type": "User",
        "message": "The operation cannot be performed at this time. "
        f"An update is in progress for resource: {ARN}",
    }


def test_invocations_run_the_old_configuration_until_an_update_settles(api: Any) -> None:
    path = api.ready(MemorySize=128)
    api.call("PUT", f"{path}/configuration", {"MemorySize": 512})
    api.invoke("f")
    api.later()
    api.invoke("f")
    assert [box.spec.memory_mb for box in api.host.made] == [128, 512]


def test_a_redundant_update_still_makes_new_sandboxes(api: Any) -> None:
    path = api.ready()
    api.invoke("f")
    api.call("PUT", f"{path}/configuration", {})
    api.later()
    api.invoke("f")
    api.turn()
    assert [box.stopped for box in api.host.made] == [True, False]


def test_replaced_sandboxes_end_though_nobody_looks(api: Any) -> None:
    path = api.ready()
    api.invoke("f")
    api.call("PUT", f"{path}/configuration", {"MemorySize": 256})
    api.later(6)
    assert api.host.made[0].stopped


@pytest.mark.parametrize(
    ("method", "end"), [("PUT", "/configuration"), ("PUT", "/code"), ("POST", "/versions")]
)
def test_a_stale_revision_is_refused(api: Any, method: str, end: str) -> None:
    path = api.ready()
    reply = api.call(method, path + end, {"RevisionId": "stale", "ZipFile": api.zip()})
    assert (reply.status, reply.error) == (412, "PreconditionFailedException")
    assert reply.body == {
        "Type": "User",
        "message": "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    }


def test_a_name_that_is_taken_is_refused(api: Any) -> None:
    api.ready()
    reply = api.create()
    assert (reply.status, reply.body["message"]) == (409, "Function already exist: f")


def test_an_unknown_function_is_404_with_a_capital_message(api: Any) -> None:
    for method, end, body in (
        ("GET", "", None),
        ("GET", "/configuration", None),
        ("DELETE", "", None),
        ("PUT", "/configuration", {"MemorySize": 128}),
        ("POST", "/versions", {}),
    ):
        reply = api.call(method, f"/2015-03-31/functions/nobody{end}", body)
        assert (reply.status, reply.error) == (404, "ResourceNotFoundException")
        assert reply.body == {
            "Type": "User",
            "Message": "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:nobody",
        }


def test_an_unknown_qualifier_is_404(api: Any) -> None:
    path = api.ready()
    reply = api.call("GET", path, Qualifier="7")
    assert (reply.status, reply.body["Message"]) == (404, f"Function not found: {ARN}:7")


def test_an_arn_of_another_region_is_not_reachable(api: Any) -> None:
    api.ready()
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    reply = api.call("GET", f"/2015-03-31/functions/{arn}")
    assert reply.body["Message"] == (
        "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')"
    )


def test_regions_have_functions_of_their_own(api: Any) -> None:
    api.ready()
    assert api.call("GET", "/2015-03-31/functions/f", region="us-east-1").status == 404
    assert api.call("GET", "/2015-03-31/functions", region="us-east-1").body == {"Functions": []}


def test_an_arn_of_another_account_is_denied_without_a_message(api: Any) -> None:
    arn = "arn:aws:lambda:eu-west-1:111111111111:function:f"
    reply = api.call("GET", f"/2015-03-31/functions/{arn}")
    assert (reply.status, reply.error, reply.body) == (
        403,
        "AccessDeniedException",
        {"message": None},
    )


def test_name_and_qualifier_have_to_agree(api: Any) -> None:
    api.ready()
    reply = api.call("DELETE", "/2015-03-31/functions/f:1", Qualifier="2")
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_new_code_is_seen_by_its_hash_and_can_be_fetched(api: Any) -> None:
    path = api.ready()
    before = api.call("GET", path).body
    told = api.call("PUT", f"{path}/code", {"ZipFile": api.zip("other = 1\n")}).body
    assert told["CodeSha256"] != before["Configuration"]["CodeSha256"]
    assert before["Code"]["RepositoryType"] == "S3"
    assert before["Code"]["Location"].startswith("http://here/tuner/packages/")


def test_a_dry_run_of_new_code_changes_nothing(api: Any) -> None:
    path = api.ready()
    told = api.call("PUT", f"{path}/code", {"ZipFile": api.zip("o = 1\n"), "DryRun": True})
    assert told.status == 200
    now = api.call("GET", f"{path}/configuration").body
    assert now["LastUpdateStatus"] == "Successful"
    assert now["CodeSha256"] != told.body["CodeSha256"]


def test_lists_are_sorted_paged_and_leave_out_states(api: Any) -> None:
    for name in ("b", "a", "c"):
        api.create(name)
    first = api.call("GET", "/2015-03-31/functions", MaxItems="2").body
    assert [f["FunctionName"] for f in first["Functions"]] == ["a", "b"]
    assert "State" not in first["Functions"][0]
    rest = api.call("GET", "/2015-03-31/functions", Marker=first["NextMarker"]).body
    assert [f["FunctionName"] for f in rest["Functions"]] == ["c"]
    assert "NextMarker" not in rest


def test_settings_without_effect_are_told_of_once(api: Any, caplog: Any) -> None:
    tenancy = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}
    for name in ("f", "g"):
        assert api.create(name, **tenancy, DurableConfig={}, FileSystemConfigs=[]).status == 201
    api.later()
    path = "/2015-03-31/functions/f"
    api.call("PUT", f"{path}/configuration", {"ImageConfig": {"Command": ["a"]}})
    api.later()
    api.call("POST", f"{path}/versions", {"PublishTo": "LATEST_PUBLISHED"})
    keys = [record.getMessage().partition(" has no effect")[0] for record in caplog.records]
    assert keys == ["TenancyConfig", "ImageConfig", "PublishTo"]


@pytest.mark.parametrize("asked", [{}, {"MaxItems": "10000"}])
def test_a_page_of_functions_has_at_most_fifty(api: Any, asked: dict[str, str]) -> None:
    for number in range(51):
        api.create(f"f{number}")
    first = api.call("GET", "/2015-03-31/functions", **asked).body
    assert len(first["Functions"]) == 50
    rest = api.call("GET", "/2015-03-31/functions", Marker=first["NextMarker"]).body
    assert len(rest["Functions"]) == 1 and "NextMarker" not in rest


def test_a_deleted_function_is_gone_with_its_sandboxes(api: Any) -> None:
    path = api.ready()
    api.invoke("f")
    assert api.call("DELETE", path).status == 204
    api.turn()
    assert api.host.made[0].stopped
    assert api.call("GET", path).status == 404


def test_functions_survive_a_restart(api: Any) -> None:
    path = api.ready(Environment={"Variables": {"K1": "v"}}, Tags={"t": "1"})
    api.call("POST", f"{path}/versions", {})
    api.call("POST", f"{path}/aliases", {"Name": "live", "FunctionVersion": "1"})
    api.call("PUT", "/2017-10-31/functions/f/concurrency", {"ReservedConcurrentExecutions": 0})
    before = [api.call("GET", path, Qualifier=q).body for q in ("$LATEST", "1")]
    api.run(api.service.close())
    api.open()
    after = [api.call("GET", path, Qualifier=q).body for q in ("$LATEST", "1")]
    assert after == before
    assert api.call("GET", f"{path}/aliases/live").body["FunctionVersion"] == "1"
    assert api.invoke("f").status == 429


def test_a_damaged_data_folder_is_named_and_left_alone(api: Any) -> None:
    from tuner.errors import TargetError

    api.ready()
    kept = api.folder / "functions" / "eu-west-1" / "f.json"
    kept.write_text(json.dumps({"schema": "another/9"}))
    api.run(api.service.close())
    with pytest.raises(TargetError, match="another/9"):
        api.open()
    assert kept.exists()
    kept.unlink()
    api.open()
