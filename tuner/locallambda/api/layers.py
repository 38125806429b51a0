"""The calls on layers: published here, and shown to functions in /opt."""

import re
from collections.abc import Mapping
from typing import Any

from tuner.locallambda.api.permissions import kept_policy, statement, without_statement
from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.api.uploads import upload
from tuner.locallambda.registry.function import new_revision, timestamp
from tuner.locallambda.registry.layers import LAYER_ARN, LayerName, read_layer_name
from tuner.locallambda.registry.names import lambda_arn
from tuner.locallambda.registry.validation import check_members, check_model, missing
from tuner.locallambda.responses import (
    NO_CONTENT,
    Response,
    conflict,
    document,
    invalid,
    mismatch,
    not_found,
    not_one_of,
    stale_revision,
    violated,
)
from tuner.locallambda.sandbox.runtime_command import RUNTIMES
from tuner.locallambda.service import Service

_KIND = "layers"
_NONE = "The resource you requested does not exist."
_ARCHITECTURES = ("x86_64", "arm64")
_LAYER_ACTION = "lambda:GetLayerVersion"


async def publish_layer_version(service: Service, call: ApiRequest) -> Response:
    """PublishLayerVersion: 201 with the next number, which no deletion gives back."""
    body, name = call.body(), read_layer_name(call.words[0], call.region)
    _check_compatible(body)
    if body.get("Content") is None:
        raise violated([missing("Content")])
    package = await upload(service, body["Content"], call.region)
    layers = service.documents.of(_KIND, call.region)
    layer = layers.setdefault(name.name, {"next": 1, "versions": {}})
    number, layer["next"] = layer["next"], layer["next"] + 1
    compatible = ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
    layer["versions"][str(number)] = {
        "folder": package.folder,
        "sha256": package.sha256,
        "size": package.size,
        "policy": None,
        "shown": {
            "Description": body.get("Description") or "",
            "CreatedDate": timestamp(service.clock.wall()),
            "Version": number,
            **{key: body[key] for key in compatible if body.get(key) is not None},
        },
    }
    service.documents.keep(_KIND)
    return document(_whole(call, name, layer["versions"][str(number)]), 201)


async def get_layer_version(service: Service, call: ApiRequest) -> Response:
    name, number = read_layer_name(call.words[0], call.region), _number(call)
    found = _version(service, name, number)
    if found is None:
        raise not_found(_NONE)
    return document(_whole(call, name, found))


async def get_layer_version_by_arn(service: Service, call: ApiRequest) -> Response:
    """GetLayerVersionByArn, or ListLayers where no version is asked for."""
    if call.query.get("find") != "LayerVersion":
        return await list_layers(service, call)
    arn = call.query.get("Arn", "")
    if not re.fullmatch(LAYER_ARN, arn, re.ASCII):
        raise violated([mismatch(arn, "arn", LAYER_ARN)])
    name, number = read_layer_name(arn.rpartition(":")[0], call.region), arn.rpartition(":")[2]
    found = _version(service, name, number)
    if found is None:
        raise not_found(_NONE)
    return document(_whole(call, name, found))


async def list_layers(service: Service, call: ApiRequest) -> Response:
    """ListLayers: the newest matching version of each."""
    wanted = _wanted(call)
    listed = []
    for name, layer in sorted(service.documents.of(_KIND, call.region).items()):
        versions = _listed(wanted, LayerName(call.region, name), layer)
        if versions:
            arn = lambda_arn(call.region, f"layer:{name}")
            listed.append(
                {"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": versions[0]}
            )
    return document(page(listed, "Layers", call.query))


async def list_layer_versions(service: Service, call: ApiRequest) -> Response:
    """ListLayerVersions: the newest first; an unknown layer has none."""
    name = read_layer_name(call.words[0], call.region)
    layer = service.documents.of(_KIND, name.region).get(name.name, {"versions": {}})
    return document(page(_listed(_wanted(call), name, layer), "LayerVersions", call.query))


async def delete_layer_version(service: Service, call: ApiRequest) -> Response:
    """DeleteLayerVersion: 204, also when there is none; functions keep what they have."""
    name, number = read_layer_name(call.words[0], call.region), _number(call)
    layer = service.documents.of(_KIND, name.region).get(name.name)
    if layer is not None and layer["versions"].pop(number, None) is not None:
        service.documents.keep(_KIND)
    return NO_CONTENT


async def add_layer_version_permission(service: Service, call: ApiRequest) -> Response:
    """AddLayerVersionPermission: 201 with the statement as text."""
    body = call.body()
    keys = ("StatementId", "Action", "Principal")
    check_model({**body, "Action": "*"}, ("StatementId", "Principal"), required=keys)
    if body["Action"] != _LAYER_ACTION:
        raise violated([mismatch(body["Action"], "action", _LAYER_ACTION)])
    arn, version = _permitted(service, call)
    policy = version["policy"] or {"statements": [], "revision": None}
    _check_revision(policy, call.query.get("RevisionId"))
    if any(one["Sid"] == body["StatementId"] for one in policy["statements"]):
        raise conflict(
            f"The statement id ({body['StatementId']}) provided already exists. Please provide a "
            "new statement id, or remove the existing statement."
        )
    made, text = statement(body, arn)
    version["policy"] = {"statements": [*policy["statements"], made], "revision": new_revision()}
    service.documents.keep(_KIND)
    return document({"Statement": text, "RevisionId": version["policy"]["revision"]}, 201)


async def get_layer_version_policy(service: Service, call: ApiRequest) -> Response:
    _, version = _permitted(service, call)
    if version["policy"] is None:
        raise not_found("No policy is associated with the given resource.")
    return document(kept_policy(version["policy"]))


async def remove_layer_version_permission(service: Service, call: ApiRequest) -> Response:
    """RemoveLayerVersionPermission: 204."""
    _, version = _permitted(service, call)
    policy = version["policy"]
    if policy is None:
        raise not_found("No policy is associated with the given resource.")
    left = without_statement(policy, call.words[2])
    _check_revision(policy, call.query.get("RevisionId"))
    version["policy"] = {"statements": left, "revision": new_revision()} if left else None
    service.documents.keep(_KIND)
    return NO_CONTENT


def _check_compatible(body: Mapping[str, Any]) -> None:
    found = []
    runtimes = body.get("CompatibleRuntimes") or []
    if any(one not in _PUBLISHED_FOR for one in runtimes):
        found.append(not_one_of(f"[{', '.join(runtimes)}]", "compatibleRuntimes", RUNTIMES))
    found += check_members(body, "CompatibleArchitectures")
    if found:
        raise violated(found)


#: Runtimes that a layer may be for: all that functions have ever had (recorded 2026-01).
_PUBLISHED_FOR = frozenset(
    {
        *(*RUNTIMES, "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "go1.x"),
        *("nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x", "nodejs18.x", "python2.7"),
        *("python3.6", "python3.7", "java8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1"),
        *("dotnetcore3.1", "dotnet6", "ruby2.5", "ruby2.7", "provided"),
    }
)


def _check_revision(policy: Mapping[str, Any], given: str | None) -> None:
    if given not in (None, policy["revision"]):
        raise stale_revision("GetLayerPolicy")


def _number(call: ApiRequest) -> str:
    text = call.words[1]
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise invalid("Layer Version is not a number")
    if int(text) < 1:
        raise invalid("Layer Version Cannot be less than 1")
    return str(int(text))


def _version(service: Service, name: LayerName, number: str) -> dict[str, Any] | None:
    layers = service.documents.of(_KIND, name.region)
    found: dict[str, Any] | None = layers.get(name.name, {"versions": {}})["versions"].get(number)
    return found


def _permitted(service: Service, call: ApiRequest) -> tuple[str, dict[str, Any]]:
    name, number = read_layer_name(call.words[0], call.region), _number(call)
    found = _version(service, name, number)
    if found is None:
        raise not_found(f"Layer version {name.version_arn(number)} does not exist.")
    return name.version_arn(number), found


def _whole(call: ApiRequest, name: LayerName, version: Mapping[str, Any]) -> dict[str, Any]:
    """A layer version as Publish and Get show it."""
    shown = version["shown"]
    return {
        "Content": {
            "Location": call.package_url(version["folder"]),
            "CodeSha256": version["sha256"],
            "CodeSize": version["size"],
        },
        "LayerArn": name.arn,
        "LayerVersionArn": name.version_arn(shown["Version"]),
        **shown,
    }


def _wanted(call: ApiRequest) -> dict[str, str]:
    """What lists are restricted to: key of a version -> a value that it has to hold."""
    runtime = call.query.get("CompatibleRuntime")
    architecture = call.query.get("CompatibleArchitecture")
    found = []
    if runtime is not None and runtime not in _PUBLISHED_FOR:
        found.append(not_one_of(runtime, "compatibleRuntime", sorted(_PUBLISHED_FOR)))
    if architecture not in (None, *_ARCHITECTURES):
        found.append(not_one_of(architecture, "compatibleArchitecture", _ARCHITECTURES))
    if found:
        raise violated(found)
    wanted = {"CompatibleRuntimes": runtime, "CompatibleArchitectures": architecture}
    return {key: value for key, value in wanted.items() if value is not None}


def _listed(
    wanted: Mapping[str, str], name: LayerName, layer: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The versions of a layer as lists show them, the newest first."""
    versions = sorted(layer["versions"].values(), key=lambda one: -one["shown"]["Version"])
    return [
        {"LayerVersionArn": name.version_arn(one["shown"]["Version"]), **_described(one["shown"])}
        for one in versions
        if all(value in one["shown"].get(key, ()) for key, value in wanted.items())
    ]


def _described(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A version without a description that is empty, as lists show it (seen on AWS by moto)."""
    return {key: value for key, value in shown.items() if key != "Description" or value}
