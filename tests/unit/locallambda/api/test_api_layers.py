"""Layers: published, listed, permitted, and shown to functions."""

import json
from pathlib import Path
from typing import Any

import pytest

from tuner.locallambda.registry import packages

BASE = "/2018-10-31/layers"
ARN = "arn:aws:lambda:eu-west-1:000000000000:layer:libs"


def publish(api: Any, files: dict[str, str], name: str = "libs", **more: Any) -> Any:
    content = {"ZipFile": api.packed(files)}
    return api.call("POST", f"{BASE}/{name}/versions", {"Content": content, **more})


def test_lists_leave_out_a_description_that_is_empty(api: Any) -> None:
    assert publish(api, {"python/a.py": "A = 1"}).body["Description"] == ""
    (listed,) = api.call("GET", f"{BASE}/libs/versions").body["LayerVersions"]
    assert "Description" not in listed
    assert api.call("GET", f"{BASE}/libs/versions/1").body["Description"] == ""


def test_a_layer_is_published_shown_listed_and_deleted(api: Any) -> None:
    of = {"CompatibleRuntimes": ["python3.13"], "Description": "d"}
    made = [publish(api, {"python/a.py": "A = 1"}, **of) for _ in range(2)]
    assert [one.status for one in made] == [201, 201]
    assert made[1].body["LayerVersionArn"] == f"{ARN}:2"
    assert made[0].body["Content"]["CodeSha256"] == made[1].body["Content"]["CodeSha256"]
    by_number = api.call("GET", f"{BASE}/libs/versions/1").body
    by_arn = api.call("GET", BASE, find="LayerVersion", Arn=f"{ARN}:1").body
    assert by_number == by_arn == made[0].body
    listed = api.call("GET", f"{BASE}/libs/versions").body["LayerVersions"]
    assert [one["Version"] for one in listed] == [2, 1]
    (layer,) = api.call("GET", BASE, CompatibleRuntime="python3.13").body["Layers"]
    assert (layer["LayerArn"], layer["LatestMatchingVersion"]["Version"]) == (ARN, 2)
    assert api.call("GET", BASE, CompatibleRuntime="ruby3.4").body == {"Layers": []}
    for number in ("1", "2"):
        assert api.call("DELETE", f"{BASE}/libs/versions/{number}").status == 204
    assert api.call("GET", f"{BASE}/libs/versions").body == {"LayerVersions": []}
    api.open()  # a restart
    assert publish(api, {"a": "b"}).body["Version"] == 3  # numbers are not given twice


def test_a_function_sees_its_layers_and_the_last_one_wins(api: Any) -> None:
    first = publish(api, {"python/a.py": "A = 1", "bin/one": "1"}).body["LayerVersionArn"]
    second = publish(api, {"python/a.py": "A = 2"}, "more").body["LayerVersionArn"]
    api.ready("f", Layers=[first, second])
    shown = api.call("GET", "/2015-03-31/functions/f/configuration").body["Layers"]
    assert [one["Arn"] for one in shown] == [first, second]
    assert all(one["CodeSize"] > 100 for one in shown)
    api.call("DELETE", f"{BASE}/libs/versions/1")
    api.open()  # a restart removes packages that nothing uses
    assert api.invoke("f").status == 200
    task = api.host.made[-1].spec.task_dir
    read = {str(one.relative_to(task)): one.read_text() for one in task.rglob("*") if one.is_file()}
    assert read[".tuner-opt/python/a.py"] == "A = 2"
    assert read[".tuner-opt/bin/one"] == "1"
    assert "app.py" in read
    api.call("PUT", "/2015-03-31/functions/f/configuration", {"Layers": []})
    api.later()
    assert api.invoke("f").status == 200
    assert not (api.host.made[-1].spec.task_dir / ".tuner-opt").exists()


def test_two_versions_of_a_layer_are_refused(api: Any) -> None:
    api.ready()
    arns = [publish(api, {"a": "b"}).body["LayerVersionArn"] for _ in range(2)]
    reply = api.call("PUT", "/2015-03-31/functions/f/configuration", {"Layers": arns})
    assert reply.text == (
        "Two different versions of the same layer are not allowed to be referenced in the same "
        f"function. {arns[0]} and {arns[1]} are versions of the same layer."
    )


def test_code_and_layers_together_have_a_limit(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = publish(api, {"a": "b" * 4000}).body["LayerVersionArn"]
    monkeypatch.setattr(packages, "MAX_UNZIPPED", 4000)
    reply = api.create(Layers=[arn])
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.text.startswith("Function code combined with layers exceeds the maximum allowed")
    assert not [one for one in (api.folder / "packages").iterdir() if "unpacking" in one.name]


def test_a_layer_has_a_policy_of_its_own(api: Any) -> None:
    publish(api, {"a": "b"})
    path = f"{BASE}/libs/versions/1/policy"
    none = api.call("GET", path)
    assert none.text == "No policy is associated with the given resource."
    permit = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    made = api.call("POST", path, permit)
    statement = json.loads(made.body["Statement"])
    assert (made.status, statement["Resource"]) == (201, f"{ARN}:1")
    assert api.call("POST", path, permit).status == 409
    stale = api.call("POST", path, {**permit, "StatementId": "t"}, RevisionId="old")
    assert (stale.status, "GetLayerPolicy" in stale.text) == (412, True)
    shown = api.call("GET", path).body
    assert json.loads(shown["Policy"])["Statement"] == [statement]
    assert api.call("DELETE", f"{path}/t").text == "Statement t is not found in resource policy."
    assert api.call("DELETE", f"{path}/s", RevisionId=shown["RevisionId"]).status == 204
    assert api.call("GET", path).status == 404


def test_stored_layers_count_for_the_account(api: Any) -> None:
    size = publish(api, {"a": "b"}).body["Content"]["CodeSize"]
    publish(api, {"a": "b"})
    usage = api.call("GET", "/2016-08-19/account-settings").body["AccountUsage"]
    assert usage == {"TotalCodeSize": 2 * size, "FunctionCount": 0}


def test_a_damaged_file_of_layers_stops_the_start(api: Any) -> None:
    from tuner.errors import TargetError

    (Path(api.folder) / "layers.json").write_text("{")
    with pytest.raises(TargetError, match="cannot be read as stored layers"):
        api.open()
    (Path(api.folder) / "layers.json").unlink()
    api.open()
