"""The calls on functions, their code, versions and tags."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuner.errors import TunerError
from tuner.locallambda.api.code_signing import check_known
from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.api.uploads import upload
from tuner.locallambda.registry.configuration import Configuration, created, describe
from tuner.locallambda.registry.function import Function, Version
from tuner.locallambda.registry.layers import layers_of
from tuner.locallambda.registry.names import CHANGING, LATEST, MAX_NAME, FunctionRef, read_reference
from tuner.locallambda.registry.tags import check_tag_count, read_tags
from tuner.locallambda.registry.validation import check_settings
from tuner.locallambda.responses import (
    NO_CONTENT,
    Response,
    document,
    functions_only,
    invalid,
    not_one_of,
    too_long,
    violated,
)
from tuner.locallambda.service import Service

#: Settings that change what a function does on AWS, and have no effect here.
_WITHOUT_EFFECT = (
    *("TenancyConfig", "DurableConfig", "CapacityProviderConfig", "FileSystemConfigs"),
    *("ImageConfig", "PublishTo", "RuntimeConfig", "AcceleratorConfig"),
)
_log = logging.getLogger(__name__)


async def create_function(service: Service, call: ApiRequest) -> Response:
    """CreateFunction: 201, Pending."""
    body = call.body()
    check_settings(body, required=("FunctionName", "Code", "Role"))
    ref = read_reference(body["FunctionName"], call.region, rule=CHANGING)
    if ref.qualifier:
        raise invalid("A function cannot be created with a qualifier in its name.")
    if len(ref.name) > MAX_NAME:
        raise invalid(
            f"1 validation error detected: {too_long(ref.name, 'functionName', MAX_NAME)}"
        )
    tags = read_tags(body.get("Tags") or {})
    check_tag_count(tags)
    if body.get("CodeSigningConfigArn") is not None:
        check_known(service, call.region, body["CodeSigningConfigArn"])
    _warn(service, body)
    # Everything but the code, before unpacking it.
    _with_layers(service, call, body, created(body, describe(b"")))
    package = await upload(service, body["Code"], call.region)
    configuration = _with_layers(service, call, body, created(body, package))
    await _prepare(service, configuration)
    function = service.registry.create(ref, configuration)
    function.tags.update(tags)
    function.code_signing = body.get("CodeSigningConfigArn")
    version = service.registry.publish(function) if body.get("Publish") else None
    service.registry.keep(function)
    return document(function.document(version, asked=""), 201)


async def get_function(service: Service, call: ApiRequest) -> Response:
    """GetFunction: configuration, where the code is, tags, reserved concurrency."""
    function, version = _find(service, call.ref())
    code = (version.configuration if version else function.shown).code
    body: dict[str, Any] = {
        "Configuration": function.document(version, asked=call.ref().qualifier or ""),
        "Code": {"RepositoryType": "S3", "Location": call.package_url(code.folder)},
    }
    if function.tags:
        body["Tags"] = function.tags
    if function.reserved is not None:
        body["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return document(body)


async def get_function_configuration(service: Service, call: ApiRequest) -> Response:
    function, version = _find(service, call.ref())
    return document(function.document(version, asked=call.ref().qualifier or ""))


async def update_function_configuration(service: Service, call: ApiRequest) -> Response:
    """UpdateFunctionConfiguration: 200, InProgress, with the new values shown."""
    body = call.body()
    check_settings(body)
    function = _latest(service, call)
    _warn(service, body)
    changed = _with_layers(service, call, body, function.shown.with_settings(body))
    function.check_change(body.get("RevisionId"))
    before = function.shown
    if (changed.runtime, changed.layers) != (before.runtime, before.layers):
        await _prepare(service, changed)
        function = _latest(service, call)
        function.check_change(body.get("RevisionId"))
        changed = replace(function.shown.with_settings(body), layers=changed.layers)
    service.registry.update(function, changed)
    return document(function.document())


async def update_function_code(service: Service, call: ApiRequest) -> Response:
    """UpdateFunctionCode, with ``Architectures``, ``DryRun`` and ``Publish``."""
    body = call.body()
    check_settings(body)
    function = _latest(service, call)
    function.check_change(body.get("RevisionId"))
    _warn(service, body)
    package = await upload(service, body, call.region)
    await _prepare(service, replace(function.shown, code=package))
    # Unpacking took time: another update may have come first.
    function = _latest(service, call)
    function.check_change(body.get("RevisionId"))
    architectures = tuple(body.get("Architectures") or function.shown.architectures)
    changed = replace(function.shown, code=package, architectures=architectures)
    if body.get("DryRun"):
        return document({**function.document(), "CodeSha256": package.sha256})
    function.published = None  # the same code again makes a new version, too (seen on AWS by moto)
    service.registry.update(function, changed)
    version = service.registry.publish(function) if body.get("Publish") else None
    return document(function.document(version))


async def list_functions(service: Service, call: ApiRequest) -> Response:
    """ListFunctions, with ``FunctionVersion=ALL``."""
    version = call.query.get("FunctionVersion")
    if version not in (None, "ALL"):
        raise violated([not_one_of(version, "functionVersion", ["ALL"])])
    listed = []
    for function in service.registry.in_region(call.region):
        listed.append(function.document(listed=True))
        if version == "ALL":
            listed += [function.document(v, listed=True) for v in function.versions.values()]
        else:
            listed[-1]["FunctionArn"] = function.arn
    return document(page(listed, "Functions", call.query))


async def delete_function(service: Service, call: ApiRequest) -> Response:
    """DeleteFunction, or one of its versions: 204."""
    ref = call.ref()
    if ref.qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if ref.names_an_alias:
        raise invalid("Deletion of aliases is not currently supported.")
    function = service.registry.get(FunctionRef(ref.region, ref.name))
    if ref.qualifier is None:
        service.reserve(function, None)
        service.registry.delete(function)
        service.store.forget(function)
    else:
        service.registry.unpublish(function, ref.qualifier)
    return NO_CONTENT


def _warn(service: Service, body: Mapping[str, Any]) -> None:
    """Tell once of each setting that is accepted without effect."""
    for key in _WITHOUT_EFFECT:
        if body.get(key) and key not in service.warned:
            service.warned.add(key)
            _log.warning("%s has no effect on the local Lambda. Measure it on AWS.", key)


def _with_layers(
    service: Service, call: ApiRequest, body: Mapping[str, Any], made: Configuration
) -> Configuration:
    if body.get("Layers") is None:
        return made
    known = service.documents.of("layers", call.region)
    return replace(made, layers=layers_of(body["Layers"], call.region, known))


async def _prepare(service: Service, configuration: Configuration) -> None:
    """Put layers beside the code, and fetch what the code needs, off the event loop."""
    try:
        folder = await asyncio.to_thread(service.store.packages.complete, configuration)
        await asyncio.to_thread(service.host.prepare, configuration.runtime, folder)
    except TunerError as error:
        raise invalid(str(error).replace("\n", " ")) from error


def _find(service: Service, ref: FunctionRef) -> tuple[Function, Version | None]:
    function = service.registry.get(ref)
    return function, service.registry.version(function, ref.qualifier)


def _latest(service: Service, call: ApiRequest) -> Function:
    ref = call.ref(CHANGING)
    if ref.qualifier not in (None, LATEST):
        raise functions_only()
    return service.registry.get(FunctionRef(ref.region, ref.name))


async def publish_version(service: Service, call: ApiRequest) -> Response:
    """PublishVersion: 201; the last version again if nothing has changed."""
    body = call.body()
    _warn(service, body)
    function = service.registry.get(call.ref(CHANGING))
    function.check_change(body.get("RevisionId"))
    given, have = body.get("CodeSha256"), function.shown.code.sha256
    if given is not None and given != have:
        raise invalid(
            f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({have}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    version = service.registry.publish(function, body.get("Description"))
    return document(function.document(version), 201)


async def list_versions(service: Service, call: ApiRequest) -> Response:
    """ListVersionsByFunction: $LATEST first."""
    function = service.registry.get(call.ref())
    versions = (None, *function.versions.values())
    listed = [function.document(version, listed=True) for version in versions]
    return document(page(listed, "Versions", call.query))
